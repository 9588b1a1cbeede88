import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RateGate } from "./rate-gate.ts";
import { defaultSupervisionLimits, ended, type Lives, noLives, started } from "./supervision.ts";

const limits = defaultSupervisionLimits;
const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("a camera that is started again", () => {
  it("never starts more often than allowed in any minute, whatever happens", () => {
    const life = fc.record({ lastsMs: fc.nat(20_000), hadFrames: fc.boolean(), random: unit });
    fc.assert(
      fc.property(fc.array(life, { maxLength: 60 }), (list) => {
        let [at, lives]: [number, Lives] = [0, noLives];
        const starts: number[] = [];
        for (const { lastsMs, hadFrames, random } of list) {
          starts.push(at);
          lives = started(lives, at);
          expect(lives.starts.length).toBeLessThanOrEqual(limits.startsPerMinuteMax);
          const next = ended(lives, hadFrames, at + lastsMs, limits, random);
          lives = next.lives;
          at += lastsMs + next.delayMs;
        }
        for (const from of starts) {
          const inMinute = starts.filter((one) => one >= from && one < from + 60_000);
          expect(inMinute.length).toBeLessThanOrEqual(limits.startsPerMinuteMax);
        }
      }),
    );
  });

  it("waits within full jitter's bounds where starts are left", () => {
    fc.assert(
      fc.property(fc.nat(20), unit, (failures, random) => {
        const { delayMs } = ended({ failures, starts: [] }, false, 0, limits, random);
        expect(delayMs).toBeGreaterThanOrEqual(limits.delayMsMin);
        expect(delayMs).toBeLessThanOrEqual(
          Math.min(limits.delayMsMax, limits.delayMsMin * 2 ** (failures + 1)),
        );
      }),
    );
  });

  it("has failed after three lives without a picture, and is well after one with", () => {
    let lives: Lives = noLives;
    const states = [false, false, false, false, true, false].map((hadFrames, i) => {
      const next = ended(started(lives, i * 100_000), hadFrames, i * 100_000 + 1, limits, 0);
      lives = next.lives;
      return next.state;
    });
    expect(states).toEqual([
      "backing-off",
      "backing-off",
      "failed",
      "failed",
      "backing-off",
      "backing-off",
    ]);
  });
});

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
