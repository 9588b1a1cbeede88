import { histogramCount, histogramSchema, quantile } from "@fieldloop/shared/sketches/histogram";
import { expect, test } from "vitest";
import { binOf, hardnessBins, RoutingCounters } from "./report.ts";

test("an empty report is all zeros", () => {
  const report = new RoutingCounters().snapshot();
  expect(report).toMatchObject({ frames: 0, offloaded: 0, offloadShare: 0, compared: 0 });
  expect(report.bins).toHaveLength(hardnessBins);
  expect(report.local["never-label"]).toBe(0);
  expect(report.callMs).toEqual([]);
});

test("frames are the sum of all reasons", () => {
  const counters = new RoutingCounters();
  for (let i = 0; i < 3; i++) counters.routed({ kind: "local", because: "easy" });
  counters.routed({ kind: "offload", because: "unsure" });
  expect(counters.snapshot()).toMatchObject({
    frames: 4,
    offloaded: 1,
    offloadShare: 0.25,
    local: { easy: 3 },
    offload: { unsure: 1 },
  });
});

test("levels fall into twenty bins, what cannot be read into the last", () => {
  expect([0, 0.049, 0.05, 0.999, 1].map(binOf)).toEqual([0, 0, 1, 19, 19]);
  expect([-1, 7, Number.NaN].map(binOf)).toEqual([0, 19, 19]);
});

test("bins count agreement, and who was right where the truth is known", () => {
  const counters = new RoutingCounters();
  counters.judged(0.62, true);
  counters.judged(0.62, false);
  counters.compared(0.62, false);
  counters.labelled(0.62, { local: false, cloud: true });
  const report = counters.snapshot();
  expect(report.bins[12]).toEqual({
    frames: 2,
    offloaded: 1,
    compared: 1,
    agreed: 0,
    labelled: 1,
    localRight: 0,
    cloudRight: 1,
  });
  expect(report).toMatchObject({ compared: 1, agreed: 0 });
});

test("calls are counted by outcome, with their bytes and times", () => {
  const counters = new RoutingCounters();
  counters.called("answered", { sent: 20_000, received: 500 }, 40);
  counters.called("timeout", { sent: 20_000, received: 0 });
  counters.answered("cloud", 42);
  counters.answered("local", 100);
  const report = counters.snapshot();
  expect(report.calls).toMatchObject({ answered: 1, timeout: 1, late: 0 });
  expect(report).toMatchObject({ bytesSent: 40_000, bytesReceived: 500 });
  expect(histogramCount(report.callMs)).toBe(1);
  expect(quantile(report.cloudAnswerMs, 0.5)! / 42).toBeCloseTo(1, 1);
  expect(quantile(report.callBytes, 1)! / 20_500).toBeCloseTo(1, 1);
  expect(() => histogramSchema.parse(report.localAnswerMs)).not.toThrow();
});

test("a snapshot does not change afterwards", () => {
  const counters = new RoutingCounters();
  const before = counters.snapshot();
  counters.judged(0.5, true);
  counters.routed({ kind: "local", because: "busy" });
  expect(before.bins[10]?.frames).toBe(0);
  expect(before.frames).toBe(0);
});

test("a hundred thousand frames take no more room than their buckets", () => {
  const counters = new RoutingCounters();
  for (let i = 0; i < 100_000; i++) {
    counters.routed({ kind: "offload", because: "unsure" });
    counters.called("late", { sent: i, received: i * 3 }, i / 7);
    counters.judged(i / 100_000, true);
  }
  expect(JSON.stringify(counters.snapshot()).length).toBeLessThan(20_000);
});
