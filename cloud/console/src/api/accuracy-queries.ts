/** How often devices are right, as far as stations have labelled their results. */
import { devices } from "@fieldloop/shared/contract/devices";
import { queryOptions } from "@tanstack/react-query";
import { client } from "./client.ts";

const dayMs = 86_400_000;
const recentMs = 15 * 60_000;
/** Labels come in small batches that no live event speaks of. */
const refetchEveryMs = 20_000;

/** The last 24 hours. */
export const accuracyQuery = queryOptions({
  queryKey: ["accuracy"],
  queryFn: () => client.call(devices.accuracy, { query: { from: Date.now() - dayMs } }),
});

/** The last 15 minutes of the whole fleet, renewed while it is looked at. */
export const recentAccuracyQuery = queryOptions({
  queryKey: ["accuracy", "recent"],
  queryFn: () => client.call(devices.accuracy, { query: { from: Date.now() - recentMs } }),
  refetchInterval: refetchEveryMs,
});

/** One device in steps of capture time. */
export const accuracySeriesQuery = (id: string, range: string, rangeMs: number, stepMs: number) =>
  queryOptions({
    queryKey: ["accuracy", "series", id, range],
    queryFn: () => {
      const to = Date.now();
      return client.call(devices.accuracySeries, {
        params: { id },
        query: { from: to - rangeMs, to, stepMs },
      });
    },
    refetchInterval: refetchEveryMs,
  });
