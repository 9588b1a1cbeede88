/** Which samples set the ranges and which judge the result. */
import { AppError } from "@fieldloop/shared/errors";
import type { Sample } from "./evaluate.ts";

/** More samples hardly change a range. */
export const calibrationSamplesMax = 300;
/** With fewer, both sides need all of them. */
const splitMin = 60;

export interface Split {
  readonly calibration: readonly Sample[];
  readonly evaluation: readonly Sample[];
  /** Whether no sample is on both sides. */
  readonly heldOut: boolean;
}

/**
 * Every other sample judges, since neighbours in a folder are alike. Where only some are labelled,
 * those judge and the others set the ranges.
 * @throws AppError `no-samples` where there is none
 */
export function splitSamples(samples: readonly Sample[]): Split {
  if (samples.length === 0)
    throw new AppError({ code: "no-samples", message: "There is no picture to calibrate with" });
  const labelled = samples.filter(({ label }) => label !== null);
  const plain = samples.filter(({ label }) => label === null);
  if (plain.length >= splitMin && labelled.length > 0)
    return { calibration: spread(plain), evaluation: labelled, heldOut: true };
  const judges = labelled.length > 0 ? labelled : samples;
  if (judges.length < splitMin)
    return { calibration: spread(samples), evaluation: judges, heldOut: false };
  const [even, odd] = [0, 1].map((rest) => judges.filter((_, i) => i % 2 === rest));
  const more = labelled.length > 0 ? plain : [];
  return { calibration: spread([...more, ...(even ?? [])]), evaluation: odd ?? [], heldOut: true };
}

/** At most so many, evenly from all. */
export function spread(samples: readonly Sample[], most = calibrationSamplesMax): Sample[] {
  if (samples.length <= most) return [...samples];
  return Array.from({ length: most }, (_, i) => Math.floor((i * samples.length) / most)).flatMap(
    (index) => samples[index] ?? [],
  );
}
