/**
 * Whether anything moves before a camera, from a coarse grid of grey levels: a background that is
 * learned cell by cell, each with its own noise (running average and deviation, after Wren et al.,
 * "Pfinder", PAMI 1997). What the whole picture does together, as when a cloud passes, is no motion.
 */

/** Grey levels, row by row. */
export interface LumaGrid {
  readonly columns: number;
  readonly rows: number;
  readonly levels: Float32Array;
}

export interface MotionSettings {
  /** Share of the cells that must differ from the background. */
  readonly areaShareMin: number;
  /** A cell differs by at least so many grey levels, and by four times its own noise. */
  readonly levelsMin: number;
}

export const defaultMotionSettings: MotionSettings = { areaShareMin: 0.004, levelsMin: 6 };

/** What is learned of a scene. */
export interface MotionState {
  readonly atMs: number;
  readonly background: Float32Array;
  /** Mean absolute difference from the background, cell by cell. */
  readonly noise: Float32Array;
}

/**
 * How long it takes to follow: where it is still, the background where something stands or moves, and
 * the noise there, which must not learn a passing thing before the background has.
 */
const followMs = { still: 5000, moving: 60_000, noiseMoving: 300_000 } as const;
const noiseFactor = 4;
const noiseAtFirst = 2;

/**
 * Takes in one frame.
 * @param state `undefined` at first, and after a change of size
 * @param atMs time of the frame; the background follows time and not frames
 * @returns `share`: cells that differ by all cells; 1 for the first frame
 */
export function advanceMotion(
  state: MotionState | undefined,
  grid: LumaGrid,
  atMs: number,
  settings: MotionSettings,
): { readonly state: MotionState; readonly share: number; readonly moves: boolean } {
  const { levels } = grid;
  if (state === undefined || state.background.length !== levels.length) {
    const noise = new Float32Array(levels.length).fill(noiseAtFirst);
    return { state: { atMs, background: levels.slice(), noise }, share: 1, moves: true };
  }
  const light = lightChange(levels, state.background);
  const elapsedMs = Math.max(0, atMs - state.atMs);
  const background = new Float32Array(levels.length);
  const noise = new Float32Array(levels.length);
  const rates = ratesOf(elapsedMs);
  let moving = 0;
  for (let i = 0; i < levels.length; i++) {
    const [was, usual, now] = [state.background[i] ?? 0, state.noise[i] ?? 0, levels[i] ?? 0];
    const difference = Math.abs(now - was * light);
    const differs = difference > Math.max(settings.levelsMin, noiseFactor * usual);
    if (differs) moving++;
    const { background: rate, noise: noiseRate } = differs ? rates.moving : rates.still;
    background[i] = was + rate * (now - was);
    noise[i] = usual + noiseRate * (difference - usual);
  }
  const share = moving / levels.length;
  const moves = share >= settings.areaShareMin && moving > 0;
  return { state: { atMs, background, noise }, share, moves };
}

function ratesOf(elapsedMs: number) {
  const rate = (ms: number) => 1 - Math.exp(-elapsedMs / ms);
  return {
    still: { background: rate(followMs.still), noise: rate(followMs.still) },
    moving: { background: rate(followMs.moving), noise: rate(followMs.noiseMoving) },
  };
}

/** By what factor the picture as a whole is lighter than the background: the median of the cells'. */
function lightChange(levels: Float32Array, background: Float32Array): number {
  const ratios = levels.map((level, i) => (level + 1) / ((background[i] ?? 0) + 1)).sort();
  return ratios[Math.floor(ratios.length / 2)] ?? 1;
}

/** Size of the grid: cells of a few dozen pixels, which average a camera's noise away. */
export const motionGrid = { columns: 32, rows: 24 } as const;

/**
 * The grid of an RGB picture or of a part of it: each cell the mean of at most 16 of its pixels.
 * @param data row by row, 3 * width * height bytes
 * @param region fractions x1, y1, x2, y2
 */
export function lumaGridOf(
  picture: { readonly data: Uint8Array; readonly width: number; readonly height: number },
  region: readonly [number, number, number, number] = [0, 0, 1, 1],
): LumaGrid {
  const { data, width, height } = picture;
  const { columns, rows } = motionGrid;
  const xs = samplesOf(region[0] * width, region[2] * width, columns);
  const ys = samplesOf(region[1] * height, region[3] * height, rows);
  const levels = new Float32Array(columns * rows);
  ys.forEach((y, j) => {
    const row = Math.floor(j / perCell) * columns;
    xs.forEach((x, i) => {
      const at = 3 * (y * width + x);
      const luma =
        0.299 * (data[at] ?? 0) + 0.587 * (data[at + 1] ?? 0) + 0.114 * (data[at + 2] ?? 0);
      const cell = row + Math.floor(i / perCell);
      levels[cell] = (levels[cell] ?? 0) + luma / (perCell * perCell);
    });
  });
  return { columns, rows, levels };
}

/** Pixels looked at along each side of a cell. */
const perCell = 4;

function samplesOf(from: number, to: number, cells: number): number[] {
  const count = cells * perCell;
  return Array.from({ length: count }, (_, i) =>
    Math.floor(from + ((i + 0.5) * (to - from)) / count),
  );
}
