import { histogramOf } from "@fieldloop/shared/sketches/histogram";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newestOf, placeInTime, pointOf, type WindowFacts } from "../ingest/point.ts";
import { decodeId, decodePlace, encodePlace } from "./page.ts";
import { rangeOf, toSeries } from "./series.ts";

function windowAt(startsAt: number, more: Partial<WindowFacts> = {}) {
  return {
    startsAt,
    camera: "cam",
    from: startsAt,
    to: startsAt + 1000,
    results: 2,
    dropped: {},
    errors: {},
    classes: { clean: 2 },
    latency: histogramOf([10, 20]),
    confidence: [...Array(19).fill(0), 2],
    ...more,
  };
}

describe("series", () => {
  it("merges windows into steps and leaves steps without a window out", () => {
    const points = toSeries([windowAt(0), windowAt(500), windowAt(3000)], 1000);
    expect(points.map((point) => [point.at, point.results])).toEqual([
      [0, 4],
      [3000, 2],
    ]);
  });

  it("gives frames per second over the seconds covered, summed over cameras", () => {
    const point = pointOf(0, [
      windowAt(0, { results: 4 }),
      windowAt(1000, { results: 2 }),
      windowAt(0, { camera: "other", results: 10, to: 2000 }),
    ]);
    expect(point.fps).toBe(3 + 5);
  });

  it("takes quantiles from the merged histogram, as if all values were in one", () => {
    const latencies = fc.array(fc.float({ min: 1, max: 1000, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(latencies, { minLength: 1 }), (parts) => {
        const merged = pointOf(
          0,
          parts.map((part) => windowAt(0, { latency: histogramOf(part) })),
        );
        const whole = pointOf(0, [windowAt(0, { latency: histogramOf(parts.flat()) })]);
        expect([merged.p50Ms, merged.p95Ms]).toEqual([whole.p50Ms, whole.p95Ms]);
      }),
    );
  });

  it("has no latency or confidence where nothing was decided", () => {
    const empty = windowAt(0, { results: 0, latency: [], confidence: Array(20).fill(0) });
    expect(pointOf(0, [empty])).toMatchObject({ p50Ms: null, p95Ms: null, confidence: null });
  });

  it("survives a window that covers no time", () => {
    expect(pointOf(0, [windowAt(0, { to: 0 })]).fps).toBe(0);
    expect(pointOf(0, [windowAt(5000, { to: 0 })]).fps).toBe(0);
  });

  it("shows the last hour unless said, in round steps", () => {
    expect(rangeOf({}, 7_200_000)).toEqual({ from: 3_600_000, to: 7_200_000, stepMs: 15_000 });
  });

  it.each([
    [{ from: 5, to: 5 }, "before"],
    [{ from: Number.NaN }, "before"],
    [{ from: 0, to: 1e9, stepMs: 1000 }, "1000000 steps are too many; at most 2000"],
  ])("refuses the range %j", (query, why) => {
    expect(() => rangeOf(query, 1e9)).toThrow(why);
  });
});

describe("time of a window", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  it("is the device's where it can be, the cloud's where the clock is wrong", () => {
    expect(placeInTime(now - 86_400_000, now - 86_340_000, now)).toBe(now - 86_400_000);
    expect(placeInTime(0, 60_000, now)).toBe(now - 60_000);
    expect(placeInTime(now + 1e9, now + 1e9 + 5000, now)).toBe(now - 5000);
    expect(placeInTime(now, now - 5000, now)).toBe(now);
    expect(placeInTime(0, now, now)).toBe(now);
  });

  it("finds what all cameras do now", () => {
    const windows = [windowAt(0), windowAt(9000, { camera: "a" }), windowAt(9500, { camera: "b" })];
    expect(newestOf(windows).map((window) => window.camera)).toEqual(["a", "b"]);
    expect(newestOf([])).toEqual([]);
  });
});

describe("cursors", () => {
  it("come back as they went out", () => {
    const place = { receivedAt: 1_772_366_400_000, epoch: 7, seq: 2 ** 53 - 1 };
    expect(decodePlace(encodePlace(place))).toEqual(place);
  });
  it("are refused where they are not ours", () => {
    expect(() => decodePlace("nonsense")).toThrow("leave it out");
    expect(() => decodeId("1; drop table")).toThrow("leave it out");
  });
});
