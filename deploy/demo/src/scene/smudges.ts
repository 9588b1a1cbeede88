import { HEIGHT, WIDTH } from "./frame-size.ts";
import { cloudTile, TILE_MASK, TILE_SIDE } from "./noise-tile.ts";
import { between, randomFrom } from "./random.ts";

/** The blur works on blocks of this many pixels a side. */
const BLOCK = 4;
const COLUMNS = WIDTH / BLOCK;
const ROWS = HEIGHT / BLOCK;

/** Grease and dust on one camera's lens. */
export interface DirtyLens {
  /** Blurs what lies behind grease, dims what lies behind dust, and veils the whole frame; in place. */
  look(radiance: Float32Array): void;
}

/** Draws the dirt once; it stays where it is while the world behind it moves. */
export function buildDirtyLens(seed: number): DirtyLens {
  const grease = new Float32Array(WIDTH * HEIGHT);
  const dust = new Float32Array(WIDTH * HEIGHT).fill(1);
  spreadGrease(grease, seed);
  dropDust(dust, seed);
  const blocks = new Float32Array(COLUMNS * ROWS * 3);
  const scratch = new Float32Array(COLUMNS * ROWS * 3);
  return {
    look(radiance) {
      shrink(radiance, blocks);
      blurAlong(blocks, scratch, COLUMNS, ROWS, 3, COLUMNS * 3);
      blurAlong(scratch, blocks, ROWS, COLUMNS, COLUMNS * 3, 3);
      veil(radiance, blocks, grease, dust);
    },
  };
}

/** A film over everything, and a few thick smears such as a finger or a cloth leaves. */
function spreadGrease(grease: Float32Array, seed: number): void {
  const random = randomFrom(seed, 301);
  const streaks = cloudTile(seed + 31, [32, 16, 4]);
  const smears = Array.from({ length: 6 }, (_, n) => ({
    x: n < 2 ? between(random, 110, 210) : between(random, 0, WIDTH),
    y: n < 2 ? between(random, 70, 170) : between(random, 0, HEIGHT),
    radius: between(random, 34, 70),
    turn: random() * Math.PI,
    stretch: between(random, 1.2, 2.4),
  }));
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      let thick = 0.06;
      for (const smear of smears) {
        const dx = x - smear.x;
        const dy = y - smear.y;
        const along = (dx * Math.cos(smear.turn) + dy * Math.sin(smear.turn)) / smear.stretch;
        const across = dy * Math.cos(smear.turn) - dx * Math.sin(smear.turn);
        thick += 0.26 * Math.exp(-(along * along + across * across) / smear.radius ** 2);
      }
      const streak = streaks[(y & TILE_MASK) * TILE_SIDE + (x & TILE_MASK)] ?? 0;
      grease[y * WIDTH + x] = Math.max(0, Math.min(0.5, thick * (1 + 0.45 * streak)));
    }
  }
}

/** Specks far out of focus: soft dim discs. */
function dropDust(dust: Float32Array, seed: number): void {
  const random = randomFrom(seed, 302);
  for (let n = 0; n < 16; n++) {
    const cx = random() * WIDTH;
    const cy = random() * HEIGHT;
    const radius = between(random, 4, 13);
    const dim = between(random, 0.08, 0.24);
    const soft = radius * between(random, 0.5, 0.9);
    for (
      let y = Math.max(0, Math.floor(cy - radius * 1.5));
      y < Math.min(HEIGHT, cy + radius * 1.5);
      y++
    ) {
      for (
        let x = Math.max(0, Math.floor(cx - radius * 1.5));
        x < Math.min(WIDTH, cx + radius * 1.5);
        x++
      ) {
        const edge = Math.max(0, Math.min(1, (radius - Math.hypot(x - cx, y - cy)) / soft + 0.5));
        const at = y * WIDTH + x;
        dust[at] = (dust[at] ?? 1) * (1 - dim * edge);
      }
    }
  }
}

function shrink(radiance: Float32Array, blocks: Float32Array): void {
  for (let row = 0; row < ROWS; row++) {
    for (let i = 0; i < COLUMNS * 3; i++) {
      const column = (i / 3) | 0;
      const from = (row * BLOCK * WIDTH + column * BLOCK) * 3 + (i % 3);
      // Two of the block's pixels stand for it: the blur that follows needs no more.
      blocks[row * COLUMNS * 3 + i] =
        ((radiance[from] ?? 0) + (radiance[from + (2 * WIDTH + 2) * 3] ?? 0)) / 2;
    }
  }
}

/** A box blur of five along lines: `count` samples `stride` apart, `lines` of them `lineStride` apart. */
function blurAlong(
  from: Float32Array,
  to: Float32Array,
  count: number,
  lines: number,
  stride: number,
  lineStride: number,
): void {
  for (let line = 0; line < lines; line++) {
    for (let c = 0; c < 3; c++) {
      const start = line * lineStride + c;
      for (let i = 0; i < count; i++) {
        let sum = 0;
        for (let k = i - 2; k <= i + 2; k++) {
          sum += from[start + (k < 0 ? 0 : k >= count ? count - 1 : k) * stride] ?? 0;
        }
        to[start + i * stride] = sum / 5;
      }
    }
  }
}

/** Stray light from grease lifts the blacks; this much of the blurred light is added everywhere. */
const HAZE = [0.036, 0.038, 0.04] as const;

function veil(
  radiance: Float32Array,
  blocks: Float32Array,
  grease: Float32Array,
  dust: Float32Array,
): void {
  for (let y = 0; y < HEIGHT; y++) {
    const row = Math.min(ROWS - 2, Math.max(0, Math.floor((y - BLOCK / 2) / BLOCK)));
    const fy = Math.max(0, Math.min(1, (y - BLOCK / 2) / BLOCK - row));
    for (let x = 0; x < WIDTH; x++) {
      const column = Math.min(COLUMNS - 2, Math.max(0, Math.floor((x - BLOCK / 2) / BLOCK)));
      const fx = Math.max(0, Math.min(1, (x - BLOCK / 2) / BLOCK - column));
      const pixel = y * WIDTH + x;
      const thick = grease[pixel] ?? 0;
      const clear = (1 - 0.12 * thick) * (dust[pixel] ?? 1);
      for (let c = 0; c < 3; c++) {
        const at = (row * COLUMNS + column) * 3 + c;
        const top = (blocks[at] ?? 0) * (1 - fx) + (blocks[at + 3] ?? 0) * fx;
        const below = at + COLUMNS * 3;
        const low = (blocks[below] ?? 0) * (1 - fx) + (blocks[below + 3] ?? 0) * fx;
        const blurred = top + (low - top) * fy;
        const sharp = radiance[pixel * 3 + c] ?? 0;
        radiance[pixel * 3 + c] =
          (sharp + (blurred - sharp) * thick) * clear + (HAZE[c] ?? 0) * (0.5 + thick);
      }
    }
  }
}
