import * as z from "zod/mini";

/**
 * Mergeable histogram with logarithmic buckets: bucket i counts values in (γ^(i-1), γ^i], so any
 * quantile is exact to within a relative error of (γ-1)/(γ+1). Source: Masson, Rim, Lee, "DDSketch",
 * VLDB 2019, without its collapsing store because the index is clamped instead.
 */
const gamma = 1.05;
const logGamma = Math.log(gamma);
const indexMax = 400; // γ^400 ≈ 3.0e8: eight decades above one unit
const indexMin = -150; // γ^-150 ≈ 6.6e-4

/** Sparse wire form: bucket index and count, ascending by index. */
export const histogramSchema = z
  .array(z.tuple([z.int().check(z.gte(indexMin), z.lte(indexMax)), z.int().check(z.positive())]))
  .check(z.maxLength(indexMax - indexMin + 1));
export type Histogram = z.infer<typeof histogramSchema>;

/** The bucket a value falls in; values at or below zero fall in the lowest one. */
export function bucketOf(value: number): number {
  if (!(value > 0)) return indexMin;
  return Math.min(indexMax, Math.max(indexMin, Math.ceil(Math.log(value) / logGamma)));
}

/** Builds a histogram from values of one unit. */
export function histogramOf(values: Iterable<number>): Histogram {
  const counts = new Map<number, number>();
  for (const value of values) {
    const index = bucketOf(value);
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  return fromCounts(counts);
}

/** Histogram of several histograms together; merging is associative and commutative. */
export function mergeHistograms(parts: Iterable<Histogram>): Histogram {
  const counts = new Map<number, number>();
  for (const part of parts)
    for (const [index, n] of part) counts.set(index, (counts.get(index) ?? 0) + n);
  return fromCounts(counts);
}

/** How many values went in. */
export function histogramCount(histogram: Histogram): number {
  return histogram.reduce((sum, [, n]) => sum + n, 0);
}

/**
 * The q-quantile (nearest rank), as the middle of its bucket; `undefined` for an empty histogram.
 * @param q from 0 to 1
 */
export function quantile(histogram: Histogram, q: number): number | undefined {
  const rank = Math.max(1, Math.ceil(q * histogramCount(histogram)));
  let seen = 0;
  for (const [index, n] of histogram) {
    seen += n;
    if (seen >= rank) return (2 * gamma ** index) / (1 + gamma);
  }
  return undefined;
}

function fromCounts(counts: ReadonlyMap<number, number>): Histogram {
  return [...counts].sort(([a], [b]) => a - b);
}
