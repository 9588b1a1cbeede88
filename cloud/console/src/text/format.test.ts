import { describe, expect, it } from "vitest";
import {
  formatBytes,
  formatDuration,
  formatFineMs,
  formatMs,
  formatPercent,
  formatProgress,
} from "./format.ts";

describe("formats", () => {
  it("never rounds progress up to 100 %", () => {
    expect(formatProgress(999, 1000)).toBe("99 %");
    expect(formatProgress(1000, 1000)).toBe("100 %");
    expect(formatProgress(0, 0)).toBe("0 %");
  });

  it("reads as 100.0 % only where it is the whole", () => {
    expect([1, 0.9996, 0.5, 0].map(formatPercent)).toEqual([
      "100.0 %",
      "99.9 %",
      "50.0 %",
      "0.0 %",
    ]);
    expect([0.087, 4.561, 12.34].map(formatFineMs)).toEqual(["0.09", "4.56", "12.3"]);
  });

  it("says durations in the unit that is enough", () => {
    expect([0, 4200, 89_000, 120_000, 2 * 3_600_000, 50 * 3_600_000].map(formatDuration)).toEqual([
      "0 s",
      "4 s",
      "89 s",
      "2 min",
      "2 h",
      "2 d",
    ]);
  });

  it("says bytes in powers of a thousand", () => {
    expect([0, 999, 2_400_000].map(formatBytes)).toEqual(["0 B", "999 B", "2.4 MB"]);
  });

  it("keeps a digit of short latencies only", () => {
    expect([3.14, 31.4].map(formatMs)).toEqual(["3.1", "31"]);
  });
});
