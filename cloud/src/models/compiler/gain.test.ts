import type { LatencyComparison } from "@fieldloop/shared/manifest/latency";
import { describe, expect, it } from "vitest";
import { judgeGain } from "./gain.ts";

const latency = (ratioLower90: number): LatencyComparison => ({
  pairs: 200,
  referenceMs: { p50: 2, p95: 3 },
  subjectMs: { p50: 1, p95: 2 },
  ratioMedian: ratioLower90 + 0.02,
  ratioLower90,
});

describe("the gain of a quantised model", () => {
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
