import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RateGate } from "./rate-gate.ts";

describe("RateGate", () => {
  it("keeps the mean rate and never bursts, however frames come", () => {
    const gaps = fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { maxLength: 200 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 60 }), (list, fps) => {
        const gate = new RateGate(fps);
        let at = 0;
        const passed: number[] = [];
        for (const gap of list) {
          at += gap;
          if (gate.passes(at)) passed.push(at);
        }
        passed.forEach((from, i) => {
          const last = passed.length - 1;
          const most = ((passed[last]! - from) * fps) / 1000 + 2;
          expect(last - i + 1).toBeLessThanOrEqual(most + 1e-6);
        });
      }),
    );
  });

  it("lets five of thirty frames a second through, evenly", () => {
    const gate = new RateGate(5);
    const passed = Array.from({ length: 300 }, (_, i) => (i * 1000) / 30).filter((at) =>
      gate.passes(at),
    );
    expect(passed.length).toBe(51);
    expect(passed.slice(2, 6).map((at) => Math.round(at))).toEqual([300, 500, 700, 900]);
  });

  it("lets all through where no rate is wanted", () => {
    const gate = new RateGate(undefined);
    expect([0, 0, 1, 1].map((at) => gate.passes(at))).toEqual([true, true, true, true]);
  });
});
