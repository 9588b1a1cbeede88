/**
 * What has been received of one boot epoch: a set of sequence numbers, kept as `upTo` (all of
 * 1…upTo) and disjoint ranges beyond it. Pure; property-tested against a plain set of numbers.
 */

/** First and last number, both included. */
export type SeqRange = readonly [from: number, to: number];

export interface Cursor {
  /** Every number from 1 to this one has been received; 0 means none. */
  readonly upTo: number;
  /** Further ranges, ascending, disjoint and not touching each other or `upTo`. */
  readonly beyond: readonly SeqRange[];
}

export const emptyCursor: Cursor = { upTo: 0, beyond: [] };

/** Ranges beyond `upTo` that a cursor may hold: bounds its row and every acknowledgement. */
export const rangesMax = 1000;

/** Whether the number has been received. */
export function hasReceived(cursor: Cursor, seq: number): boolean {
  if (seq <= cursor.upTo) return true;
  let low = 0;
  let high = cursor.beyond.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [from, to] = cursor.beyond[middle] ?? [0, 0]; // low ≤ middle ≤ high are in range
    if (seq < from) high = middle - 1;
    else if (seq > to) low = middle + 1;
    else return true;
  }
  return false;
}

/**
 * Takes numbers in. Where more than `max` ranges would remain, the highest are left out: they stay
 * unacknowledged, so the device sends them again once the gaps below are filled.
 * @param ranges numbers that arrived or will never come, in any order, overlapping or not
 */
export function receive(cursor: Cursor, ranges: readonly SeqRange[], max = rangesMax): Cursor {
  const sorted = [...cursor.beyond, ...ranges].sort((a, b) => a[0] - b[0]);
  let upTo = cursor.upTo;
  const beyond: [number, number][] = [];
  for (const [from, to] of sorted) {
    if (to < from || to <= upTo) continue;
    const last = beyond.at(-1);
    if (from <= upTo + 1)
      upTo = to; // sorted, so nothing stands beyond yet
    else if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else beyond.push([from, to]);
  }
  return { upTo, beyond: beyond.slice(0, max) };
}

/** Writes ranges as PostgreSQL's int8multirange. */
export function toMultirange(ranges: readonly SeqRange[]): string {
  return `{${ranges.map(([from, to]) => `[${from},${to}]`).join(",")}}`;
}

/** Reads PostgreSQL's canonical int8multirange, `{[3,5),[8,9)}`. */
export function parseMultirange(text: string): SeqRange[] {
  return [...text.matchAll(/\[(\d+),(\d+)\)/g)].map(([, from, end]) => [
    Number(from),
    Number(end) - 1,
  ]);
}
