import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHalf, toHalf, toHalves } from "./half.ts";

/** Computed with numpy; see golden.py beside the file. */
const golden: { readonly halves: { readonly words: number[]; readonly halves: number[] } } =
  JSON.parse(
    readFileSync(
      new URL("../../../../test/conformance/quantise/vectors.json", import.meta.url),
      "utf8",
    ),
  );

const everyPattern = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

describe("many floats to halves", () => {
  it("gives every half back as it was", () => {
    const back = toHalves(Float32Array.from(everyPattern, fromHalf));
    for (const bits of everyPattern) {
      const expected = Number.isNaN(fromHalf(bits)) ? 0x7e00 : bits;
      if (back[bits] !== expected) expect.fail(`${bits} came back as ${back[bits]}`);
    }
  });

  it("rounds as numpy does, ties to even, small and large ones too", () => {
    const { words, halves } = golden.halves;
    expect(words.length).toBeGreaterThan(1000);
    const values = new Float32Array(Uint32Array.from(words).buffer);
    expect([...toHalves(values)]).toEqual(halves);
  });

  it("gives the nearer neighbour, and the even one of two that are equally near", () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(word, (bits) => {
        const [value = 0] = new Float32Array(Uint32Array.of(bits).buffer);
        fc.pre(Math.abs(value) < 65520);
        const [found = 0] = toHalves(Float32Array.of(value));
        const size = found & 0x7fff;
        const distance = (half: number): number => Math.abs(fromHalf(half) - Math.abs(value));
        expect(found >= 0x8000).toBe(bits >= 0x80000000);
        for (const other of [size - 1, size + 1]) {
          if (other < 0 || other > 0x7bff) continue;
          expect(distance(other)).toBeGreaterThanOrEqual(distance(size));
          if (distance(other) === distance(size)) expect(size % 2).toBe(0);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("agrees with the one for a single number", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (value) => {
        expect(toHalves(Float32Array.of(value))[0]).toBe(toHalf(value));
      }),
      { numRuns: 3000 },
    );
  });

  it("is infinite beyond 65504 and its rounding, and no number for no number", () => {
    const values = [65519, 65520, 1e30, -70000, Number.NaN, Number.POSITIVE_INFINITY];
    expect([...toHalves(Float32Array.from(values))]).toEqual([
      0x7bff, 0x7c00, 0x7c00, 0xfc00, 0x7e00, 0x7c00,
    ]);
  });
});
