import fc from "fast-check";
import { expect, it } from "vitest";
import { bitsApart, differenceHash } from "./difference-hash.ts";

const [width, height] = [36, 27];
const picture = (levelAt: (x: number, y: number) => number) => ({
  data: Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const cell = Math.floor(i / 3);
    return Math.max(0, Math.min(255, levelAt(cell % width, Math.floor(cell / width))));
  }),
  width,
  height,
});
const wave = (shift: number) => (x: number, y: number) =>
  128 + 100 * Math.sin((x + shift) / 4 + y / 9);

it("is the same for a picture that is only brighter", () => {
  fc.assert(
    fc.property(fc.integer({ min: -20, max: 20 }), (brighter) => {
      const [a, b] = [picture(wave(0)), picture((x, y) => wave(0)(x, y) + brighter)];
      expect(bitsApart(differenceHash(a), differenceHash(b))).toBeLessThanOrEqual(2);
    }),
  );
});

it("is far away for another picture, and opposite for the mirrored slope", () => {
  const [a, b] = [differenceHash(picture(wave(0))), differenceHash(picture(wave(12)))];
  expect(bitsApart(a, b)).toBeGreaterThan(20);
  const falls = differenceHash(picture((x) => 250 - 6 * x));
  const rises = differenceHash(picture((x) => 6 * x));
  expect([falls, rises]).toEqual([
    [0xffff_ffff, 0xffff_ffff],
    [0, 0],
  ]);
  expect(bitsApart(falls, rises)).toBe(64);
});

it("counts differing bits", () => {
  const word = fc.integer({ min: 0, max: 0xffff_ffff });
  fc.assert(
    fc.property(word, word, word, word, (a, b, c, d) => {
      const ones = (v: bigint) => v.toString(2).replaceAll("0", "").length;
      const value = (high: number, low: number) => (BigInt(high) << 32n) | BigInt(low);
      expect(bitsApart([a, b], [c, d])).toBe(ones(value(a, b) ^ value(c, d)));
    }),
  );
});
