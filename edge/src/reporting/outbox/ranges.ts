/** Ranges of sequence numbers, ends included. Pure. */
export type Range = readonly [first: number, last: number];

/** What the cloud has said it holds of one epoch. */
export interface Covered {
  readonly upTo: number;
  readonly beyond: readonly Range[];
}

/** Groups ascending numbers into ranges without holes. */
export function toRanges(ascending: readonly number[]): Range[] {
  const ranges: [number, number][] = [];
  for (const n of ascending) {
    const last = ranges.at(-1);
    if (last !== undefined && n === last[1] + 1) last[1] = n;
    else ranges.push([n, n]);
  }
  return ranges;
}

/** Does the cloud hold every number of this range? `beyond` is ascending and disjoint. */
export function covers(covered: Covered, [first, last]: Range): boolean {
  if (last <= covered.upTo) return true;
  return covered.beyond.some(([from, to]) => Math.min(first, to + 1) >= from && last <= to);
}
