/**
 * The range that loses the least information: for each candidate the values are squeezed into as many
 * levels as 8 bits have for them and compared with what they were, by the Kullback-Leibler divergence
 * (Migacz, "8-bit inference with TensorRT", 2017).
 *
 * The trap of that method is a histogram of no more bins than levels: it has one candidate, the whole
 * range, and clips nothing. Here there are always at least `half / 2` bins to a side and some hundred
 * candidates.
 */
import { assert } from "@fieldloop/shared/errors";
import { binsTo, type Histogram } from "./histogram.ts";
import type { Range } from "./range.ts";

/** More make the search slower and no better. */
const candidatesMax = 256;
/** What an empty bin counts for, so that a comparison with it stays finite. */
const smoothing = 1e-4;

/** @param options.quantisedBins levels that are compared with; about half of what 8 bits have */
export function entropyRange(
  histogram: Histogram,
  options: { readonly quantisedBins?: number } = {},
): Range {
  const { half, counts, width, min, max } = histogram;
  const { quantisedBins = 128 } = options;
  // What lies on one side of 0 only, as after a ReLU, has all levels for that side.
  const [left, right] = [min < 0 ? 1 : 0, max > 0 ? 1 : 0];
  const used = binsTo(histogram, Math.max(-min, max));
  const least = Math.ceil(quantisedBins / (left + right));
  assert(used > least, "there are more bins than levels");
  const step = Math.max(1, Math.floor((used - least) / candidatesMax));
  let best = { bins: used, divergence: Number.POSITIVE_INFINITY };
  for (let bins = used; bins >= least; bins -= step) {
    const from = half - left * bins;
    const to = half + right * bins;
    const divergence = divergenceOf(counts, from, to, quantisedBins);
    if (divergence < best.divergence) best = { bins, divergence };
  }
  const size = best.bins * width;
  return { min: Math.max(min, -size), max: Math.min(max, size) };
}

/** How much is lost when the bins [from, to) are squeezed into fewer and the rest is clipped. */
function divergenceOf(
  counts: Float64Array,
  from: number,
  to: number,
  quantisedBins: number,
): number {
  const kept = counts.slice(from, to);
  const p = kept.slice();
  const last = p.length - 1;
  p[0] = (p[0] ?? 0) + sum(counts, 0, from);
  p[last] = (p[last] ?? 0) + sum(counts, to, counts.length);
  const q = squeeze(kept, p, quantisedBins);
  return smooth(p) && smooth(q) ? kullbackLeibler(p, q) : Number.POSITIVE_INFINITY;
}

/** The kept values in fewer bins, spread again over those bins in which there was something. */
function squeeze(kept: Float64Array, p: Float64Array, quantisedBins: number): Float64Array {
  const q = new Float64Array(kept.length);
  const merged = Math.floor(kept.length / quantisedBins);
  for (let index = 0; index < quantisedBins; index++) {
    const start = index * merged;
    const end = index === quantisedBins - 1 ? kept.length : start + merged;
    let total = 0;
    let filled = 0;
    for (let bin = start; bin < end; bin++) {
      total += kept[bin] ?? 0;
      if (p[bin] !== 0) filled++;
    }
    for (let bin = start; bin < end; bin++) if (p[bin] !== 0) q[bin] = total / filled;
  }
  return q;
}

/** Takes a little from every filled bin for the empty ones; `false` where that cannot be. */
function smooth(values: Float64Array): boolean {
  let empty = 0;
  for (const value of values) if (value === 0) empty++;
  const filled = values.length - empty;
  if (filled === 0) return false;
  const taken = (smoothing * empty) / filled;
  if (taken >= 1) return false;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    values[i] = value === 0 ? smoothing : Math.max(smoothing, value - taken);
  }
  return true;
}

function kullbackLeibler(p: Float64Array, q: Float64Array): number {
  const [pSum, qSum] = [sum(p, 0, p.length), sum(q, 0, q.length)];
  let divergence = 0;
  for (let i = 0; i < p.length; i++) {
    const share = (p[i] ?? 0) / pSum;
    divergence += share * Math.log((share * qSum) / (q[i] ?? 0));
  }
  return divergence;
}

function sum(values: Float64Array, from: number, to: number): number {
  let total = 0;
  for (let i = from; i < to; i++) total += values[i] ?? 0;
  return total;
}
