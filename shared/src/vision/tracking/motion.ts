/**
 * Where an object will be, and what a new box says about it: a Kalman filter with constant velocity
 * and white-noise acceleration (Bar-Shalom, Li and Kirubarajan 2001, section 6.2.2). It works on
 * elapsed time, so frames may be late or missing. Both axes share one covariance, in sizes. Pure.
 */
import * as z from "zod/mini";
import type { Box } from "../fit.ts";
import type { TrackingSettings } from "./settings.ts";

export const boxSchema = z.tuple([z.number(), z.number(), z.number(), z.number()]);

export const motionSchema = z.object({
  /** Smoothed box, fractions of the picture. */
  box: boxSchema,
  /** Velocity in picture fractions per millisecond. */
  vx: z.number(),
  vy: z.number(),
  /** Covariance of place and velocity: sizes², sizes² per ms, sizes² per ms². */
  pp: z.number(),
  pv: z.number(),
  vv: z.number(),
});
export type Motion = z.infer<typeof motionSchema>;

/** A velocity to begin with, and its variance in sizes² per ms². */
export type Start = Pick<Motion, "vx" | "vy" | "vv">;

type MotionSettings = Pick<
  TrackingSettings,
  "noiseSizes" | "speedChangeSizesPerS" | "borderMin" | "speedSizesPerS"
>;

/** How much of a new width and height is believed at once; the rest is the one known so far. */
const sizeGain = 0.4;

/** The longer side: what is left of an object that the picture's edge cuts across it. */
export function sizeOf(box: Box): number {
  return Math.max(box[2] - box[0], box[3] - box[1], 1e-6);
}

export function begin(box: Box, start: Start, { noiseSizes }: MotionSettings): Motion {
  return { box: [...box], ...start, pp: noiseSizes ** 2, pv: 0 };
}

/** The motion `elapsedMs` later, with nothing seen in between. */
export function predict(motion: Motion, elapsedMs: number, settings: MotionSettings): Motion {
  const t = elapsedMs;
  const q = settings.speedChangeSizesPerS ** 2 / 1e9; // sizes² per s³ in milliseconds
  const { box, vx, vy, pp, pv, vv } = motion;
  const size = sizeOf(box);
  const [x1, x2] = shift(box[0], box[2], vx * t, size, settings.borderMin);
  const [y1, y2] = shift(box[1], box[3], vy * t, size, settings.borderMin);
  return {
    box: [x1, y1, x2, y2],
    vx,
    vy,
    pp: pp + 2 * t * pv + t * t * vv + (q * t ** 3) / 3,
    pv: pv + t * vv + (q * t * t) / 2,
    vv: vv + q * t,
  };
}

/** Standard deviation of where the next box will be found, in sizes. */
export function spreadOf({ pp }: Motion, { noiseSizes }: MotionSettings): number {
  return Math.sqrt(pp + noiseSizes ** 2);
}

/**
 * Takes a measured box in.
 * @param before the motion as it was when the object was last seen
 * @param predicted the same, predicted to the time of the measurement
 */
export function correct(
  before: Motion,
  predicted: Motion,
  measured: Box,
  settings: MotionSettings,
): Motion {
  const { pp, pv, vv } = predicted;
  const spread = pp + settings.noiseSizes ** 2;
  const gain = pp / spread;
  const axis = (lo: 0 | 1, hi: 2 | 3) =>
    fuse(
      [before.box[lo], before.box[hi]],
      [predicted.box[lo], predicted.box[hi]],
      [measured[lo], measured[hi]],
      gain,
      settings.borderMin,
    );
  const [x, y] = [axis(0, 2), axis(1, 3)];
  return {
    box: [x.lo, y.lo, x.hi, y.hi],
    vx: predicted.vx + (pv / spread) * x.surprise,
    vy: predicted.vy + (pv / spread) * y.surprise,
    pp: (1 - gain) * pp,
    pv: (1 - gain) * pv,
    vv: vv - (pv * pv) / spread,
  };
}

/**
 * Moves the two sides of a box along one axis, within the picture. A side that the edge cuts stays
 * there until the object is as long as it may be taken to be.
 */
function shift(lo: number, hi: number, by: number, size: number, border: number): [number, number] {
  const [loCut, hiCut] = [lo <= border, hi >= 1 - border];
  if (loCut && hiCut) return [lo, hi];
  if (loCut) {
    const end = within(hi + by);
    return [Math.min(end, Math.max(0, hi + by - size)), end];
  }
  if (hiCut) {
    const start = within(lo + by);
    return [start, Math.max(start, Math.min(1, lo + by + size))];
  }
  return [within(lo + by), within(hi + by)];
}

type Sides = readonly [number, number];

/** Fuses one axis. Only sides that the edge cuts neither before nor now tell of motion. */
function fuse(
  before: Sides,
  predicted: Sides,
  measured: Sides,
  gain: number,
  border: number,
): { readonly lo: number; readonly hi: number; readonly surprise: number } {
  const loTells = before[0] > border && measured[0] > border && predicted[0] > 0;
  const hiTells = before[1] < 1 - border && measured[1] < 1 - border && predicted[1] < 1;
  const [loOff, hiOff] = [measured[0] - predicted[0], measured[1] - predicted[1]];
  if (loTells && hiTells) {
    const surprise = (loOff + hiOff) / 2;
    const centre = (predicted[0] + predicted[1]) / 2 + gain * surprise;
    const known = predicted[1] - predicted[0];
    const half = (known + sizeGain * (measured[1] - measured[0] - known)) / 2;
    return { lo: within(centre - half), hi: within(centre + half), surprise };
  }
  const surprise = loTells ? loOff : hiTells ? hiOff : 0;
  return { lo: measured[0], hi: measured[1], surprise };
}

function within(value: number): number {
  return Math.min(1, Math.max(0, value));
}
