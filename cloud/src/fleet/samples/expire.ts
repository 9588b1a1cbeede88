/** Lets go of samples that are not kept any longer. */
import { RecurrenceRule, scheduleJob } from "node-schedule";
import type { Receiving } from "./receive.ts";
import { deleteSample, expiredSamples } from "./store.ts";

const atOnce = 500;
const [hourMs, dayMs] = [3_600_000, 86_400_000];

/** The row goes first: a file without one is gone for everybody, and its name comes again with its bytes. */
export async function expireSamples({ platform, files, bounds }: Receiving): Promise<number> {
  const now = platform.now();
  const limits = {
    kept: new Date(now - bounds.keepDays * dayMs),
    begun: new Date(now - bounds.partialHours * hourMs),
  };
  let gone = 0;
  for (;;) {
    const expired = await expiredSamples(platform.db, limits, atOnce);
    for (const { device, digest } of expired) {
      await deleteSample(platform.db, device, digest);
      await files.remove(device, digest);
    }
    gone += expired.length;
    if (expired.length < atOnce) return gone;
  }
}

/** Expires samples now and every day at 03:41 UTC; returns a function that ends the schedule. */
export async function scheduleSampleExpiry(receiving: Receiving): Promise<() => void> {
  await expireSamples(receiving);
  const rule = new RecurrenceRule();
  rule.hour = 3;
  rule.minute = 41;
  rule.second = 0;
  rule.tz = "Etc/UTC";
  const job = scheduleJob(rule, () => {
    expireSamples(receiving).catch((error) =>
      receiving.platform.log.error({ err: error }, "samples could not be expired"),
    );
  });
  return () => void job.cancel();
}
