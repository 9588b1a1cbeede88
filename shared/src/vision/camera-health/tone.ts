/** Brightness, contrast and entropy of a thumbnail, from its histogram. */

export interface Tone {
  /** Grey levels, 0 to 255. */
  readonly mean: number;
  readonly p01: number;
  readonly p05: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Standard deviation in grey levels (RMS contrast). */
  readonly contrast: number;
  /** Shannon entropy of the grey levels in bits, 0 to 8. */
  readonly entropy: number;
  /** Share of pixels that are as good as black. */
  readonly darkShare: number;
  /** Share of pixels that are clipped at white. */
  readonly brightShare: number;
}

/** A pixel at or below counts as black: there is no picture left in it, only noise. */
export const blackLevelMax = 16;
/** A pixel at or above counts as clipped; averaging pulls clipped pixels down a little. */
export const whiteLevelMin = 251;

export function toneOf(luma: Uint8Array): Tone {
  const counts = new Uint32Array(256);
  for (const level of luma) counts[level] = (counts[level] ?? 0) + 1;
  const total = luma.length;
  let sum = 0;
  let squares = 0;
  let entropy = 0;
  counts.forEach((n, level) => {
    sum += n * level;
    squares += n * level * level;
    if (n > 0) entropy -= (n / total) * Math.log2(n / total);
  });
  const mean = sum / total;
  const at = (q: number) => quantileOf(counts, q * total);
  const shareOf = (from: number, to: number) =>
    counts.subarray(from, to + 1).reduce((share, n) => share + n / total, 0);
  return {
    mean,
    p01: at(0.01),
    p05: at(0.05),
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    contrast: Math.sqrt(Math.max(0, squares / total - mean * mean)),
    entropy,
    darkShare: shareOf(0, blackLevelMax),
    brightShare: shareOf(whiteLevelMin, 255),
  };
}

function quantileOf(counts: Uint32Array, rank: number): number {
  let seen = 0;
  for (let level = 0; level < counts.length; level++) {
    seen += counts[level] ?? 0;
    if (seen >= rank) return level;
  }
  return counts.length - 1;
}

/** The q-quantile of numbers (nearest rank); `undefined` of none. */
export function quantile(values: readonly number[], q: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))];
}

export function median(values: readonly number[]): number | undefined {
  return quantile(values, 0.5);
}
