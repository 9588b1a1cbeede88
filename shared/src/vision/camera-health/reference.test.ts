import { describe, expect, it } from "vitest";
import { valuesOf } from "./judge.ts";
import { measure } from "./measure.ts";
import { type HealthReference, healthReference, referenceOf, sceneOf } from "./reference.ts";
import { exposed, seen } from "./test/camera.ts";
import { randomFrom } from "./test/random.ts";
import { drawn, scenesOf } from "./test/scene.ts";
import { commissioned } from "./test/timeline.ts";
import type { Thumbnail } from "./thumbnail.ts";
import { weaknessesOf } from "./weaknesses.ts";

const random = randomFrom(5);
const sensor = { noise: 2, random };
const [belt, , , corridor] = scenesOf(9);

const noisy = (width: number, height: number, level: () => number): Thumbnail => ({
  width,
  height,
  luma: Uint8Array.from({ length: width * height }, level),
  chroma: null,
  frame: { width: 4 * width, height: 4 * height },
});

describe("a reference", () => {
  it("survives JSON and its own schema, and stays below 64 kB", () => {
    const reference = commissioned(belt!, sensor);
    const text = JSON.stringify(reference);
    expect(healthReference.parse(JSON.parse(text))).toEqual(reference);
    const largest = referenceOf([1, 2, 3].map(() => noisy(240, 160, () => 255 * random())));
    expect(JSON.stringify(largest).length).toBeLessThan(64 * 1024);
    expect(text.length).toBeLessThan(36 * 1024);
  });

  it("leaves out what moves", () => {
    const reference = commissioned(belt!, sensor);
    const empty = exposed(seen(belt!.background, {}), 1, { noise: 0, random }, 14);
    const off = sceneOf(reference).map((level, i) => Math.abs(level - empty.luma[i]!));
    // Rails above and below, where nothing passes; sixteen tiles across, the upper two rows.
    expect(Math.max(...off.subarray(0, 160 * 12))).toBeLessThanOrEqual(3);
  });

  it("that knows its nights does not call them dark", () => {
    const at = (gain: number) => exposed(seen(belt!.background, {}), gain, sensor, 14);
    const day = Array.from({ length: 10 }, () => at(1));
    const night = Array.from({ length: 5 }, () => noisy(160, 120, () => 3));
    const [byDay, always] = [referenceOf(day), referenceOf([...day, ...night])];
    const darkness = (reference: HealthReference) =>
      valuesOf(measure(night[0]!, night[1], reference), null).dark;
    expect(darkness(byDay)).toBeGreaterThan(0.9);
    expect(darkness(always)).toBe(0);
    expect(always.tiles.mean).toEqual(byDay.tiles.mean);
  });

  it("does not take another format for one", () => {
    const reference = commissioned(belt!, sensor);
    expect(healthReference.safeParse({ ...reference, scene: "AAAA" }).success).toBe(false);
    expect(healthReference.safeParse({ ...reference, width: 10 }).success).toBe(false);
    expect(healthReference.safeParse({ ...reference, extra: 1 }).success).toBe(false);
  });

  it("cannot be made of nothing, of different sizes, or in the dark", () => {
    const grey = (width: number) => noisy(width, 120, () => 100);
    expect(() => referenceOf([])).toThrow("made of 1 to 512 thumbnails, not of 0");
    expect(() => referenceOf([grey(160), grey(120)])).toThrow(
      /different sizes, 160 x 120 and 120 x 120/,
    );
    expect(() => referenceOf([noisy(160, 120, () => 3)])).toThrow(/every thumbnail is dark/);
  });
});

describe("the weaknesses of a reference", () => {
  it("are none for a structured scene in colour", () => {
    expect(weaknessesOf(commissioned(belt!, sensor))).toEqual([]);
    expect(weaknessesOf(commissioned(corridor!, sensor))).toEqual([]);
  });

  it("are named one by one for a grey wall without noise", () => {
    const said = weaknessesOf(referenceOf([1, 2, 3].map(() => noisy(160, 120, () => 128))));
    expect(said).toEqual([
      expect.stringMatching(/^the reference is made of 3 thumbnails/),
      expect.stringMatching(/^only 0 of 192 parts of the picture have structure, so neither/),
      expect.stringMatching(/^the thumbnails show no noise/),
      expect.stringMatching(/^the thumbnails show no colour/),
    ]);
  });

  it("are a cover's hiding places where half of the view is plain", () => {
    const half = { ...corridor!, background: { ...corridor!.background } };
    half.background.values = corridor!.background.values.map((value, i) => i % 760 < 480 ? 150 : value); // biome-ignore format: one thought
    const frames = Array.from({ length: 10 }, (_, i) =>
      exposed(seen(drawn(half, i), {}), 1, sensor, 9),
    );
    expect(weaknessesOf(referenceOf(frames))).toEqual([
      expect.stringMatching(/a cover over the others is not seen/),
    ]);
  });
});
