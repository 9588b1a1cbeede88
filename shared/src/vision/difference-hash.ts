/** Whether two pictures look alike, in 64 bits (N. Krawetz, "Kind of Like That", 2013: dHash). Pure. */

/** Two halves of 32 bits. */
export type DifferenceHash = readonly [number, number];

const [columns, rows] = [9, 8];

/**
 * Each bit says whether a cell of an 9 x 8 grid is brighter than the one to its right.
 * @param data RGB, row by row, 3 * width * height bytes
 */
export function differenceHash(picture: {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}): DifferenceHash {
  const levels = grid(picture);
  const halves: [number, number] = [0, 0];
  for (let bit = 0; bit < 64; bit++) {
    const at = Math.floor(bit / 8) * columns + (bit % 8);
    if ((levels[at] ?? 0) <= (levels[at + 1] ?? 0)) continue;
    if (bit < 32) halves[0] |= 1 << bit;
    else halves[1] |= 1 << (bit - 32);
  }
  return [halves[0] >>> 0, halves[1] >>> 0];
}

/** In how many bits they differ, 0 to 64. */
export function bitsApart(a: DifferenceHash, b: DifferenceHash): number {
  return ones(a[0] ^ b[0]) + ones(a[1] ^ b[1]);
}

function grid({
  data,
  width,
  height,
}: {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}): Float64Array {
  const sums = new Float64Array(columns * rows);
  const counts = new Float64Array(columns * rows);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * rows) / height) * columns;
    for (let x = 0; x < width; x++) {
      const cell = row + Math.floor((x * columns) / width);
      const from = 3 * (y * width + x);
      const luma = 2 * (data[from] ?? 0) + 5 * (data[from + 1] ?? 0) + (data[from + 2] ?? 0);
      sums[cell] = (sums[cell] ?? 0) + luma;
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
  }
  return sums.map((sum, cell) => sum / Math.max(1, counts[cell] ?? 0));
}

/** Bits that are set (H. Warren, "Hacker's Delight", 5-1). */
function ones(value: number): number {
  let v = value - ((value >>> 1) & 0x5555_5555);
  v = (v & 0x3333_3333) + ((v >>> 2) & 0x3333_3333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
