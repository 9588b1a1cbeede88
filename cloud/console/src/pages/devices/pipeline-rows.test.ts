import { describe, expect, it } from "vitest";
import { outcomeRows, stageRows } from "./pipeline-rows.ts";

const pipeline = {
  frames: 200,
  results: 100,
  dropped: { still: 60, busy: 10, meteor: 1 },
  errors: { decode: 20, constructor: 1 },
  underWay: 8,
  load: null,
  stagesMs: { total: { p50: 9, p95: 20 }, wait: { p50: 1, p95: 2 }, unknown: { p50: 1, p95: 1 } },
};

describe("what became of a camera's frames", () => {
  it("is results, then what is missing by its number, then what is under way", () => {
    expect(outcomeRows(pipeline).map(({ key, tone, frames }) => [key, tone, frames])).toEqual([
      ["result", "ok", 100],
      ["drop-still", "info", 60],
      ["error-decode", "critical", 20],
      ["drop-busy", "warn", 10],
      ["drop-meteor", "warn", 1],
      ["error-constructor", "critical", 1],
      ["under-way", "unknown", 8],
    ]);
    expect(outcomeRows(pipeline)[1]).toMatchObject({
      text: "not wanted: nothing moved",
      share: 0.3,
    });
    expect(outcomeRows(pipeline)[4]?.text).toBe("left out: meteor");
  });

  it("is no share of nothing", () => {
    const none = { ...pipeline, frames: 0, results: 0, dropped: {}, errors: {}, underWay: 0 };
    expect(outcomeRows(none).map(({ share }) => share)).toEqual([0, 0]);
  });
});

it("stages come in the order of a frame's way", () => {
  expect(stageRows(pipeline).map(({ stage }) => stage)).toEqual(["wait", "total"]);
});
