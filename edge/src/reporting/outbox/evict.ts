/** Makes room when the outbox outgrows its quota: oldest telemetry first, events only after it. */
import { rowClasses } from "./batch.ts";
import type { OutboxLimits, Usage } from "./limits.ts";
import { toRanges } from "./ranges.ts";
import type { Store } from "./store.ts";

const rowsPerStep = 256;
/** Evicting goes a bit further than it must, so that it need not be done with every commit. */
const keptShare = 0.9;

/**
 * Deletes rows until the quota holds again; part of the caller's transaction.
 * @param onGone notes the numbers of one epoch, ascending, that will never be sent
 */
export function evictOldest(
  store: Store,
  usage: Usage,
  limits: Pick<OutboxLimits, "bytesMax" | "rowsMax">,
  onGone: (epoch: number, seqs: readonly number[]) => void,
): { readonly usage: Usage; readonly evicted: number } {
  let { rows, bytes } = usage;
  const above = (share: number) => bytes > limits.bytesMax * share || rows > limits.rowsMax * share;
  if (!above(1)) return { usage, evicted: 0 };
  const gone = new Map<number, number[]>();
  for (const rowClass of rowClasses.toReversed()) {
    while (above(keptShare)) {
      const oldest = store.oldest(rowClass, rowsPerStep);
      if (oldest.length === 0) break;
      gone.clear();
      for (const row of oldest) {
        if (!above(keptShare)) break;
        gone.set(row.epoch, [...(gone.get(row.epoch) ?? []), row.seq]);
        rows -= 1;
        bytes -= row.bytes;
      }
      for (const [epoch, seqs] of gone) {
        for (const range of toRanges(seqs)) store.deleteRange(epoch, range);
        onGone(epoch, seqs);
      }
    }
  }
  return { usage: { rows, bytes }, evicted: usage.rows - rows };
}
