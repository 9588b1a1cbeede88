import { bell, randomFrom } from "./random.ts";

/** Side of a noise tile in pixels: a power of two, so that a coordinate wraps by a bit mask. */
export const TILE_SIDE = 128;
/** Wraps a whole coordinate into a tile. */
export const TILE_MASK = TILE_SIDE - 1;

/**
 * Cloudy noise that repeats without a seam.
 * @param cellsPx sizes of the clouds in pixels, largest first, each a divisor of TILE_SIDE; every next one counts half
 * @returns TILE_SIDE * TILE_SIDE values, about -1 to 1
 */
export function cloudTile(seed: number, cellsPx: readonly number[]): Float32Array {
  const tile = new Float32Array(TILE_SIDE * TILE_SIDE);
  let weight = 1;
  let total = 0;
  for (const cellPx of cellsPx) {
    addClouds(tile, seed, cellPx, weight);
    total += weight;
    weight /= 2;
  }
  for (let i = 0; i < tile.length; i++) tile[i] = (tile[i] ?? 0) / total;
  return tile;
}

function addClouds(tile: Float32Array, seed: number, cellPx: number, weight: number): void {
  const cells = TILE_SIDE / cellPx;
  const random = randomFrom(seed, cellPx);
  const knots = Float32Array.from({ length: cells * cells }, () => random() * 2 - 1);
  const knot = (x: number, y: number) => knots[(y % cells) * cells + (x % cells)] ?? 0;
  for (let y = 0; y < TILE_SIDE; y++) {
    const cy = Math.floor(y / cellPx);
    const fy = smooth(y / cellPx - cy);
    for (let x = 0; x < TILE_SIDE; x++) {
      const cx = Math.floor(x / cellPx);
      const fx = smooth(x / cellPx - cx);
      const top = knot(cx, cy) + (knot(cx + 1, cy) - knot(cx, cy)) * fx;
      const low = knot(cx, cy + 1) + (knot(cx + 1, cy + 1) - knot(cx, cy + 1)) * fx;
      const i = y * TILE_SIDE + x;
      tile[i] = (tile[i] ?? 0) + weight * (top + (low - top) * fy);
    }
  }
}

/**
 * Sensor noise, deviation 16 counts. Neighbours go together a little, as they do after a colour
 * sensor's demosaicing; independent noise on every channel looks like none that a camera makes.
 */
export function sensorNoise(seed: number, length: number): Int8Array {
  const random = randomFrom(seed);
  const raw = Float32Array.from({ length: length + 6 }, () => bell(random));
  const noise = new Int8Array(length);
  for (let i = 0; i < length; i++) {
    // A step of three is the same channel of the next pixel.
    const value = (raw[i] ?? 0) * 0.45 + (raw[i + 3] ?? 0) * 0.8 + (raw[i + 6] ?? 0) * 0.45;
    noise[i] = Math.max(-127, Math.min(127, Math.round(value * 15.7)));
  }
  return noise;
}

function smooth(t: number): number {
  return t * t * (3 - 2 * t);
}
