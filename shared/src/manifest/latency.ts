/** Speeds of two files of one model, measured in turns. */
import * as z from "zod/mini";
import { count } from "../ids.ts";

const milliseconds = z.number().check(z.gte(0));
const percentiles = z.object({ p50: milliseconds, p95: milliseconds });

/** Latencies in milliseconds: filling the input tensor and running the graph. */
export const latencyComparison = z.object({
  /** Pairs of runs, each pair in the other order. */
  pairs: count,
  referenceMs: percentiles,
  subjectMs: percentiles,
  /** Median of reference time divided by subject time, pair by pair: above 1 is faster. */
  ratioMedian: z.number(),
  /** The median is above this with a confidence of 90 %. */
  ratioLower90: z.number(),
});
export type LatencyComparison = z.infer<typeof latencyComparison>;
