/** A picture without its lighting: what stays is structure of about unit size, for registration. */

export interface Grey {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** Half the side of the surroundings that a pixel is compared with. */
const radiusPixels = 8;
/** Larger deviations are cut: a lamp in the picture must not outweigh all the rest. */
const deviationMax = 3;

/**
 * Smooths a little, then takes from each pixel the mean of its surroundings and divides by their
 * standard deviation (local contrast normalisation). Brightness, contrast and soft shadows drop out.
 * @param noise standard deviation of the noise, so that flat parts stay flat
 */
export function flattened(
  luma: Uint8Array,
  size: { readonly width: number; readonly height: number },
  noise: number,
): Grey {
  const { width, height } = size;
  const smooth = smoothed(luma, width, height);
  const sums = new Float64Array((width + 1) * (height + 1));
  const squares = new Float64Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y++) {
    let sum = 0;
    let square = 0;
    for (let x = 0; x < width; x++) {
      const value = smooth[y * width + x] ?? 0;
      sum += value;
      square += value * value;
      const i = (y + 1) * (width + 1) + x + 1;
      sums[i] = (sums[i - width - 1] ?? 0) + sum;
      squares[i] = (squares[i - width - 1] ?? 0) + square;
    }
  }
  const floor = (1 + 2 * noise) ** 2;
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const top = Math.max(0, y - radiusPixels) * (width + 1);
    const bottom = Math.min(height, y + radiusPixels + 1) * (width + 1);
    for (let x = 0; x < width; x++) {
      const left = Math.max(0, x - radiusPixels);
      const right = Math.min(width, x + radiusPixels + 1);
      const n = ((bottom - top) / (width + 1)) * (right - left);
      const mean = boxOf(sums, top, bottom, left, right) / n;
      const variance = Math.max(0, boxOf(squares, top, bottom, left, right) / n - mean * mean);
      const value = ((smooth[y * width + x] ?? 0) - mean) / Math.sqrt(variance + floor);
      values[y * width + x] = Math.min(deviationMax, Math.max(-deviationMax, value));
    }
  }
  return { width, height, values };
}

function boxOf(
  sums: Float64Array,
  top: number,
  bottom: number,
  left: number,
  right: number,
): number {
  return (
    (sums[bottom + right] ?? 0) -
    (sums[bottom + left] ?? 0) -
    (sums[top + right] ?? 0) +
    (sums[top + left] ?? 0)
  );
}

/** Binomial 3 x 3, edges repeated. */
function smoothed(luma: Uint8Array, width: number, height: number): Float32Array {
  const across = new Float32Array(width * height);
  const result = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const left = luma[x === 0 ? i : i - 1] ?? 0;
      const right = luma[x === width - 1 ? i : i + 1] ?? 0;
      across[i] = (left + 2 * (luma[i] ?? 0) + right) / 4;
    }
  }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const above = across[y === 0 ? i : i - width] ?? 0;
      const below = across[y === height - 1 ? i : i + width] ?? 0;
      result[i] = (above + 2 * (across[i] ?? 0) + below) / 4;
    }
  }
  return result;
}

/** Means of 2 x 2 pixels. */
export function halved({ width, height, values }: Grey): Grey {
  const [w, h] = [width >> 1, height >> 1];
  const half = new Float32Array(w * h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const i = 2 * y * width + 2 * x;
      const upper = (values[i] ?? 0) + (values[i + 1] ?? 0);
      half[y * w + x] = (upper + (values[i + width] ?? 0) + (values[i + width + 1] ?? 0)) / 4;
    }
  }
  return { width: w, height: h, values: half };
}
