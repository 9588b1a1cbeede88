import { telemetryBatch, toColumns } from "@fieldloop/shared/messages/telemetry";
import { defaultSettings, type RemoteSettings } from "@fieldloop/shared/messages/twin";
import { histogramCount } from "@fieldloop/shared/sketches/histogram";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Report } from "../outbox/batch.ts";
import { confidenceBin, WindowAccumulator } from "./accumulator.ts";
import { isException, reasonToReport } from "./choose.ts";
import { Reporter } from "./reporter.ts";

const result = (over: object = {}) => ({
  camera: "belt",
  model: "eggs@1.0.0",
  frame: "17",
  capturedAt: 1000,
  label: "clean",
  confidence: 0.9,
  latencyMs: 12.345,
  detections: null,
  ...over,
});

test("a window counts every frame as result, drop or error, whatever happened", () => {
  const happening = fc.oneof(
    fc.record({
      kind: fc.constant("result" as const),
      camera: fc.constantFrom("a", "b"),
      confidence: fc.double({ min: 0, max: 1, noNaN: true }),
      latencyMs: fc.double({ min: 0, max: 5000, noNaN: true }),
      label: fc.constantFrom("clean", "cracked"),
    }),
    fc.record({ kind: fc.constant("drop" as const), camera: fc.constantFrom("a", "b") }),
    fc.record({ kind: fc.constant("error" as const), camera: fc.constantFrom("a", "b") }),
  );
  fc.assert(
    fc.property(fc.array(happening), (all) => {
      const windows = new WindowAccumulator(10);
      for (const one of all) {
        if (one.kind === "result") windows.result(result(one));
        else if (one.kind === "drop") windows.dropped(one.camera, "m", "busy");
        else windows.failed(one.camera, "m", "decode");
      }
      const rows = windows.take(20);
      expect(rows.reduce((sum, row) => sum + row.frames, 0)).toBe(all.length);
      for (const row of rows) {
        expect(histogramCount(row.latency)).toBe(row.results);
        expect(row.confidence.reduce((sum, n) => sum + n, 0)).toBe(row.results);
        expect(row).toMatchObject({ from: 10, to: 20 });
      }
      const columns = toColumns(rows.map((row, i) => ({ seq: i + 1, ...row })));
      expect(telemetryBatch.safeParse({ v: 1, epoch: 1, windows: columns }).success).toBe(
        rows.length > 0 || columns === undefined,
      );
      expect(windows.take(30)).toEqual([]);
    }),
    { numRuns: 50 },
  );
});

test("facts add up in the window of their camera and model, corrections included", () => {
  const windows = new WindowAccumulator(0);
  windows.result(result());
  windows.fact("belt", "eggs@1.0.0", "line/gate/left-to-right/egg", 1);
  windows.fact("belt", "eggs@1.0.0", "line/gate/left-to-right/egg", 1);
  windows.fact("belt", "eggs@1.0.0", "line/gate/left-to-right/stone", -1);
  windows.result(result({ camera: "door" }));
  expect(windows.take(1).map(({ camera, facts }) => [camera, facts])).toEqual([
    ["belt", { "line/gate/left-to-right/egg": 2, "line/gate/left-to-right/stone": -1 }],
    ["door", null],
  ]);
});

test("rows of an agent that knew no facts go into one batch with newer ones", () => {
  const windows = new WindowAccumulator(0);
  windows.result(result());
  windows.fact("belt", "eggs@1.0.0", "object/egg", 1);
  const [newer] = windows.take(1);
  const { facts: _, ...older } = newer!; // just taken
  for (const rows of [
    [older, newer!],
    [newer!, older],
  ]) {
    const columns = toColumns(rows.map((row, i) => ({ seq: i + 1, ...row })));
    const sent: unknown = JSON.parse(JSON.stringify({ v: 1, epoch: 1, windows: columns }));
    const told = telemetryBatch.parse(sent).windows?.facts?.filter((facts) => facts !== null);
    expect(told).toEqual([{ "object/egg": 1 }]);
  }
});

test("a clock set back does not give a window that ends before it began", () => {
  const windows = new WindowAccumulator(5000);
  windows.result(result());
  expect(windows.take(1000)[0]).toMatchObject({ from: 1000, to: 1000 });
});

test("a detector's window counts detections per class", () => {
  const windows = new WindowAccumulator(0);
  const box: [number, number, number, number] = [0, 0, 1, 1];
  const detections = ["face", "face", "hand"].map((label) => ({ label, score: 0.8, box }));
  windows.result(result({ label: null, detections }));
  expect(windows.take(1)[0]?.classes).toEqual({ face: 2, hand: 1 });
});

test("the twenty confidence bins hold both ends", () => {
  expect([0, 0.05, 0.999, 1].map(confidenceBin)).toEqual([0, 1, 19, 19]);
});

test("an unsure classifier and a doubtful detection are exceptions, an empty frame is none", () => {
  const rule = { confidenceMin: 0.6, scoreMin: 0.5 };
  const found = (score: number) => [
    { label: "face", score, box: [0, 0, 1, 1] as [number, number, number, number] },
  ];
  expect(isException({ confidence: 0.59, detections: null }, rule)).toBe(true);
  expect(isException({ confidence: 0.6, detections: null }, rule)).toBe(false);
  expect(isException({ confidence: 0.55, detections: found(0.55) }, rule)).toBe(true);
  expect(isException({ confidence: 0.9, detections: found(0.9) }, rule)).toBe(false);
  expect(isException({ confidence: 0, detections: [] }, rule)).toBe(false);
});

test.each([
  ["exceptions", 1, false, undefined],
  ["exceptions", 0, true, "exception"],
  ["sampled", 1, false, "sampled"],
  ["sampled", 0, false, undefined],
  ["sampled", 1, true, "exception"],
  ["all", 0, false, "all"],
] as const)(
  "under %s with share %s an exception=%s is reported as %s",
  (results, sampleShare, exception, reason) => {
    expect(reasonToReport("f", exception, { results, sampleShare })).toBe(reason);
  },
);

test("the reporter writes rows that the wire format accepts", () => {
  const reports: Report[] = [];
  const settings: RemoteSettings = { ...defaultSettings, results: "all" };
  const clock = { now: () => 2000, monotonicMs: () => 0 };
  const reporter = new Reporter({ clock, settings, append: (report) => reports.push(report) });
  reporter.judgeBy({ confidenceMin: 0.95, scoreMin: null });
  reporter.result(result());
  reporter.event("test", "info", "x".repeat(2000));
  reporter.flush();
  expect(reports.map(({ kind }) => kind)).toEqual(["result", "event", "window"]);
  expect(reports[0]?.row).toMatchObject({ at: 1000, reason: "exception", latencyMs: 12.35 });
  expect(reports[1]?.row).toMatchObject({ message: "x".repeat(1000) });
});
