/** From the values a tensor took to the range that 8 bits shall cover. */
import { AppError } from "@fieldloop/shared/errors";
import { entropyRange } from "./entropy.ts";
import type { Histogram } from "./histogram.ts";
import { percentileRange } from "./percentile.ts";

export interface Range {
  readonly min: number;
  readonly max: number;
}

export type CalibrationMethod =
  | { readonly kind: "min-max"; readonly symmetric?: boolean }
  | { readonly kind: "percentile"; readonly percentile?: number; readonly symmetric?: boolean }
  | { readonly kind: "entropy"; readonly quantisedBins?: number };

/**
 * The range of a tensor by a method; always inside what was observed.
 * @param name the tensor's, for the error
 * @throws AppError `calibration-failed` where nothing was observed, or something that is no number
 */
export function calibratedRange(
  histogram: Histogram,
  method: CalibrationMethod,
  name: string,
): Range {
  const { min, max, notFinite } = histogram;
  if (notFinite > 0) {
    throw failed(
      `The tensor ${name} held ${notFinite} values that are no finite numbers; check the model's weights and the calibration images`,
    );
  }
  if (min > max) {
    throw failed(`The tensor ${name} was never observed; calibrate with at least one image`);
  }
  if (min === max) return { min, max };
  switch (method.kind) {
    case "min-max": {
      const size = Math.max(-min, max);
      return method.symmetric === true ? { min: -size, max: size } : { min, max };
    }
    case "percentile":
      return percentileRange(histogram, method);
    case "entropy":
      return entropyRange(histogram, method);
  }
}

function failed(message: string): AppError {
  return new AppError({ code: "calibration-failed", message, status: 422 });
}
