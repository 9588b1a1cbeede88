import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  binned,
  classRows,
  decibelRange,
  decibelTicks,
  medianOf,
  operatorRows,
  placed,
  pointsText,
  worstFirst,
} from "./figures.ts";

const score = (perClass: Record<string, number>) =>
  ({ kind: "accuracy", samples: 10, overall: 1, perClass }) as const;
const noise = (...values: number[]) =>
  placed(values.map((sqnrDb, i) => ({ node: `n${i}`, opType: "Conv", sqnrDb })));

describe("figures of a compile report", () => {
  it("list the class that lost most first, and classes that one side did not see", () => {
    const rows = classRows(score({ a: 1, b: 0.9, c: 0.5 }), score({ a: 0.98, b: 0.5, d: 1 }));
    expect(rows.map(({ name }) => name)).toEqual(["b", "a", "c", "d"]);
    expect(rows[0]?.lost).toBeCloseTo(40);
    expect(rows[2]).toMatchObject({ before: 0.5, after: undefined, lost: 0 });
  });

  it("put the operators of both kinds side by side", () => {
    const operators = { int8: { Conv: 3 }, float: { Sub: 1, Conv: 1 }, conversions: 2 };
    expect(operatorRows({ ...operators, floatWeighted: [] })).toEqual([
      { name: "Conv", int8: 3, float: 1 },
      { name: "Sub", int8: 0, float: 1 },
    ]);
  });

  it("keep the noisiest layer when many share a bar", () => {
    expect(binned(noise(40, 12, 30, 31, 9), 3).map(({ place }) => place)).toEqual([2, 3, 5]);
  });

  it("never lose the noisiest layer, and keep the order of the graph", () => {
    const values = fc.array(fc.double({ min: -200, max: 200, noNaN: true }), { maxLength: 400 });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 50 }), (dbs, binsMax) => {
        const layers = noise(...dbs);
        const bins = binned(layers, binsMax);
        expect(bins.length).toBeLessThanOrEqual(binsMax);
        expect(bins.map(({ place }) => place)).toEqual(
          bins.map(({ place }) => place).toSorted((a, b) => a - b),
        );
        expect(worstFirst(bins)[0]?.sqnrDb).toBe(worstFirst(layers)[0]?.sqnrDb);
      }),
    );
  });

  it("have an axis with zero and every value on it, and few lines", () => {
    const tenths = fc.integer({ min: -2000, max: 2000 }).map((n) => n / 10);
    const values = fc.array(tenths, { maxLength: 40 });
    fc.assert(
      fc.property(values, (dbs) => {
        const [low, high] = decibelRange(noise(...dbs));
        for (const db of [0, ...dbs]) {
          expect(db).toBeGreaterThanOrEqual(low);
          expect(db).toBeLessThanOrEqual(high);
        }
        const ticks = decibelTicks([low, high]);
        expect(ticks.length).toBeLessThanOrEqual(8);
        expect(ticks).toContain(0);
      }),
    );
  });

  it("have a median and points without a minus before zero", () => {
    expect([medianOf([]), medianOf([3, 1]), medianOf([5, 1, 2])]).toEqual([undefined, 2, 2]);
    expect([-0.001, 0.5, -1.25].map(pointsText)).toEqual(["0.00", "0.50", "−1.25"]);
  });
});
