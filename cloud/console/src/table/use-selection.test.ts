import { describe, expect, it } from "vitest";
import { rangeOf } from "./use-selection.ts";

describe("range selection", () => {
  const order = ["a", "b", "c", "d"];

  it("covers both ends in either direction", () => {
    expect(rangeOf(order, "b", "d")).toEqual(["b", "c", "d"]);
    expect(rangeOf(order, "d", "b")).toEqual(["b", "c", "d"]);
  });

  it("falls back to the one row when the start is unknown", () => {
    expect(rangeOf(order, undefined, "c")).toEqual(["c"]);
    expect(rangeOf(order, "gone", "c")).toEqual(["c"]);
  });
});
