/** Features of a camera that is well, to be changed by a test. */
import type { HealthFeatures } from "../measure.ts";
import type { Registration } from "../register.ts";

export const wellRegistration: Registration = {
  dx: 0,
  dy: 0,
  rotationDegrees: 0,
  scale: 1,
  displacement: 0,
  displacementShare: 0,
  confidence: 0.95,
  confidenceUnmoved: 0.95,
  explained: 0,
};

export const well = {
  hash: "0123456789abcdef",
  tone: {
    mean: 110,
    p01: 12,
    p05: 30,
    p50: 108,
    p95: 200,
    p99: 225,
    contrast: 48,
    entropy: 7.1,
    darkShare: 0.01,
    brightShare: 0,
  },
  noise: 0.6,
  focus: { laplacian: 0.8, tenengrad: 1.9 },
  edgeDensity: 0.14,
  darkChannel: 0.3,
  saturation: 0.13,
  localContrast: { columns: 16, rows: 12, values: Array.from({ length: 192 }, () => 0.1) },
  change: { identical: false, difference: 0.6 },
  compared: {
    sharpness: 1,
    contrastKept: 1,
    layoutSlope: 1,
    coveredShare: 0,
    stillShare: 0,
  },
  usual: { saturation: 0.13, darkShare: 0.01, brightShare: 0, darkChannel: 0.3 },
  registration: wellRegistration,
} as const satisfies HealthFeatures;

/** What of the comparison differs from a camera that is well. */
export function compared(
  changes: Partial<NonNullable<HealthFeatures["compared"]>>,
): HealthFeatures {
  return { ...well, compared: { ...well.compared, ...changes } };
}
