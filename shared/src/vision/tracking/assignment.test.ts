import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assign } from "./assignment.ts";

type Table = readonly (readonly number[])[];

const totalOf = (costs: Table, alone: readonly number[], got: readonly number[]): number =>
  got.reduce((sum, column, row) => sum + (column < 0 ? alone[row]! : costs[row]![column]!), 0);

/** The cost of the cheapest of all assignments, by trying every one. */
function cheapest(costs: Table, alone: readonly number[]): number {
  const best = (row: number, used: ReadonlySet<number>): number => {
    if (row === costs.length) return 0;
    const options = costs[row]!.map((cost, column) =>
      used.has(column) ? Infinity : cost + best(row + 1, new Set([...used, column])),
    );
    return Math.min(alone[row]! + best(row + 1, used), ...options);
  };
  return best(0, new Set());
}

const cost = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 20 }) },
  { weight: 1, arbitrary: fc.constant(Infinity) },
);
const exactly = (length: number) => ({ minLength: length, maxLength: length });
const table = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 5 }))
  .chain(([rows, columns]) =>
    fc.record({
      costs: fc.array(fc.array(cost, exactly(columns)), exactly(rows)),
      alone: fc.array(fc.integer({ min: 0, max: 20 }), exactly(rows)),
    }),
  );

describe("an assignment", () => {
  it("costs as little as the best of all, and gives no column twice", () => {
    fc.assert(
      fc.property(table, ({ costs, alone }) => {
        const got = assign(costs, alone);
        const given = got.filter((column) => column >= 0);
        expect(totalOf(costs, alone, got)).toBe(cheapest(costs, alone));
        expect(new Set(given).size).toBe(given.length);
      }),
      { numRuns: 200 },
    );
  });

  it("gives a tie to the lower column", () => expect(assign([[1, 1]], [5])).toEqual([0]));

  it("shifts a whole row where greedy would strand its first", () =>
    expect(
      assign(
        [
          [4, Infinity],
          [1, 4],
        ],
        [10, 10],
      ),
    ).toEqual([0, 1]));

  it("leaves alone what costs more than being alone", () =>
    expect(assign([[3], [Infinity]], [2, 2])).toEqual([-1, -1]));
});
