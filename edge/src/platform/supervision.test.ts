import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultSupervisionLimits, ended, type Lives, noLives, started } from "./supervision.ts";

const limits = defaultSupervisionLimits;
const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("a camera that is started again", () => {
  it("never starts more often than allowed in any minute, whatever happens", () => {
    const life = fc.record({ lastsMs: fc.nat(20_000), worked: fc.boolean(), random: unit });
    fc.assert(
      fc.property(fc.array(life, { maxLength: 60 }), (list) => {
        let [at, lives]: [number, Lives] = [0, noLives];
        const starts: number[] = [];
        for (const { lastsMs, worked, random } of list) {
          starts.push(at);
          lives = started(lives, at);
          expect(lives.starts.length).toBeLessThanOrEqual(limits.startsPerMinuteMax);
          const next = ended(lives, worked, at + lastsMs, limits, random);
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
    const states = [false, false, false, false, true, false].map((worked, i) => {
      const next = ended(started(lives, i * 100_000), worked, i * 100_000 + 1, limits, 0);
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
