/** What JPEG does to luma: 8 x 8 cosine transforms, rounded to the steps of its standard table. */

/** ITU-T T.81, table K.1. */
const steps50 = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
  14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
  92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];

const basis = Float32Array.from({ length: 64 }, (_, i) => {
  const [k, n] = [i >> 3, i & 7];
  return (k === 0 ? Math.sqrt(1 / 8) : 0.5) * Math.cos(((2 * n + 1) * k * Math.PI) / 16);
});

/** Compresses and decompresses in place; sides must be multiples of eight. */
export function jpegLike(bytes: Uint8Array, width: number, height: number, quality: number): void {
  const scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  const steps = steps50.map((step) => Math.max(1, Math.floor((step * scale + 50) / 100)));
  const block = new Float32Array(64);
  const half = new Float32Array(64);
  for (let top = 0; top < height; top += 8) {
    for (let left = 0; left < width; left += 8) {
      for (let i = 0; i < 64; i++) {
        block[i] = (bytes[(top + (i >> 3)) * width + left + (i & 7)] ?? 0) - 128;
      }
      product(basis, block, half, false, false);
      product(half, basis, block, false, true);
      for (let i = 0; i < 64; i++) {
        block[i] = Math.round((block[i] ?? 0) / (steps[i] ?? 1)) * (steps[i] ?? 1);
      }
      product(basis, block, half, true, false);
      product(half, basis, block, false, false);
      for (let i = 0; i < 64; i++) {
        const level = Math.min(255, Math.max(0, Math.round((block[i] ?? 0) + 128)));
        bytes[(top + (i >> 3)) * width + left + (i & 7)] = level;
      }
    }
  }
}

/** out = a b, either of them transposed. */
function product(
  a: Float32Array,
  b: Float32Array,
  out: Float32Array,
  isATransposed: boolean,
  isBTransposed: boolean,
): void {
  for (let i = 0; i < 8; i++) {
    for (let j = 0; j < 8; j++) {
      let sum = 0;
      for (let k = 0; k < 8; k++) {
        const x = a[isATransposed ? 8 * k + i : 8 * i + k] ?? 0;
        sum += x * (b[isBTransposed ? 8 * j + k : 8 * k + j] ?? 0);
      }
      out[8 * i + j] = sum;
    }
  }
}
