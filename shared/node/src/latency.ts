/**
 * Compares the speed of two models: in pairs, each pair in the other order, so that whatever slows
 * one slows both; the bound of the median asks nothing of how times are distributed.
 */
import type { LatencyComparison } from "@fieldloop/shared/manifest/latency";
import type { ModelInput } from "@fieldloop/shared/manifest/model";
import { loadPixels, type Pixels } from "./image.ts";
import type { Model } from "./model.ts";

const warmUpPairs = 20;

export interface PairOptions {
  readonly pairs: number;
  /** What is looked at in a pair; time does not depend on what a picture shows. */
  readonly pixels: (pair: number) => Pixels;
  /** Awaited after every single run, with what it took in milliseconds: whoever else needs the processor goes first. */
  readonly between?: (tookMs: number) => Promise<void>;
}

/**
 * Runs both models in turns; the first pairs warm up and do not count.
 * @returns times to fill the input and to run the graph, in milliseconds
 */
export async function comparePairs(
  reference: Pick<Model, "run">,
  subject: Pick<Model, "run">,
  { pairs, pixels, between }: PairOptions,
): Promise<LatencyComparison> {
  const models = [reference, subject] as const;
  const times: [number[], number[]] = [[], []];
  for (let i = -warmUpPairs; i < pairs; i++) {
    const shown = pixels(i + warmUpPairs);
    for (const which of i % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const { stagesMs } = await models[which].run(shown);
      const tookMs = stagesMs.tensor + stagesMs.run;
      if (i >= 0) times[which].push(tookMs);
      await between?.(tookMs);
    }
  }
  return summarise(...times);
}

/** A grey picture of a model's size. */
export async function greyPixels({ width, height, fit }: ModelInput): Promise<Pixels> {
  const data = new Uint8Array(3 * width * height).fill(127);
  return await loadPixels({ kind: "raw", data, width, height }, { size: { width, height }, fit });
}

/** @param referenceMs and subjectMs of the same pairs */
export function summarise(
  referenceMs: readonly number[],
  subjectMs: readonly number[],
): LatencyComparison {
  const ratios = referenceMs.map((ms, i) => ms / (subjectMs[i] ?? Number.NaN)).sort(ascending);
  const at = (values: readonly number[], q: number): number =>
    values.toSorted(ascending)[Math.min(values.length - 1, Math.floor(q * values.length))] ?? 0;
  const both = (values: readonly number[]) => ({ p50: at(values, 0.5), p95: at(values, 0.95) });
  return {
    pairs: ratios.length,
    referenceMs: both(referenceMs),
    subjectMs: both(subjectMs),
    ratioMedian: at(ratios, 0.5),
    ratioLower90: ratios[medianLowerIndex(ratios.length, 0.9)] ?? 0,
  };
}

/**
 * Rank (from 0) of the order statistic that lies below the median with the given confidence: the
 * number of values below the median is binomial with p = 1/2, whatever their distribution.
 */
export function medianLowerIndex(count: number, confidence: number): number {
  let logTerm = -count * Math.LN2;
  let below = 0;
  for (let k = 0; k < count; k++) {
    below += Math.exp(logTerm);
    if (below > 1 - confidence) return Math.max(0, k - 1);
    logTerm += Math.log(count - k) - Math.log(k + 1);
  }
  return 0;
}

function ascending(a: number, b: number): number {
  return a - b;
}
