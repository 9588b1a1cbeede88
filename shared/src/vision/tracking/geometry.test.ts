import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  contains,
  crossingOf,
  distanceTo,
  lineProblem,
  netCrossings,
  type Point,
  polygonProblem,
} from "./geometry.ts";

const square: Point[] = [
  [0.2, 0.2],
  [0.8, 0.2],
  [0.8, 0.8],
  [0.2, 0.8],
];

describe("a polygon", () => {
  it("is right as it is", () => expect(polygonProblem(square)).toBeUndefined());

  it.each<[string, Point[], string]>([
    ["two corners", square.slice(0, 2), "a polygon has 3 to 64 corners, this one has 2"],
    [
      "65 corners",
      Array.from({ length: 65 }, (_, i): Point => [i / 65, (i % 2) / 2]),
      "a polygon has 3 to 64 corners, this one has 65",
    ],
    [
      "a corner outside",
      [
        [0, 0],
        [1.2, 0],
        [1, 1],
      ],
      "corner 2 (1.2, 0) lies outside the picture; use fractions from 0 to 1",
    ],
    [
      "a corner that is not a number",
      [
        [0, 0],
        [Number.NaN, 0],
        [1, 1],
      ],
      "corner 2 (NaN, 0) lies outside the picture; use fractions from 0 to 1",
    ],
    [
      "a corner twice",
      [
        [0, 0],
        [1, 0],
        [1, 0],
        [1, 1],
      ],
      "corner 2 of the polygon and the next are the same; remove one",
    ],
    [
      "a bow tie",
      [
        [0, 0],
        [1, 1],
        [1, 0],
        [0, 1],
      ],
      "sides 1 and 3 of the polygon cross or touch; draw it without crossings",
    ],
    [
      "a corner on another side",
      [
        [0, 0],
        [1, 0],
        [1, 1],
        [0.5, 0],
        [0, 1],
      ],
      "sides 1 and 3 of the polygon cross or touch; draw it without crossings",
    ],
    [
      "a side that folds back",
      [
        [0, 0],
        [1, 0],
        [0.5, 0],
        [0.5, 1],
      ],
      "sides 1 and 2 of the polygon cross or touch; draw it without crossings",
    ],
    [
      "a last side that folds back on the first",
      [
        [0, 0],
        [0.5, 0],
        [0.5, 0.5],
        [0.8, 0.5],
        [0.8, 0],
      ],
      "sides 1 and 5 of the polygon cross or touch; draw it without crossings",
    ],
  ])("with %s is refused by one sentence", (_name, corners, sentence) => {
    expect(polygonProblem(corners)).toBe(sentence);
  });

  it("holds what half-planes say that a square holds", () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(unit, unit, (x, y) => {
        fc.pre(distanceTo(square, [x, y], true) > 1e-9);
        expect(contains(square, [x, y])).toBe(x > 0.2 && x < 0.8 && y > 0.2 && y < 0.8);
      }),
      { numRuns: 200 },
    );
  });

  it("does not hold what lies in its notch", () => {
    const notched: Point[] = [
      [0, 0],
      [1, 0],
      [1, 1],
      [0.5, 0.2],
      [0, 1],
    ];
    expect([contains(notched, [0.5, 0.5]), contains(notched, [0.5, 0.1])]).toEqual([false, true]);
  });
});

describe("a line", () => {
  it("needs two corners", () =>
    expect(lineProblem([[0, 0]])).toBe("a line has 2 to 16 corners, this one has 1"));

  it("may not cross itself", () =>
    expect(
      lineProblem([
        [0, 0.1],
        [1, 0.1],
        [1, 1],
        [0.5, 0.5],
        [0.5, 0],
      ]),
    ).toBe("sides 1 and 4 of the line cross or touch; draw it without crossings"));

  it("may end near where it began", () =>
    expect(
      lineProblem([
        [0, 0],
        [1, 0],
        [1, 1],
        [0, 0.1],
      ]),
    ).toBeUndefined());

  it("tells left to right from right to left", () => {
    // Up the middle: what goes right in the picture goes from its left to its right.
    expect(crossingOf([0.4, 0.5], [0.6, 0.5], [0.5, 1], [0.5, 0])).toBe(1);
    expect(crossingOf([0.6, 0.5], [0.4, 0.5], [0.5, 1], [0.5, 0])).toBe(-1);
    expect(crossingOf([0.4, 0.5], [0.6, 0.5], [0.5, 0.4], [0.5, 0])).toBe(0);
  });

  it("is crossed once by a way through one of its corners, in one step or two", () => {
    const bent: Point[] = [
      [0.5, 1],
      [0.5, 0.5],
      [0.5, 0],
    ];
    const [from, middle, to]: Point[] = [
      [0.25, 0.5],
      [0.5, 0.5],
      [0.75, 0.5],
    ];
    expect(netCrossings(from!, to!, bent)).toBe(1);
    expect(netCrossings(from!, middle!, bent) + netCrossings(middle!, to!, bent)).toBe(1);
  });
});
