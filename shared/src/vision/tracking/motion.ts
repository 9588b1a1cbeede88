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

/** The motion `elapsedMs` later, with nothing seen in between; its box may lie outside the picture. */
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

/** A motion with one more box taken in. */
export interface Corrected {
  readonly motion: Motion;
  /** How far the box was from its prediction, in standard deviations. */
  readonly deviations: number;
}

/** Above this the object has changed its speed, and its old one no longer counts. */
const deviationsMax = 3;

/** Takes in a box that was measured `elapsedMs` after the motion's own time. */
export function advance(
  before: Motion,
  elapsedMs: number,
  measured: Box,
  settings: MotionSettings,
): Corrected {
  const corrected = correct(before, predict(before, elapsedMs, settings), measured, settings);
  if (corrected.deviations <= deviationsMax) return corrected;
  const unknown = { ...before, pv: 0, vv: (settings.speedSizesPerS / 1000) ** 2 };
  const anew = correct(unknown, predict(unknown, elapsedMs, settings), measured, settings);
  return { motion: anew.motion, deviations: corrected.deviations };
}

function correct(
  before: Motion,
  predicted: Motion,
  measured: Box,
  settings: MotionSettings,
): Corrected {
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
  const motion: Motion = {
    box: [x.lo, y.lo, x.hi, y.hi],
    vx: predicted.vx + (pv / spread) * x.surprise,
    vy: predicted.vy + (pv / spread) * y.surprise,
    pp: (1 - gain) * pp,
    pv: (1 - gain) * pv,
    vv: Math.max(0, vv - (pv * pv) / spread),
  };
  const off = Math.hypot(x.surprise, y.surprise) / sizeOf(before.box);
  return { motion, deviations: off / Math.sqrt(spread) };
}

/**
 * Moves the two sides of a box along one axis. A side that the edge cuts stays there until the object
 * is as long as it may be taken to be; what leaves the picture goes on outside of it.
 */
function shift(lo: number, hi: number, by: number, size: number, border: number): [number, number] {
  const [loCut, hiCut] = [lo <= border, hi >= 1 - border];
  if (loCut === hiCut) return loCut ? [lo, hi] : [lo + by, hi + by];
  if (loCut) return [Math.min(hi + by, Math.max(lo, hi + by - size)), hi + by];
  return [lo + by, Math.max(lo + by, Math.min(hi, lo + by + size))];
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
  const loTells = before[0] > border && measured[0] > border;
  const hiTells = before[1] < 1 - border && measured[1] < 1 - border;
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
