/**
 * What a thumbnail's structure weighs in three bands, tile by tile: fine (Laplacian of the pixels),
 * middle (differences of cells of 4 x 4 pixels), coarse (the mean of a tile). A defocused lens takes
 * the fine band first, a veil takes the same share of all three, a cover takes fine and middle of
 * the tiles behind it.
 */
import type { Thumbnail } from "./thumbnail.ts";

/** Tiles across and down, whatever the thumbnail's shape. */
export const tileGrid = { columns: 16, rows: 12, count: 192 } as const;

/** Fewer tiles than this say nothing about a picture. */
export const judgedTilesMin = 12;

const cellPixels = 4;

/** Noise of variance v adds this multiple of v to the mean square of each filter. */
export const noiseGain = {
  laplacian: 20,
  tenengrad: 24,
  /** Two differences of means of 16 pixels each. */
  middle: 4 / (cellPixels * cellPixels),
} as const;

export interface Bands {
  /** Per tile: mean grey level. */
  readonly mean: Float64Array;
  /** Per tile: smallest grey level. */
  readonly darkest: Float64Array;
  /** Per tile: mean square of the Laplacian, noise included. */
  readonly fine: Float64Array;
  /** Per tile: mean square of the gradient between cells, noise included. */
  readonly middle: Float64Array;
  /** Per tile: standard deviation of the noise if the tile held nothing else. */
  readonly roughness: Float64Array;
  /** Over the picture: variance of the Laplacian and mean square of the Sobel gradient. */
  readonly laplacian: number;
  readonly tenengrad: number;
  /** Pixels by Sobel magnitude, rounded down, the last bin taking what is larger. */
  readonly gradients: Uint32Array;
}

/** For each column (or row) of pixels the column (or row) of tiles it lies in. */
export function tileAt(pixels: number, tiles: number): Uint8Array {
  return Uint8Array.from({ length: pixels }, (_, i) => Math.floor((i * tiles) / pixels));
}

export function bandsOf(thumbnail: Thumbnail): Bands {
  const { mean, darkest } = levelsOf(thumbnail);
  return { mean, darkest, middle: middleOf(thumbnail), ...fineOf(thumbnail) };
}

function levelsOf({ width, height, luma }: Thumbnail) {
  const mean = new Float64Array(tileGrid.count);
  const darkest = new Float64Array(tileGrid.count).fill(255);
  const counts = new Uint32Array(tileGrid.count);
  const column = tileAt(width, tileGrid.columns);
  const row = tileAt(height, tileGrid.rows);
  for (let y = 0; y < height; y++) {
    const first = (row[y] ?? 0) * tileGrid.columns;
    for (let x = 0; x < width; x++) {
      const tile = first + (column[x] ?? 0);
      const level = luma[y * width + x] ?? 0;
      mean[tile] = (mean[tile] ?? 0) + level;
      counts[tile] = (counts[tile] ?? 0) + 1;
      if (level < (darkest[tile] ?? 0)) darkest[tile] = level;
    }
  }
  return { mean: mean.map((sum, tile) => sum / (counts[tile] ?? 1)), darkest };
}

/**
 * Laplacian and Sobel energies (LAPV and TENG in Pertuz, Puig, Garcia, "Analysis of focus measure
 * operators for shape-from-focus", Pattern Recognition 46, 2013) and the noise filter of Immerkaer,
 * "Fast noise variance estimation", CVIU 64, 1996.
 */
function fineOf({ width, height, luma }: Thumbnail) {
  const fine = new Float64Array(tileGrid.count);
  const rough = new Float64Array(tileGrid.count);
  const counts = new Uint32Array(tileGrid.count);
  const gradients = new Uint32Array(1024);
  const column = tileAt(width, tileGrid.columns);
  const row = tileAt(height, tileGrid.rows);
  let sum = 0;
  let squares = 0;
  let tenengrad = 0;
  for (let y = 1; y < height - 1; y++) {
    const first = (row[y] ?? 0) * tileGrid.columns;
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      const a = luma[i - width - 1] ?? 0;
      const b = luma[i - width] ?? 0;
      const c = luma[i - width + 1] ?? 0;
      const d = luma[i - 1] ?? 0;
      const e = luma[i] ?? 0;
      const f = luma[i + 1] ?? 0;
      const g = luma[i + width - 1] ?? 0;
      const h = luma[i + width] ?? 0;
      const j = luma[i + width + 1] ?? 0;
      const laplacian = 4 * e - b - d - f - h;
      const gx = c + 2 * f + j - a - 2 * d - g;
      const gy = g + 2 * h + j - a - 2 * b - c;
      const square = gx * gx + gy * gy;
      const bin = Math.min(1023, Math.floor(Math.sqrt(square)));
      gradients[bin] = (gradients[bin] ?? 0) + 1;
      tenengrad += square;
      sum += laplacian;
      squares += laplacian * laplacian;
      const tile = first + (column[x] ?? 0);
      fine[tile] = (fine[tile] ?? 0) + laplacian * laplacian;
      rough[tile] = (rough[tile] ?? 0) + Math.abs(4 * e - 2 * (b + d + f + h) + a + c + g + j);
      counts[tile] = (counts[tile] ?? 0) + 1;
    }
  }
  const count = (width - 2) * (height - 2);
  const perTile = (sums: Float64Array) => sums.map((total, tile) => total / (counts[tile] || 1));
  return {
    fine: perTile(fine),
    roughness: perTile(rough).map((mean) => (mean * Math.sqrt(Math.PI / 2)) / 6),
    laplacian: squares / count - (sum / count) ** 2,
    tenengrad: tenengrad / count,
    gradients,
  };
}

function middleOf(thumbnail: Thumbnail): Float64Array {
  const columns = Math.floor(thumbnail.width / cellPixels);
  const rows = Math.floor(thumbnail.height / cellPixels);
  const cells = cellsOf(thumbnail, columns, rows);
  const middle = new Float64Array(tileGrid.count);
  const counts = new Uint32Array(tileGrid.count);
  const column = tileAt(columns - 1, tileGrid.columns);
  const row = tileAt(rows - 1, tileGrid.rows);
  for (let y = 0; y < rows - 1; y++) {
    for (let x = 0; x < columns - 1; x++) {
      const i = y * columns + x;
      const here = cells[i] ?? 0;
      const across = (cells[i + 1] ?? 0) - here;
      const down = (cells[i + columns] ?? 0) - here;
      const tile = (row[y] ?? 0) * tileGrid.columns + (column[x] ?? 0);
      middle[tile] = (middle[tile] ?? 0) + across * across + down * down;
      counts[tile] = (counts[tile] ?? 0) + 1;
    }
  }
  // A thumbnail of 48 pixels has fewer cells than tiles; a tile without one says nothing.
  return middle.map((sum, tile) => ((counts[tile] ?? 0) === 0 ? 0 : sum / (counts[tile] ?? 1)));
}

function cellsOf({ width, luma }: Thumbnail, columns: number, rows: number): Float64Array {
  const cells = new Float64Array(columns * rows);
  for (let y = 0; y < rows * cellPixels; y++) {
    const first = Math.floor(y / cellPixels) * columns;
    for (let x = 0; x < columns * cellPixels; x++) {
      const cell = first + (x >> 2);
      cells[cell] = (cells[cell] ?? 0) + (luma[y * width + x] ?? 0);
    }
  }
  return cells.map((sum) => sum / (cellPixels * cellPixels));
}
