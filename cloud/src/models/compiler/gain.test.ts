import { describe, expect, it } from "vitest";
import { judgeGain, type Latency, medianLowerIndex, summarise } from "./gain.ts";

const latency = (ratioLower90: number): Latency => ({
  pairs: 200,
  referenceMs: { p50: 2, p95: 3 },
  subjectMs: { p50: 1, p95: 2 },
  ratioMedian: ratioLower90 + 0.02,
  ratioLower90,
});

describe("the gain of a quantised model", () => {
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

  it("pays from 1.1 times the speed on", () => {
    expect(judgeGain(latency(1.1), 100, 90).kind).toBe("pays");
    expect(judgeGain(latency(1.09), 100, 90).kind).toBe("does-not-pay");
  });

  it("pays at half the size where it is hardly slower", () => {
    expect(judgeGain(latency(0.95), 100, 50).kind).toBe("pays");
    expect(judgeGain(latency(0.94), 100, 50).kind).toBe("does-not-pay");
    expect(judgeGain(latency(0.96), 100, 51).kind).toBe("does-not-pay");
  });

  it("is told with its numbers", () => {
    expect(judgeGain(latency(0.8), 100, 31).because).toBe(
      "It has 0.82 times the float model's speed (at least 0.80 with 90 % confidence, 200 pairs) and 0.31 of its size; 1.1 times the speed is asked for, or half the size at 0.95 times.",
    );
  });
});
