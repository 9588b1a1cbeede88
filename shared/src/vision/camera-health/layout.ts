/** The coarse band: how the means of the tiles lie over the picture. */
import { tileGrid } from "./bands.ts";

/** Where tile means vary less than this (by the mean), they have no layout to compare. */
const layoutContrastMin = 0.06;

/**
 * Slope of the tiles' means against the reference's, both by their mean and without their tilt: 1
 * for the same contrast whatever the light, 0 for a veil that lets nothing through.
 * @returns `null` where the reference has no layout
 */
export function layoutOf(now: ArrayLike<number>, was: ArrayLike<number>): number | null {
  const a = levelled(now);
  const b = levelled(was);
  const bb = dot(b, b);
  return Math.sqrt(bb / b.length) < layoutContrastMin ? null : dot(a, b) / bb;
}

/** Values by their mean, minus one and minus the plane that fits them best. */
function levelled(means: ArrayLike<number>): Float64Array {
  const { columns, rows, count } = tileGrid;
  const values = Float64Array.from({ length: count }, (_, tile) => means[tile] ?? 0);
  const mean = Math.max(1, values.reduce((sum, value) => sum + value, 0) / count);
  const across = (tile: number) => (tile % columns) - (columns - 1) / 2;
  const down = (tile: number) => Math.floor(tile / columns) - (rows - 1) / 2;
  const tilt = (along: (tile: number) => number) => {
    let sum = 0;
    let squares = 0;
    values.forEach((value, tile) => {
      sum += value * along(tile);
      squares += along(tile) ** 2;
    });
    return sum / squares / mean;
  };
  const [x, y] = [tilt(across), tilt(down)];
  return values.map((value, tile) => value / mean - 1 - x * across(tile) - y * down(tile));
}

/**
 * Correlation, -1 to 1, of tile means held against those around them: what defocus and fog leave
 * and the soft shading of a cover does not have.
 */
export function patternLikeness(now: ArrayLike<number>, was: ArrayLike<number>): number {
  const a = detailed(now);
  const b = detailed(was);
  const size = Math.sqrt(dot(a, a) * dot(b, b));
  return size === 0 ? 0 : dot(a, b) / size;
}

function detailed(means: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: tileGrid.count }, (_, tile) => {
    const around = neighbours(tile);
    const mean = around.reduce((sum, other) => sum + (means[other] ?? 0), 0) / around.length;
    return (means[tile] ?? 0) - mean;
  });
}

/** The up to eight tiles around one. */
export function neighbours(tile: number): readonly number[] {
  return neighboursOf[tile] ?? [];
}

/** The up to four tiles that share a side with one. */
export function besides(tile: number): readonly number[] {
  return besidesOf[tile] ?? [];
}

const neighboursOf = Array.from({ length: tileGrid.count }, (_, tile) => {
  const { columns, rows } = tileGrid;
  const [x, y] = [tile % columns, Math.floor(tile / columns)];
  const found: number[] = [];
  for (let v = Math.max(0, y - 1); v <= Math.min(rows - 1, y + 1); v++) {
    for (let u = Math.max(0, x - 1); u <= Math.min(columns - 1, x + 1); u++) {
      if (u !== x || v !== y) found.push(v * columns + u);
    }
  }
  return found;
});

const besidesOf = neighboursOf.map((around, tile) =>
  around.filter((other) => {
    const apart = Math.abs(other - tile);
    return apart === 1 || apart === tileGrid.columns;
  }),
);

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
