/** Sensor noise of a thumbnail, and what changed since the frame before. */
import { type Bands, noiseGain, tileAt, tileGrid } from "./bands.ts";
import type { Thumbnail } from "./thumbnail.ts";
import { median, quantile } from "./tone.ts";

/** Between two frames. */
export interface Change {
  /** Not one byte differs. */
  readonly identical: boolean;
  /** Mean absolute difference in grey levels. */
  readonly difference: number;
  /** Per tile: mean absolute difference in grey levels. */
  readonly tiles: Float64Array;
  /** Standard deviation of the noise that the difference shows, grey levels. */
  readonly noise: number;
}

/** @returns `undefined` where the sizes differ: frames of two settings cannot be compared */
export function changeBetween(now: Thumbnail, before: Thumbnail): Change | undefined {
  if (now.width !== before.width || now.height !== before.height) return undefined;
  const tiles = new Float64Array(tileGrid.count);
  const counts = new Uint32Array(tileGrid.count);
  const column = tileAt(now.width, tileGrid.columns);
  const row = tileAt(now.height, tileGrid.rows);
  let sum = 0;
  for (let y = 0; y < now.height; y++) {
    const first = (row[y] ?? 0) * tileGrid.columns;
    for (let x = 0; x < now.width; x++) {
      const i = y * now.width + x;
      const difference = Math.abs((now.luma[i] ?? 0) - (before.luma[i] ?? 0));
      const tile = first + (column[x] ?? 0);
      tiles[tile] = (tiles[tile] ?? 0) + difference;
      counts[tile] = (counts[tile] ?? 0) + 1;
      sum += difference;
    }
  }
  return {
    identical: sum === 0,
    difference: sum / now.luma.length,
    tiles: tiles.map((total, tile) => total / (counts[tile] || 1)),
    noise: differenceNoise(now, before),
  };
}

/**
 * Noise from the Laplacian of the difference: smooth changes of light drop out, and the median
 * leaves out what moves as long as it fills less than half of the picture.
 */
function differenceNoise(now: Thumbnail, before: Thumbnail): number {
  const { width, height } = now;
  const counts = new Uint32Array(2041);
  let total = 0;
  const at = (i: number) => (now.luma[i] ?? 0) - (before.luma[i] ?? 0);
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1 + (y & 1); x < width - 1; x += 2) {
      const i = y * width + x;
      const laplacian = 4 * at(i) - at(i - 1) - at(i + 1) - at(i - width) - at(i + width);
      const size = Math.min(2040, Math.abs(laplacian));
      counts[size] = (counts[size] ?? 0) + 1;
      total++;
    }
  }
  // Median absolute deviation to standard deviation; a difference of two frames has twice the variance.
  return (1.4826 * medianOf(counts, total)) / Math.sqrt(2 * noiseGain.laplacian);
}

/** Median of whole numbers, read between them: a bin holds what would round to it. */
function medianOf(counts: Uint32Array, total: number): number {
  let seen = 0;
  for (let value = 0; value < counts.length; value++) {
    const here = counts[value] ?? 0;
    if (seen + here >= total / 2) {
      const inside = here === 0 ? 0 : (total / 2 - seen) / here;
      return value === 0 ? inside / 2 : value - 0.5 + inside;
    }
    seen += here;
  }
  return counts.length - 1;
}

/**
 * Standard deviation of the noise in grey levels. Both ways only ever see too much, texture the one
 * and motion the other, so the smaller counts.
 */
export function noiseOf(bands: Bands, change: Change | undefined): number {
  const lit = [...bands.roughness].filter((_, tile) => {
    const mean = bands.mean[tile] ?? 0;
    return mean > 4 && mean < 248; // a clipped tile shows no noise
  });
  const spatial = quantile(lit, 0.1) ?? median([...bands.roughness]) ?? 0;
  if (change === undefined || change.identical) return spatial;
  return Math.min(spatial, change.noise);
}
