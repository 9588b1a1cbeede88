/** The range that leaves out a given share of the values, where they are rare. */
import { countOf, type Histogram } from "./histogram.ts";
import type { Range } from "./range.ts";

/**
 * @param options.percentile share of the values that stays inside, in per cent
 * @param options.symmetric leaves out by size alone; else half of the share at either end
 */
export function percentileRange(
  histogram: Histogram,
  options: { readonly percentile?: number; readonly symmetric?: boolean },
): Range {
  const { half, width, min, max } = histogram;
  const { percentile = 99.999, symmetric = true } = options;
  const outside = (countOf(histogram) * (100 - percentile)) / 100;
  if (symmetric) {
    const size = (half - skipped(half, outside, (bin) => pairAt(histogram, bin))) * width;
    return { min: Math.max(min, -size), max: Math.min(max, size) };
  }
  const bins = 2 * half;
  const above = skipped(bins, outside / 2, (bin) => histogram.counts[bin] ?? 0);
  const below = skipped(bins, outside / 2, (bin) => histogram.counts[bins - 1 - bin] ?? 0);
  return {
    min: Math.min(max, Math.max(min, (below - half) * width)),
    max: Math.max(min, Math.min(max, (half - above) * width)),
  };
}

/** Values of the size of a bin, on both sides of 0. */
function pairAt({ counts, half }: Histogram, bin: number): number {
  return (counts[half + bin] ?? 0) + (counts[half - 1 - bin] ?? 0);
}

/** Bins that can be left out from the last one down, with at most so many values in them. */
function skipped(bins: number, outside: number, countAt: (bin: number) => number): number {
  let sum = 0;
  let skip = 0;
  while (skip < bins) {
    sum += countAt(bins - 1 - skip);
    if (sum > outside) break;
    skip++;
  }
  return skip;
}
