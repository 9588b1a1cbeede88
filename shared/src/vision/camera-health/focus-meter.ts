/** The number to watch while turning a lens at commissioning. */
import type { HealthFeatures } from "./measure.ts";

export interface FocusReading {
  /** 0 to 100, where 100 is the sharpest so far. */
  readonly percent: number;
  /** To be passed in the next time. */
  readonly peak: number;
  /** `unclear`: too little light or structure for a focus to be seen. */
  readonly kind: "at-peak" | "below-peak" | "unclear";
}

/** Within this of the peak the lens is as good as there, percent. */
const peakPercentMin = 95;
/** Less contrast than this shows no focus, grey levels. */
const contrastMin = 4;

/**
 * Focus as a share of the best that was seen, since how sharp a scene can be nobody knows: turn the
 * lens past the peak once, then back to it. The score is the geometric mean of Laplacian and
 * Tenengrad: the first has the narrower peak, the second can still be seen far from it.
 * @param peakSoFar 0 at the start
 */
export function focusMeter(
  features: {
    readonly focus: HealthFeatures["focus"];
    readonly tone: Pick<HealthFeatures["tone"], "contrast">;
  },
  peakSoFar: number,
): FocusReading {
  const { focus, tone } = features;
  if (tone.contrast < contrastMin) return { percent: 0, peak: peakSoFar, kind: "unclear" };
  const score = Math.sqrt(focus.laplacian * focus.tenengrad);
  const peak = Math.max(peakSoFar, score);
  const percent = peak === 0 ? 0 : Math.round((100 * score) / peak);
  return { percent, peak, kind: percent >= peakPercentMin ? "at-peak" : "below-peak" };
}
