import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Search, searchMix, type Trial } from "./budget.ts";

/** A model whose nodes each cost some points in 8 bits. */
function subject(costs: Readonly<Record<string, number>>, lossPointsMax: number, more = {}) {
  const evaluated: string[][] = [];
  const search: Search = {
    of: "int8",
    lossPointsMax,
    trialsMax: 100,
    rank: async () => Object.keys(costs).sort((a, b) => costs[b]! - costs[a]!),
    evaluate: async (float) => {
      evaluated.push([...float].sort());
      return Object.entries(costs).reduce(
        (sum, [key, cost]) => sum + (float.has(key) ? 0 : cost),
        0,
      );
    },
    ...more,
  };
  return { search, evaluated };
}

describe("the search for a mix", () => {
  it("tries everything in 8 bits first, and is content with that", async () => {
    const { search, evaluated } = subject({ a: 0.2, b: 0.2 }, 0.5);
    expect(await searchMix(search)).toMatchObject({ kind: "within", float: [] });
    expect(evaluated).toEqual([[]]);
  });

  it("returns the worst node to float and leaves the others", async () => {
    const { search } = subject({ a: 0.1, b: 3, c: 0.1, d: 0.2 }, 0.5);
    expect(await searchMix(search)).toMatchObject({ kind: "within", float: ["b"] });
  });

  it("takes back what was not needed", async () => {
    // Ranked wrongly: what costs nothing comes first.
    const costs = { a: 0, b: 0, c: 3, d: 0.1 };
    const { search } = subject(costs, 0.5, { rank: async () => ["a", "b", "c", "d"] });
    expect(await searchMix(search)).toMatchObject({ kind: "within", float: ["c"] });
  });

  it("says by how much it failed where even float nodes lose too much", async () => {
    const { search } = subject({ a: 1 }, 0.5, { evaluate: async () => 2 });
    expect(await searchMix(search)).toMatchObject({ kind: "over", best: { lossPoints: 2 } });
  });

  it("does not make trials again that it knows", async () => {
    const costs = { a: 0.1, b: 3, c: 0.1 };
    const trials: Trial[] = [];
    const first = subject(costs, 0.15, { onTrial: (trial: Trial) => trials.push(trial) });
    const whole = await searchMix(first.search);
    const again = subject(costs, 0.15, { known: trials });
    expect(await searchMix(again.search)).toEqual(whole);
    expect(again.evaluated).toEqual([]);
    const half = subject(costs, 0.15, { known: trials.slice(0, 2) });
    expect(await searchMix(half.search)).toMatchObject({ kind: "within" });
    expect(half.evaluated).toHaveLength(trials.length - 2);
    const ofAnother = trials.map((trial) => ({ ...trial, of: "int8-reduced" }));
    const unlike = subject(costs, 0.15, { known: ofAnother });
    expect(await searchMix(unlike.search)).toEqual(whole);
    expect(unlike.evaluated).toHaveLength(trials.length);
  });

  it("never accepts what was not measured within the budget, nor makes too many trials", async () => {
    const cost = fc.integer({ min: 0, max: 20 }).map((n) => n / 10);
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string({ minLength: 1, maxLength: 3 }), cost, { maxKeys: 12 }),
        fc.integer({ min: 0, max: 30 }).map((n) => n / 10),
        fc.integer({ min: 1, max: 12 }),
        async (costs, lossPointsMax, trialsMax) => {
          const { search, evaluated } = subject(costs, lossPointsMax, { trialsMax });
          const result = await searchMix(search);
          expect(evaluated.length).toBeLessThanOrEqual(trialsMax);
          expect(new Set(evaluated.map(String)).size).toBe(evaluated.length);
          if (result.kind === "over") return;
          const trial = result.trials.find(({ float }) => `${float}` === `${result.float}`);
          expect(trial?.lossPoints).toBeLessThanOrEqual(lossPointsMax + 1e-9);
        },
      ),
    );
  });
});
