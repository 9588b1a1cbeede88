import type { SeriesPoint } from "@fieldloop/shared/contract/devices";
import { describe, expect, it } from "vitest";
import {
  agreementOf,
  classesOf,
  classShares,
  extentOf,
  linesOf,
  stacked,
  withGaps,
} from "./series.ts";

const point = (at: number, over: Partial<SeriesPoint> = {}): SeriesPoint => ({
  at,
  fps: 2,
  results: 10,
  dropped: 0,
  errors: 0,
  p50Ms: 20,
  p95Ms: 30,
  confidence: 0.9,
  classes: {},
  facts: {},
  ...over,
});

describe("chart series", () => {
  it("break where windows are missing, and only there", () => {
    const spaced = withGaps([point(0), point(10), point(20), point(100), point(110)], 10);
    expect(spaced.map((p) => ("gap" in p ? "gap" : p.at))).toEqual([0, 10, 20, "gap", 100, 110]);
  });

  it("draw an unknown value as unknown and not as zero", () => {
    const data = linesOf([point(0, { p95Ms: null })], 10, [{ name: "p95", pick: (p) => p.p95Ms }]);
    expect(data.lines[0]?.values).toEqual([null]);
  });

  it("show agreement in the middle of its step, and a gap where nothing was labelled", () => {
    const labelled = [
      { at: 0, labelled: 4, agreed: 3 },
      { at: 60, labelled: 2, agreed: 2 },
      { at: 180, labelled: 1, agreed: 0 },
    ];
    const data = agreementOf(labelled, 60, { share: "agree", labels: "labels" });
    expect(data.times).toEqual([30, 90, 120, 210]);
    expect(data.lines[0]?.values).toEqual([0.75, 1, null, 0]);
    expect(data.lines[1]).toMatchObject({ values: [4, 2, null, 1], isCount: true });
  });

  it("order classes by frequency and count the rare ones together", () => {
    const classes = { a: 1, b: 9, c: 3, d: 2, e: 2, f: 3 };
    expect(classesOf([point(0, { classes })])).toEqual(["b", "c", "f", "d", "e", "a"]);
    const data = classShares([point(0, { classes })], 10, "other");
    expect(data.lines.map((line) => line.name)).toEqual(["b", "c", "f", "d", "other"]);
    expect(data.lines.at(-1)?.values[0]).toBeCloseTo(3 / 20);
  });

  it("stack shares to one", () => {
    const data = classShares([point(0, { classes: { a: 1, b: 3 } }), point(10)], 10, "other");
    expect(stacked(data.lines).at(-1)?.values).toEqual([1, null]);
  });

  it("know last, least and greatest of a line with gaps", () => {
    const points = [point(0, { fps: 3 }), point(10, { fps: 1 }), point(100, { fps: 2 })];
    const data = linesOf(points, 10, [{ name: "fps", pick: (p) => p.fps }]);
    expect(extentOf(data, data.lines[0]!)).toEqual({ last: 2, lastAt: 100, min: 1, max: 3 });
    expect(
      extentOf({ times: [], lines: [] }, { name: "x", colour: "", values: [] }),
    ).toBeUndefined();
  });
});
