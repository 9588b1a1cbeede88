import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AppError } from "../../errors.ts";
import { measure } from "./measure.ts";
import { daylight, exposed, seen } from "./test/camera.ts";
import { randomFrom } from "./test/random.ts";
import { drawn, scenesOf } from "./test/scene.ts";
import { commissioned } from "./test/timeline.ts";
import { type Thumbnail, thumbnailOf } from "./thumbnail.ts";

const random = randomFrom(11);
const sensor = { noise: 2, random };
const [belt, yard, shelf] = scenesOf(3);
const frameOf = (minute: number, optics = {}, gain = 1) =>
  exposed(seen(drawn(shelf!, minute), optics, { ...daylight, gain }), gain, sensor, 20);
const reference = commissioned(shelf!, sensor);

const filled = (level: (i: number) => number): Thumbnail => ({
  width: 160,
  height: 120,
  luma: Uint8Array.from({ length: 19_200 }, (_, i) => level(i)),
  chroma: null,
  frame: { width: 640, height: 480 },
});

describe("brightness, contrast, entropy", () => {
  it("are those of the pixels", () => {
    const { tone } = measure(filled((i) => (i % 4 === 0 ? 255 : i % 4 === 1 ? 0 : 100)));
    expect(tone).toMatchObject({ mean: 113.75, p01: 0, p50: 100, p95: 255 });
    expect(tone.darkShare).toBeCloseTo(0.25, 9);
    expect(tone.brightShare).toBeCloseTo(0.25, 9);
    expect(tone.entropy).toBeCloseTo(1.5, 9);
  });

  it("of one grey are nothing but that grey", () => {
    const features = measure(filled(() => 77));
    expect(features.tone).toMatchObject({ mean: 77, contrast: 0, entropy: 0 });
    expect(features.focus).toEqual({ laplacian: 0, tenengrad: 0 });
    expect(features.edgeDensity).toBe(0);
  });

  it("are finite for any picture", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2304, maxLength: 2304 }), (luma) => {
        const thumbnail = {
          width: 48,
          height: 48,
          luma,
          chroma: 3,
          frame: { width: 48, height: 48 },
        };
        const { tone, noise, focus, edgeDensity, darkChannel } = measure(thumbnail, thumbnail);
        for (const value of [...Object.values(tone), noise, ...Object.values(focus)]) {
          expect(Number.isFinite(value)).toBe(true);
        }
        expect(Math.min(edgeDensity, darkChannel)).toBeGreaterThanOrEqual(0);
        expect(Math.max(edgeDensity, darkChannel)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 50 },
    );
  });
});

describe("the focus score", () => {
  it("falls with every bit of blur", () => {
    const scores = [0, 2, 4, 8].map((blurPixels) => measure(frameOf(9, { blurPixels })).focus);
    for (let i = 1; i < scores.length; i++) {
      expect(scores[i]!.laplacian).toBeLessThan(0.8 * scores[i - 1]!.laplacian);
      expect(scores[i]!.tenengrad).toBeLessThan(0.95 * scores[i - 1]!.tenengrad);
    }
  });

  it("stays within a tenth at a quarter of the light", () => {
    const [bright, dim] = [1, 0.25].map((gain) =>
      measure(frameOf(9, {}, gain), frameOf(9, {}, gain)),
    );
    expect(dim!.tone.mean).toBeLessThan(0.6 * bright!.tone.mean);
    expect(dim!.focus.laplacian / bright!.focus.laplacian).toBeCloseTo(1, 1);
  });
});

describe("noise", () => {
  it("is found within a fifth, whatever the texture", () => {
    for (const noise of [2, 4, 8]) {
      const noisy = { noise, random };
      const at = () => exposed(seen(drawn(shelf!, 4), {}), 1, noisy, 20);
      const flat = seen(
        { width: 760, height: 600, values: new Float32Array(456_000).fill(128) },
        {},
      );
      const truth = measure(exposed(flat, 1, noisy, 0), exposed(flat, 1, noisy, 0)).noise;
      expect(truth).toBeGreaterThan(noise / 5);
      expect(measure(at(), at()).noise / truth).toBeGreaterThan(0.8);
      expect(measure(at(), at()).noise / truth).toBeLessThan(1.2);
    }
  });
});

