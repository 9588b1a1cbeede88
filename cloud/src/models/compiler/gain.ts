/** Whether a quantised model is worth having: measured in pairs, judged by a careful bound. */
import type { LatencyComparison } from "@fieldloop/shared/manifest/latency";
import { comparePairs } from "@fieldloop/shared-node/latency";
import { openModel } from "@fieldloop/shared-node/model";
import type { Sample, Subject } from "./evaluate.ts";

/** Fewer pairs tell little on a machine that does other things too. */
export const pairsMin = 200;
const speedMin = 1.1;
const slownessMin = 0.95;
const sizeRatioMax = 0.5;

/** Compares a quantised file with the float one on real samples; one thread. */
export async function measureGain(
  float: Subject,
  quantised: Subject,
  samples: readonly Sample[],
  pairs = pairsMin,
): Promise<LatencyComparison> {
  const models = [await open(float), await open(quantised)] as const;
  try {
    return await comparePairs(...models, {
      pairs,
      pixels: (pair) => {
        const sample = samples[pair % samples.length];
        if (sample === undefined) throw new Error("there is no sample to measure with");
        return sample.pixels;
      },
    });
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

export interface Verdict {
  readonly kind: "pays" | "does-not-pay";
  /** One sentence with the numbers. */
  readonly because: string;
}

/** At least 1.1 times as fast, or half the size and not slower than 0.95 times. */
export function judgeGain(
  latency: LatencyComparison,
  floatBytes: number,
  quantisedBytes: number,
): Verdict {
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
