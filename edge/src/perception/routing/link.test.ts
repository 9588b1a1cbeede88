import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type LinkHistory,
  type LinkSample,
  linkState,
  noHistory,
  observe,
  transferMs,
} from "./link.ts";

const historyOf = (samples: readonly LinkSample[]) =>
  samples.reduce<LinkHistory>(observe, noHistory);
const calls = (ms: readonly number[], bytes = 20_000) =>
  historyOf(ms.map((one, at) => ({ at, bytes, ms: one })));

test("nothing is known before the first call, and nothing more after a quiet minute", () => {
  const nothing = { connection: "online", rttP95Ms: null, uplinkBytesPerS: null, ewmaMs: null };
  expect(linkState(noHistory, "online", 0)).toEqual(nothing);
  const slow = calls([900]);
  expect(linkState(slow, "online", 1000).rttP95Ms).toBe(900);
  expect(linkState(slow, "online", 60_000)).toEqual(nothing);
  expect(transferMs(linkState(noHistory, "online", 0), 1000)).toBeNull();
});

test("the 95th percentile is the 61st of 64 calls", () => {
  const history = calls(Array.from({ length: 64 }, (_, i) => 64 - i));
  expect(linkState(history, "online", 64).rttP95Ms).toBe(61);
  const one = calls([...Array.from({ length: 63 }, () => 20), 500]);
  expect(linkState(one, "online", 64).rttP95Ms).toBe(20);
});

test("the smoothed duration moves by an eighth of the difference", () => {
  expect(linkState(calls([80, 160]), "online", 2).ewmaMs).toBe(90);
});

test("a line's rate is found from calls of different sizes", () => {
  // 30 ms and 1 MB/s
  const samples = Array.from({ length: 20 }, (_, i) => {
    const bytes = 10_000 + (i % 5) * 10_000;
    return { at: i, bytes, ms: 30 + bytes / 1000 };
  });
  const link = linkState(historyOf(samples), "metered", 20);
  expect(link.connection).toBe("metered");
  expect(link.rttP95Ms).toBeCloseTo(30, 9);
  expect(link.uplinkBytesPerS).toBeCloseTo(1e6, 3);
  expect(transferMs(link, 200_000)).toBeCloseTo(230, 6);
});

test("calls of one size give no rate, and their whole duration counts as the round trip", () => {
  const link = linkState(calls([50, 60, 50, 60, 50, 60, 50, 60, 50, 60]), "online", 10);
  expect(link).toMatchObject({ rttP95Ms: 60, uplinkBytesPerS: null });
  expect(transferMs(link, 1e6)).toBe(60);
});

test("larger calls that were faster by chance give no negative rate", () => {
  const samples = Array.from({ length: 10 }, (_, i) => ({ at: i, bytes: i * 1000, ms: 100 - i }));
  expect(linkState(historyOf(samples), "online", 10).uplinkBytesPerS).toBeNull();
});

test("any samples leave a bounded history and a state without NaN", () => {
  const anyNumber = fc.oneof(fc.double(), fc.double({ min: 0, max: 1e6, noNaN: true }));
  const sample = fc.record({ at: anyNumber, bytes: anyNumber, ms: anyNumber });
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 200 }), anyNumber, (samples, now) => {
      const history = historyOf(samples);
      expect(history.samples.length).toBeLessThanOrEqual(64);
      const { rttP95Ms, uplinkBytesPerS, ewmaMs } = linkState(history, "online", now);
      for (const value of [rttP95Ms, uplinkBytesPerS, ewmaMs])
        if (value !== null) expect(value).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 200 },
  );
});
