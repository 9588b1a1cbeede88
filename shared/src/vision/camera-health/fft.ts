/** A small complex Fourier transform in two dimensions, for sides that are powers of two. */
import { assert } from "../../errors.ts";

/** Row by row; changed in place by `transform`. */
export interface ComplexImage {
  readonly width: number;
  readonly height: number;
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/**
 * Transforms in place (Cooley and Tukey 1965, radix 2, decimation in time). The inverse is not
 * divided by the number of pixels.
 */
export function transform(image: ComplexImage, direction: "forward" | "inverse"): void {
  const { width, height, re, im } = image;
  const along = planOf(width, direction);
  for (let y = 0; y < height; y++) {
    const from = y * width;
    transformLine(re.subarray(from, from + width), im.subarray(from, from + width), along);
  }
  const down = planOf(height, direction);
  const lineRe = new Float64Array(height);
  const lineIm = new Float64Array(height);
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      lineRe[y] = re[y * width + x] ?? 0;
      lineIm[y] = im[y * width + x] ?? 0;
    }
    transformLine(lineRe, lineIm, down);
    for (let y = 0; y < height; y++) {
      re[y * width + x] = lineRe[y] ?? 0;
      im[y * width + x] = lineIm[y] ?? 0;
    }
  }
}

interface Plan {
  readonly size: number;
  readonly cos: Float64Array;
  readonly sin: Float64Array;
  readonly reversed: Uint16Array;
}

function planOf(size: number, direction: "forward" | "inverse"): Plan {
  assert(size > 0 && (size & (size - 1)) === 0 && size <= 4096, "a side is a power of two");
  const sign = direction === "forward" ? -1 : 1;
  const angle = (k: number) => (sign * 2 * Math.PI * k) / size;
  const reversed = new Uint16Array(size);
  for (let i = 1; i < size; i++) {
    reversed[i] = ((reversed[i >> 1] ?? 0) >> 1) | ((i & 1) === 1 ? size >> 1 : 0);
  }
  return {
    size,
    cos: Float64Array.from({ length: size / 2 }, (_, k) => Math.cos(angle(k))),
    sin: Float64Array.from({ length: size / 2 }, (_, k) => Math.sin(angle(k))),
    reversed,
  };
}

function transformLine(re: Float64Array, im: Float64Array, plan: Plan): void {
  const { size, cos, sin, reversed } = plan;
  for (let i = 0; i < size; i++) {
    const j = reversed[i] ?? 0;
    if (j <= i) continue;
    const [a, b] = [re[i] ?? 0, im[i] ?? 0];
    re[i] = re[j] ?? 0;
    im[i] = im[j] ?? 0;
    re[j] = a;
    im[j] = b;
  }
  for (let half = 1; half < size; half *= 2) {
    const step = size / (2 * half);
    for (let start = 0; start < size; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const c = cos[k * step] ?? 0;
        const s = sin[k * step] ?? 0;
        const low = start + k;
        const high = low + half;
        const [x, y] = [re[high] ?? 0, im[high] ?? 0];
        const turnedRe = x * c - y * s;
        const turnedIm = x * s + y * c;
        re[high] = (re[low] ?? 0) - turnedRe;
        im[high] = (im[low] ?? 0) - turnedIm;
        re[low] = (re[low] ?? 0) + turnedRe;
        im[low] = (im[low] ?? 0) + turnedIm;
      }
    }
  }
}
