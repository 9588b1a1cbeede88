import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Box } from "../fit.ts";
import type { Point } from "./geometry.ts";
import { advanceLine, type Crossing, type Direction, newLineMark, settleLine } from "./lines.ts";
import { type CountingLine, lineSettings } from "./settings.ts";

const boxAt = ([x, y]: Point, size = 0.1): Box => [
  x - size / 2,
  y - size / 2,
  x + size / 2,
  y + size / 2,
];

const upwards = lineSettings.parse({
  name: "gate",
  points: [
    [0.5, 1],
    [0.5, 0],
  ],
});

/** All crossings of a path, those at its end included. */
function crossingsOf(line: CountingLine, path: readonly Point[]): Crossing[] {
  const found: Crossing[] = [];
  let mark = newLineMark(line);
  for (const [i, place] of path.entries()) {
    const step = advanceLine(mark, line, boxAt(path[i - 1] ?? place), boxAt(place), i * 200);
    mark = step.mark;
    if (step.crossing !== undefined) found.push(step.crossing);
  }
  const last = settleLine(mark).crossing;
  return last === undefined ? found : [...found, last];
}

const along = (...xs: number[]): Point[] => xs.map((x) => [x, 0.5]);
const directionsOf = (line: CountingLine, path: readonly Point[]): Direction[] =>
  crossingsOf(line, path).map(({ direction }) => direction);

describe("a counting line", () => {
  it("counts an object that passes, once", () =>
    expect(crossingsOf(upwards, along(0.3, 0.45, 0.55, 0.7))).toEqual([
      { line: "gate", direction: "left-to-right", atMs: 400 },
    ]));

  it("counts an object that passes between two frames", () =>
    expect(directionsOf(upwards, along(0.9, 0.1))).toEqual(["right-to-left"]));

  it("counts each direction of one that comes back", () =>
    expect(directionsOf(upwards, along(0.3, 0.7, 0.3, 0.7))).toEqual([
      "left-to-right",
      "right-to-left",
      "left-to-right",
    ]));

  it("does not count one that trembles on it and goes back", () =>
    expect(directionsOf(upwards, along(0.4, 0.501, 0.499, 0.502, 0.498, 0.4))).toEqual([]));

  it("counts one that trembles on it and passes, once, and from its last crossing", () =>
    expect(crossingsOf(upwards, along(0.4, 0.501, 0.499, 0.502, 0.6))).toEqual([
      { line: "gate", direction: "left-to-right", atMs: 600 },
    ]));

  it("counts one that ends just beyond it", () =>
    expect(directionsOf(upwards, along(0.4, 0.502))).toEqual(["left-to-right"]));

  it("is not crossed by one that goes round its end", () => {
    const short = lineSettings.parse({
      name: "gate",
      points: [
        [0.5, 1],
        [0.5, 0.6],
      ],
    });
    expect(directionsOf(short, along(0.3, 0.7))).toEqual([]);
  });

  it("is crossed by one that the picture's edge cuts, in both directions", () => {
    const low = { ...upwards, anchor: "bottom-centre" } as const;
    for (const y of [0, 0.05, 0.95, 1]) {
      const path: Point[] = [
        [0.3, y],
        [0.7, y],
        [0.3, y],
      ];
      expect(directionsOf(upwards, path)).toEqual(["left-to-right", "right-to-left"]);
      expect(directionsOf(low, path)).toEqual(["left-to-right", "right-to-left"]);
    }
  });

  it("keeps its place in the picture where it ends on the edge at a slant", () => {
    const slanted = lineSettings.parse({
      name: "slant",
      points: [
        [0.2, 1],
        [0.8, 0],
      ],
    });
    expect(directionsOf(slanted, along(0.1, 0.49))).toEqual([]);
    expect(directionsOf(slanted, along(0.1, 0.52))).toEqual(["left-to-right"]);
  });

  it("is crossed in and out of a pocket", () => {
    const pocket = lineSettings.parse({
      name: "pocket",
      points: [
        [0.4, 0],
        [0.4, 0.8],
        [0.6, 0.8],
        [0.6, 0],
      ],
    });
    expect(directionsOf(pocket, along(0.1, 0.5))).toEqual(["right-to-left"]);
    expect(directionsOf(pocket, along(0.1, 0.5, 0.9))).toHaveLength(2);
    expect(directionsOf(pocket, along(0.1, 0.9))).toEqual([]);
  });

  it("agrees with a count of sides on any path", () => {
    const x = fc.integer({ min: 0, max: 1000 }).map((n) => n / 1000);
    fc.assert(
      fc.property(fc.array(fc.tuple(x, x), { maxLength: 30 }), (path) => {
        const exact = { ...upwards, marginSizesMin: 0 };
        const sides = path.map((place) => (place[0] >= 0.5 ? 1 : -1));
        const truth = sides.flatMap((side, i): Direction[] =>
          i === 0 || side === sides[i - 1] ? [] : [side > 0 ? "left-to-right" : "right-to-left"],
        );
        expect(directionsOf(exact, path)).toEqual(truth);
      }),
      { numRuns: 200 },
    );
  });

  it("never counts one direction twice running, whatever the margin, if nothing goes round it", () => {
    const x = fc.integer({ min: 0, max: 1000 }).map((n) => n / 1000);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(x, x), { maxLength: 40 }),
        fc.double({ min: 0, max: 3, noNaN: true }),
        (path, marginSizesMin) => {
          const found = directionsOf({ ...upwards, marginSizesMin }, path);
          for (const [i, direction] of found.entries()) expect(direction).not.toBe(found[i - 1]);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("is refused with a sentence where it crosses itself", () => {
    const bad = {
      name: "bad",
      points: [
        [0, 0],
        [1, 1],
        [1, 0],
        [0, 1],
      ],
    };
    expect(lineSettings.safeParse(bad).error?.issues.map(({ message }) => message)).toEqual([
      "sides 1 and 3 of the line cross or touch; draw it without crossings",
    ]);
  });
});
