import { defaultSampleSettings, sampleSettings } from "@fieldloop/shared/samples/settings";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choose, worth } from "./choose.ts";
import { admit, newQuota } from "./quota.ts";

const considered = (more: object = {}) => ({
  frame: "f",
  local: { label: "clean", confidence: 0.9, detections: null },
  hardness: 0.1,
  differs: null,
  cameraEvent: false,
  ...more,
});
const settings = sampleSettings.parse({ randomShare: 0 });

describe("what is worth keeping", () => {
  it.each([
    [{}, undefined],
    [{ hardness: 0.5 }, ["uncertain"]],
    [{ hardness: null }, undefined],
    [{ differs: true }, ["disagreement"]],
    [{ differs: false }, undefined],
    [{ cameraEvent: true, hardness: 0.9 }, ["uncertain", "camera-event"]],
  ])("%j: %j", (more, reasons) =>
    expect(choose(considered(more), settings)?.reasons).toEqual(reasons),
  );

  it("is a share of a class, whichever detection shows it, and told with that share", () => {
    const cracked = sampleSettings.parse({ randomShare: 0, classes: { cracked: 0.25 } });
    const box = [0, 0, 1, 1] as [number, number, number, number];
    const detections = [{ label: "cracked", score: 0.9, box }];
    const frames = Array.from({ length: 4000 }, (_, i) =>
      choose(
        considered({ frame: `f${i}`, local: { label: null, confidence: 0.9, detections } }),
        cracked,
      ),
    ).filter((choice) => choice !== undefined);
    expect(frames.length / 4000).toBeCloseTo(0.25, 1);
    expect(new Set(frames.map(({ share }) => share))).toEqual(new Set([0.25]));
  });

  it("is a random share of everything, for weighing", () => {
    const random = sampleSettings.parse({ randomShare: 0.1 });
    const choices = Array.from({ length: 5000 }, (_, i) =>
      choose(considered({ frame: `f${i}` }), random),
    );
    expect(choices.filter((choice) => choice !== undefined).length / 5000).toBeCloseTo(0.1, 1);
    expect(choices.find((choice) => choice !== undefined)?.share).toBeCloseTo(0.1, 12);
  });

  it("ranks what people learn most from first", () =>
    expect(
      [["random"], ["class", "random"], ["uncertain"], ["random", "disagreement"]].map((reasons) =>
        worth(reasons as never),
      ),
    ).toEqual([1, 2, 4, 5]));

  it("leaves the device by nobody's default", () =>
    expect(defaultSampleSettings.upload.allowed).toBe(false));
});

describe("quotas", () => {
  it("are kept in every hour and day, whatever the pictures weigh", () => {
    const limits = {
      perHour: { countMax: 3, bytesMax: 100 },
      perDay: { countMax: 5, bytesMax: 150 },
    };
    const step = fc.record({
      minutes: fc.integer({ min: 0, max: 90 }),
      bytes: fc.integer({ min: 1, max: 80 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let [state, at] = [newQuota(), 5_000_000];
        const taken: { hour: number; day: number; bytes: number }[] = [];
        for (const { minutes, bytes } of steps) {
          at += minutes * 60_000;
          const next = admit(state, bytes, at, limits);
          state = next.state;
          if (next.admitted)
            taken.push({
              hour: Math.floor(at / 3_600_000),
              day: Math.floor(at / 86_400_000),
              bytes,
            });
        }
        for (const [period, limit] of [
          ["hour", limits.perHour],
          ["day", limits.perDay],
        ] as const)
          for (const number of new Set(taken.map((one) => one[period]))) {
            const inIt = taken.filter((one) => one[period] === number);
            expect(inIt.length).toBeLessThanOrEqual(limit.countMax);
            expect(inIt.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(
              limit.bytesMax,
            );
          }
      }),
      { numRuns: 100 },
    );
  });

  it("begin anew when the clock is set back, instead of being locked until it catches up", () => {
    const limits = {
      perHour: { countMax: 1, bytesMax: 10 },
      perDay: { countMax: 9, bytesMax: 90 },
    };
    const first = admit(newQuota(), 5, 2_000_000_000_000, limits);
    const second = admit(first.state, 5, 2_000_000_000_000, limits);
    const back = admit(second.state, 5, 1_000_000_000_000, limits);
    expect([first.admitted, second.admitted, back.admitted]).toEqual([true, false, true]);
  });
});