describe("against the reference", () => {
  it("a well camera has lost nothing, in the dim neither", () => {
    for (const gain of [1, 0.2]) {
      const { compared } = measure(frameOf(20, {}, gain), frameOf(21, {}, gain), reference);
      expect(compared!.sharpness).toBeGreaterThan(0.85);
      expect(compared!.contrastKept).toBeGreaterThan(0.85);
      expect(compared!.layoutSlope).toBeGreaterThan(0.8);
      expect(compared!.coveredShare).toBeLessThan(0.05);
      expect(compared!.stillShare).toBe(0);
    }
  });

  it("defocus takes sharpness, a veil takes contrast, a cover takes tiles", () => {
    const blurred = measure(frameOf(20, { blurPixels: 5 }), frameOf(21), reference).compared!;
    expect(blurred.sharpness).toBeLessThan(0.4);
    expect(blurred.contrastKept).toBeGreaterThan(0.8);
    const fog = { transmission: 0.4, level: 180 };
    const fogged = measure(frameOf(20, { fog }), frameOf(21), reference).compared!;
    expect(fogged.sharpness).toBeGreaterThan(0.8);
    expect(Math.max(fogged.contrastKept!, fogged.layoutSlope!)).toBeLessThan(0.45);
    const cover = { kind: "half", level: 120, place: 0.2 } as const;
    const covered = measure(frameOf(20, { cover }), frameOf(21), reference).compared!;
    expect(covered.coveredShare).toBeGreaterThan(0.35);
    expect(covered.coveredShare).toBeLessThan(0.65);
    expect(covered.sharpness).toBeGreaterThan(0.85);
    expect(covered.contrastKept).toBeGreaterThan(0.85);
  });

  it("a plain thing that stands in the scene is no cover", () => {
    const parked = {
      x: 330,
      y: 320,
      radiusX: 150,
      radiusY: 100,
      level: 130,
      shape: "box",
    } as const;
    for (const scene of [belt!, shelf!]) {
      const known = commissioned(scene, sensor);
      const blocked = { ...scene, things: () => [parked] };
      const at = () => exposed(seen(drawn(blocked, 3), {}), 1, sensor, 20);
      expect(measure(at(), at(), known).compared!.coveredShare).toBe(0);
    }
  });

  it("nothing is said of another thumbnail size, or without a reference", () => {
    expect(
      measure(
        filled(() => 9),
        undefined,
        { ...reference, width: 120 },
      ).compared,
    ).toBeNull();
    expect(measure(frameOf(1)).compared).toBeNull();
  });
});

describe("change", () => {
  it("tells the same picture from one that looks the same", () => {
    const [first, second] = [frameOf(5), frameOf(5)];
    expect(measure(first, first, reference)).toMatchObject({
      change: { identical: true, difference: 0 },
      compared: { stillShare: 1 },
    });
    expect(measure(second, first, reference)).toMatchObject({
      change: { identical: false },
      compared: { stillShare: 0 },
    });
    expect(measure(first).hash).toBe(measure({ ...first }).hash);
    expect(measure(first).hash).not.toBe(measure(second).hash);
    expect(measure(first).change).toBeNull();
  });

  it("does not call a belt frozen that stops", () => {
    const known = commissioned(belt!, sensor);
    const at = () => exposed(seen(drawn(belt!, 50), {}), 1, sensor, 14);
    expect(measure(at(), at(), known).compared!.stillShare).toBeLessThan(0.05);
  });
});

describe("thumbnails", () => {
  it("average the frame and measure its colour", () => {
    const data = new Uint8Array(3 * 320 * 240).map((_, i) => [200, 100, 50][i % 3]!);
    const thumbnail = thumbnailOf({ data, width: 320, height: 240 });
    expect(thumbnail).toMatchObject({
      width: 160,
      height: 120,
      frame: { width: 320, height: 240 },
    });
    expect(new Set(thumbnail.luma)).toEqual(new Set([124]));
    expect(thumbnail.chroma).toBeCloseTo(
      Math.hypot(0.564 * (50 - 124.2), 0.713 * (200 - 124.2)),
      1,
    );
    expect(measure(thumbnail).saturation).toBeGreaterThan(0.5);
  });

  it("of a grey picture have no colour, and of an upright frame stand upright", () => {
    const data = new Uint8Array(3 * 480 * 640).fill(90);
    const thumbnail = thumbnailOf({ data, width: 480, height: 640 }, { width: 960, height: 1280 });
    expect(thumbnail).toMatchObject({ width: 120, height: 160, frame: { height: 1280 } });
    expect(thumbnail.chroma).toBeCloseTo(0, 4);
  });

  it("that do not fit their size are refused with a sentence", () => {
    const luma = new Uint8Array(100);
    const frame = yard!.background;
    const attempt = (width: number, height: number) => () =>
      measure({ width, height, luma, chroma: null, frame });
    expect(attempt(160, 120)).toThrow("a thumbnail of 160 x 120 does not have 100 bytes");
    expect(attempt(10, 10)).toThrow(/sides of 48 to 320 pixels.*not 10 x 10/);
    expect(attempt(320, 320)).toThrow(AppError);
    expect(() => thumbnailOf({ data: luma, width: 9, height: 9 })).toThrow(
      /needs 243 RGB bytes, not 100/,
    );
  });
});
