/** Whether a quantised model is worth having: measured in pairs, judged by a careful bound. */
import type { LatencyComparison } from "@fieldloop/shared/manifest/latency";
import { openModel } from "@fieldloop/shared-node/model";
import type { Sample, Subject } from "./evaluate.ts";

/** Fewer pairs tell little on a machine that does other things too. */
export const pairsMin = 200;
const warmUpPairs = 20;
const speedMin = 1.1;
const slownessMin = 0.95;
const sizeRatioMax = 0.5;

/** Reference is the float file, subject the quantised one; one thread. */
export type Latency = LatencyComparison;

/** Runs both models in turns, each pair in the other order, so that whatever slows one slows both. */
export async function measureGain(
  float: Subject,
  quantised: Subject,
  samples: readonly Sample[],
  pairs = pairsMin,
): Promise<Latency> {
  const models = [await open(float), await open(quantised)] as const;
  try {
    const times: [number[], number[]] = [[], []];
    for (let i = -warmUpPairs; i < pairs; i++) {
      const sample = samples[(i + warmUpPairs) % samples.length];
      if (sample === undefined) throw new Error("there is no sample to measure with");
      for (const which of i % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        const { stagesMs } = await models[which].run(sample.pixels);
        if (i >= 0) times[which].push(stagesMs.tensor + stagesMs.run);
      }
    }
    return summarise(...times);
  } finally {
    for (const model of models) await model.close();
  }
}

function open({ bytes, manifest, variant }: Subject) {
  return openModel({
    manifest,
    variant: { ...variant, goldens: [] },
    model: { kind: "bytes", bytes, name: manifest.name },
  });
}

/** @param floatMs and quantisedMs of the same pairs */
export function summarise(floatMs: readonly number[], quantisedMs: readonly number[]): Latency {
  const ratios = floatMs.map((ms, i) => ms / (quantisedMs[i] ?? Number.NaN)).sort(ascending);
  const at = (values: readonly number[], q: number): number =>
    values.toSorted(ascending)[Math.min(values.length - 1, Math.floor(q * values.length))] ?? 0;
  const both = (values: readonly number[]) => ({ p50: at(values, 0.5), p95: at(values, 0.95) });
  return {
    pairs: ratios.length,
    referenceMs: both(floatMs),
    subjectMs: both(quantisedMs),
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

export interface Verdict {
  readonly kind: "pays" | "does-not-pay";
  /** One sentence with the numbers. */
  readonly because: string;
}

/** At least 1.1 times as fast, or half the size and not slower than 0.95 times. */
export function judgeGain(latency: Latency, floatBytes: number, quantisedBytes: number): Verdict {
  const size = quantisedBytes / floatBytes;
  const numbers = `${latency.ratioMedian.toFixed(2)} times the float model's speed (at least ${latency.ratioLower90.toFixed(2)} with 90 % confidence, ${latency.pairs} pairs) and ${size.toFixed(2)} of its size`;
  if (latency.ratioLower90 >= speedMin) return { kind: "pays", because: `It has ${numbers}.` };
  if (size <= sizeRatioMax && latency.ratioLower90 >= slownessMin)
    return { kind: "pays", because: `It has ${numbers}: no faster, but much smaller.` };
  return {
    kind: "does-not-pay",
    because: `It has ${numbers}; ${speedMin} times the speed is asked for, or half the size at ${slownessMin} times.`,
  };
}

function ascending(a: number, b: number): number {
  return a - b;
}
