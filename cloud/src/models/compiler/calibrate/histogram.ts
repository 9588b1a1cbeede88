/**
 * How often a tensor took which values, in bounded memory: a fixed number of bins of one width on
 * each side of 0. When a value lies outside, bins are merged in pairs until it lies inside; since 0
 * is always an edge, merging is exact and no count is ever spread over bins.
 */
import { assert } from "@fieldloop/shared/errors";

export interface Histogram {
  /** Bins on each side of 0. */
  readonly half: number;
  /** From the lowest bin to the highest; bin `half` begins at 0. */
  readonly counts: Float64Array<ArrayBuffer>;
  /** Width of a bin; 0 until a value other than 0 was seen. */
  width: number;
  /** Smallest and largest value seen; infinite while there is none. */
  min: number;
  max: number;
  /** Values seen that were no finite numbers; they are in no bin. */
  notFinite: number;
}

/** Large enough for entropy to have many candidates at every size; 32 kB per tensor. */
export const defaultHalf = 2048;

/** @param half bins on each side of 0; even */
export function createHistogram(half = defaultHalf): Histogram {
  assert(half > 0 && half % 2 === 0, "bins are merged in pairs");
  return {
    half,
    counts: new Float64Array(2 * half),
    width: 0,
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
    notFinite: 0,
  };
}

/** Adds a chunk of a tensor's values. */
export function observe(histogram: Histogram, chunk: Float32Array): void {
  let { min, max } = histogram;
  for (const value of chunk) {
    if (!Number.isFinite(value)) histogram.notFinite++;
    else {
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  if (min > max) return; // nothing finite yet
  histogram.min = min;
  histogram.max = max;
  widen(histogram, Math.max(-min, max));
  const { counts, half, width } = histogram;
  const last = 2 * half - 1;
  for (const value of chunk) {
    if (!Number.isFinite(value)) continue;
    const bin = width === 0 ? half : half + Math.floor(value / width);
    const inside = Math.min(last, Math.max(0, bin)); // the largest value belongs to the last bin
    counts[inside] = (counts[inside] ?? 0) + 1;
  }
}

/** Number of values in the bins. */
export function countOf(histogram: Histogram): number {
  return histogram.counts.reduce((sum, count) => sum + count, 0);
}

/** Bins from 0 outwards that are needed to reach a value. */
export function binsTo(histogram: Histogram, size: number): number {
  return Math.min(histogram.half, Math.max(1, Math.ceil(size / histogram.width)));
}

function widen(histogram: Histogram, size: number): void {
  if (size === 0) return;
  // Zeros that were seen before any other value lie in the bin that begins at 0, and stay there.
  if (histogram.width === 0) histogram.width = size / histogram.half;
  while (histogram.width * histogram.half < size) mergePairs(histogram);
}

function mergePairs(histogram: Histogram): void {
  const { counts, half } = histogram;
  const merged = new Float64Array(counts.length);
  for (let bin = 0; bin < counts.length; bin++) {
    const target = half / 2 + (bin >> 1);
    merged[target] = (merged[target] ?? 0) + (counts[bin] ?? 0);
  }
  counts.set(merged);
  histogram.width *= 2;
}
