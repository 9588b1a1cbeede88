import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  advanceMotion,
  defaultMotionSettings,
  type LumaGrid,
  lumaGridOf,
  type MotionState,
  motionGrid,
} from "./motion.ts";

const { columns, rows } = motionGrid;
function randomFrom(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

/** A textured scene with noise; `object` covers cells [x, x + size) squared with another grey. */
function scene(options: {
  readonly random: () => number;
  readonly noise?: number;
  readonly light?: number;
  readonly object?: { readonly x: number; readonly size: number };
}): LumaGrid {
  const { random, noise = 1.5, light = 1, object } = options;
  const levels = Float32Array.from({ length: columns * rows }, (_, i) => {
    const [x, y] = [i % columns, Math.floor(i / columns)];
    const isObject =
      object !== undefined &&
      x >= object.x &&
      x < object.x + object.size &&
      y >= 10 &&
      y < 10 + object.size;
    const base = isObject ? 200 : 70 + ((x * 7 + y * 13) % 40);
    return Math.min(255, base * light) + (random() - 0.5) * 3.46 * noise;
  });
  return { columns, rows, levels };
}

/** Shares of frames in which something moves, 5 frames a second, after half a minute of nothing. */
function watch(frames: number, of: (i: number) => Omit<Parameters<typeof scene>[0], "random">) {
  const random = randomFrom(7);
  let state: MotionState | undefined;
  const moved: boolean[] = [];
  for (let i = -150; i < frames; i++) {
    const { noise = 1.5 } = of(Math.max(0, i));
    const grid = scene({ random, ...(i < 0 ? { noise } : of(i)) });
    const next = advanceMotion(state, grid, 200 * i, defaultMotionSettings);
    state = next.state;
    if (i >= 0) moved.push(next.moves);
  }
  return moved;
}

describe("motion", () => {
  it("is seen in the first frame, of which nothing is known", () => {
    const grid = scene({ random: randomFrom(1) });
    expect(advanceMotion(undefined, grid, 0, defaultMotionSettings)).toMatchObject({
      share: 1,
      moves: true,
    });
  });

  it("is not seen in noise, in a quarter of an hour of frames", () => {
    for (const noise of [0.5, 1.5, 4])
      expect(watch(5000, () => ({ noise })).filter(Boolean)).toHaveLength(0);
  });

  it("is seen in every frame in which a thing of two cells passes", () => {
    const moved = watch(30, (i) => ({ object: { x: i, size: 2 } }));
    expect(moved.filter(Boolean)).toHaveLength(30);
  });

  it("is not seen when the light changes, slowly or at once", () => {
    expect(watch(300, (i) => ({ light: 1 + 0.3 * Math.sin(i / 20) })).filter(Boolean)).toEqual([]);
    expect(watch(50, () => ({ light: 0.6 })).filter(Boolean)).toEqual([]);
  });

  it("ends when a thing has stood for minutes, and begins when it goes", () => {
    const moved = watch(4000, (i) => (i < 3000 ? { object: { x: 9, size: 4 } } : {}));
    expect(moved.slice(0, 200).every(Boolean)).toBe(true);
    expect(moved.slice(2000, 3000).some(Boolean)).toBe(false);
    expect(moved[3000]).toBe(true);
  });

  it("is learned anew when the size changes", () => {
    const { state } = advanceMotion(
      undefined,
      scene({ random: randomFrom(2) }),
      0,
      defaultMotionSettings,
    );
    const other = { columns: 2, rows: 2, levels: new Float32Array(4) };
    expect(advanceMotion(state, other, 1, defaultMotionSettings).moves).toBe(true);
  });

  it("stays finite, and its state of one size, whatever comes", () => {
    const level = fc.float({ min: 0, max: 255, noNaN: true });
    const frames = fc.array(
      fc.tuple(fc.array(level, { minLength: 12, maxLength: 12 }), fc.nat(1e9)),
      {
        maxLength: 30,
      },
    );
    fc.assert(
      fc.property(frames, (list) => {
        let state: MotionState | undefined;
        for (const [levels, at] of list) {
          const grid = { columns: 4, rows: 3, levels: Float32Array.from(levels) };
          const next = advanceMotion(state, grid, at, defaultMotionSettings);
          state = next.state;
          expect(next.share).toBeGreaterThanOrEqual(0);
          expect(next.share).toBeLessThanOrEqual(1);
          expect([...state.background, ...state.noise].every(Number.isFinite)).toBe(true);
        }
      }),
    );
  });
});

describe("the grid of a picture", () => {
  it("has the grey of each part, of the whole or of a region", () => {
    const [width, height] = [64, 48];
    const data = new Uint8Array(3 * width * height);
    for (let i = 0; i < width * height; i++) if (i % width >= 32) data.fill(200, 3 * i, 3 * i + 3);
    const whole = lumaGridOf({ data, width, height });
    expect(whole.levels).toHaveLength(768);
    expect([whole.levels[0], whole.levels[15]]).toEqual([0, 0]);
    expect(whole.levels[16]).toBeCloseTo(200, 3);
    const right = lumaGridOf({ data, width, height }, [0.5, 0, 1, 1]);
    expect(Math.min(...right.levels)).toBeCloseTo(200, 3);
  });

  it("can be taken of a picture of one pixel", () => {
    const { levels } = lumaGridOf({ data: Uint8Array.of(255, 255, 255), width: 1, height: 1 });
    expect(Math.min(...levels)).toBeCloseTo(255, 2);
  });
});
