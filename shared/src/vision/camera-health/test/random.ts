/** Random numbers from a seed, so that a test sees the same pictures every time. */

/** Mulberry32: uniform in [0, 1). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const normals = (() => {
  const random = randomFrom(20_131);
  return Float32Array.from({ length: 65_536 }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return radius * Math.cos(2 * Math.PI * random());
  });
})();

/** Standard normal numbers from a table, entered anew at a random place every few numbers. */
export function normalsFrom(random: () => number): () => number {
  let at = 0;
  let left = 0;
  let step = 1;
  return () => {
    if (left-- === 0) {
      at = Math.floor(random() * 65_536);
      step = 2 * Math.floor(random() * 32_768) + 1;
      left = 1021;
    }
    at = (at + step) & 65_535;
    return normals[at] ?? 0;
  };
}

/** Value noise: random heights on a lattice, smoothly between them, -1 to 1. */
export function latticeNoise(seed: number): (x: number, y: number) => number {
  const random = randomFrom(seed);
  const heights = Float32Array.from({ length: 65_536 }, () => 2 * random() - 1);
  const at = (x: number, y: number) => heights[((y & 255) << 8) | (x & 255)] ?? 0;
  return (x, y) => {
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [u, v] = [x - left, y - top];
    const [fx, fy] = [u * u * (3 - 2 * u), v * v * (3 - 2 * v)];
    const upper = at(left, top) * (1 - fx) + at(left + 1, top) * fx;
    const lower = at(left, top + 1) * (1 - fx) + at(left + 1, top + 1) * fx;
    return upper * (1 - fy) + lower * fy;
  };
}
