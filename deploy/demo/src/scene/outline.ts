import type { Egg } from "./item.ts";
import { between, type Random } from "./random.ts";

/** Samples of an outline along the egg's axis. */
export const OUTLINE_SAMPLES = 256;
/** The axis is sampled a little beyond both ends, where the squared width goes below zero. */
export const AXIS_LIMIT = 1.1;

/**
 * An egg's outline, sampled along its axis from -AXIS_LIMIT to AXIS_LIMIT half-lengths. The body is
 * the turned outline, so heights and normals follow from it.
 */
export interface Outline {
  /** Squared half-width, px²; negative outside the egg. */
  readonly squared: Float32Array;
  /** Half the slope of the squared half-width, px: minus the normal's part along the axis. */
  readonly slope: Float32Array;
  /** How far the middle line lies beside the axis, px, and its slope. */
  readonly middle: Float32Array;
  readonly middleSlope: Float32Array;
}

/** How a misshapen egg differs from a sound one; zero everywhere for the others. */
interface Deformation {
  aspect: number;
  taper: number;
  /** Depth, place and width of a waist. */
  waist: number;
  waistAt: number;
  bend: number;
  /** Height and place of a lump on one side, or of a flat when negative. */
  lump: number;
  lumpAt: number;
  lumpWidth: number;
  /** Height and count of ridges around the egg. */
  ridges: number;
  ridgeCount: number;
}

/** The egg's outline; a misshapen one is deformed as the random numbers say. */
export function outlineOf(egg: Egg, random: Random): Outline {
  const shape: Deformation = {
    aspect: egg.aspect,
    taper: egg.taper,
    waist: 0,
    waistAt: 0,
    bend: 0,
    lump: 0,
    lumpAt: 0,
    lumpWidth: 0.3,
    ridges: 0,
    ridgeCount: 10,
  };
  if (egg.label === "misshapen") deform(shape, random);
  return sample(shape, egg.halfLength);
}

/** One deformation, plain or hard to see, or two milder ones. */
function deform(shape: Deformation, random: Random): void {
  const both = random() < 0.35;
  const first = Math.floor(random() * 6);
  const mild = !both && random() < 0.3;
  deformOne(shape, first, both ? 0.7 : mild ? between(random, 0.45, 0.65) : 1, random);
  if (both) deformOne(shape, (first + 1 + Math.floor(random() * 5)) % 6, 0.6, random);
}

function deformOne(shape: Deformation, kind: number, strength: number, random: Random): void {
  const sign = random() < 0.5 ? -1 : 1;
  if (kind === 0) {
    shape.waist = strength * between(random, 0.13, 0.26);
    shape.waistAt = between(random, -0.3, 0.35);
  } else if (kind === 1) {
    shape.bend = sign * strength * between(random, 0.22, 0.42);
  } else if (kind === 2) {
    shape.lump = strength * between(random, 0.17, 0.28) * sign;
    shape.lumpAt = between(random, -0.55, 0.55);
    shape.lumpWidth = between(random, 0.3, 0.46);
  } else if (kind === 3) {
    shape.taper = 0.14 + strength * between(random, 0.14, 0.24);
  } else if (kind === 4) {
    shape.aspect = sign < 0 ? 1.27 - 0.25 * strength : 1.36 + strength * between(random, 0.24, 0.4);
  } else {
    shape.ridges = strength * between(random, 0.014, 0.026);
    shape.ridgeCount = between(random, 11, 17);
  }
}

function sample(shape: Deformation, halfLength: number): Outline {
  const squared = new Float32Array(OUTLINE_SAMPLES);
  const middle = new Float32Array(OUTLINE_SAMPLES);
  const halfWidth = halfLength / shape.aspect;
  for (let i = 0; i < OUTLINE_SAMPLES; i++) {
    const x = ((2 * i) / (OUTLINE_SAMPLES - 1) - 1) * AXIS_LIMIT;
    const lump = shape.lump * hill((x - shape.lumpAt) / shape.lumpWidth);
    const waist = 1 - shape.waist * hill((x - shape.waistAt) / 0.36);
    const ridges = 1 + shape.ridges * Math.sin(shape.ridgeCount * x);
    const width =
      halfWidth * (1 - shape.taper * x) * waist * ridges + (halfWidth * Math.abs(lump)) / 2;
    squared[i] = (1 - x * x) * width * width;
    middle[i] = halfWidth * (lump / 2 + shape.bend * (x * x - 0.4));
  }
  const stepPx = (2 * AXIS_LIMIT * halfLength) / (OUTLINE_SAMPLES - 1);
  return {
    squared,
    slope: slopes(squared, stepPx * 2),
    middle,
    middleSlope: slopes(middle, stepPx),
  };
}

function slopes(values: Float32Array, step: number): Float32Array {
  return values.map((_, i) => {
    const before = values[Math.max(0, i - 1)] ?? 0;
    const after = values[Math.min(values.length - 1, i + 1)] ?? 0;
    return (after - before) / (2 * step);
  });
}

/** A smooth hill of height 1 and half-width about 1. */
function hill(x: number): number {
  return Math.exp(-x * x);
}
