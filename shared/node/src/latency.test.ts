import type { ModelInput } from "@fieldloop/shared/manifest/model";
import { describe, expect, it } from "vitest";
import { comparePairs, greyPixels, medianLowerIndex, summarise } from "./latency.ts";

/** A model that takes `runMs` and notes when it was asked. */
const model = (name: string, runMs: number, asked: string[]) => ({
  run: async () => {
    asked.push(name);
    return { stagesMs: { tensor: 0.5, run: runMs, post: 9 } } as never; // the decision is not looked at
  },
});
const input: ModelInput = {
  name: "x",
  layout: "NCHW",
  type: "float32",
  width: 6,
  height: 4,
  fit: "letterbox",
  colour: "rgb",
  mean: [0, 0, 0],
  std: [1, 1, 1],
};

describe("a comparison in pairs", () => {
  it("is the median of pairs, which a few slow runs do not move", () => {
    const float = [2, 2.2, 2.1, 90, 2];
    const found = summarise(float, [1, 1, 1, 1, 40]);
    expect(found.ratioMedian).toBeCloseTo(2.1);
    expect(found).toMatchObject({ pairs: 5, referenceMs: { p50: 2.1 }, subjectMs: { p50: 1 } });
  });

  it.each([
    [200, 90],
    [1000, 479],
    // That at most 2 of 10 lie below the median has a chance of 5 %, at most 3 one of 17 %.
    [10, 2],
    [1, 0],
  ])("of %s pairs is bounded by the one of rank %s", (pairs, rank) => {
    expect(medianLowerIndex(pairs, 0.9)).toBe(rank);
  });

  it("changes the order from pair to pair, warms up, and lets others go first", async () => {
    const asked: string[] = [];
    const waits: number[] = [];
    const pixels = await greyPixels(input);
    const found = await comparePairs(model("a", 3.5, asked), model("b", 1.5, asked), {
      pairs: 4,
      pixels: () => pixels,
      between: async (tookMs) => void waits.push(tookMs),
    });
    expect(found).toEqual({
      ...{ pairs: 4, referenceMs: { p50: 4, p95: 4 }, subjectMs: { p50: 2, p95: 2 } },
      ...{ ratioMedian: 2, ratioLower90: 2 },
    });
    expect(asked.slice(-8).join("")).toBe("abbaabba");
    expect([asked.length, waits.length]).toEqual([48, 48]);
    expect(new Set(waits)).toEqual(new Set([2, 4]));
    expect(pixels.data).toHaveLength(3 * 6 * 4);
  });
});
