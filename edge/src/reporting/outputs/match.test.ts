import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventOfCamera, eventOfFact, eventOfResult } from "./event.ts";
import { filledIn, isWanted } from "./match.ts";
import { type OutputFilter, outputSettings } from "./settings.ts";

const crossed = eventOfFact(
  "belt",
  {
    kind: "line-crossed",
    atMs: 900,
    line: "gate",
    direction: "left-to-right",
    object: {
      track: 7,
      label: "cracked",
      share: 0.8,
      margin: 0.6,
      frames: 5,
      firstSeenAtMs: 0,
      lastSeenAtMs: 900,
      bestFrame: "f3",
      bestBox: null,
      box: null,
    },
  },
  1000,
);
const on = (more: object): OutputFilter =>
  outputSettings.parse({
    name: "a",
    kind: "command",
    command: { run: ["x"] },
    on: { events: ["line-crossed"], ...more },
  }).on;

describe("what an output is told", () => {
  it("is flat, with nulls for what does not apply", () =>
    expect(crossed).toEqual({
      kind: "line-crossed",
      camera: "belt",
      at: 1000,
      frame: "f3",
      label: "cracked",
      confidence: 0.8,
      track: 7,
      line: "gate",
      direction: "left-to-right",
      zone: null,
      stayMs: null,
      message: "the camera belt: cracked 7 crossed gate left to right",
    }));

  it.each([
    [{}, true],
    [{ cameras: ["belt"], labels: ["cracked"], lines: ["gate"], confidenceMin: 0.8 }, true],
    [{ cameras: ["door"] }, false],
    [{ labels: ["clean"] }, false],
    [{ notLabels: ["cracked"] }, false],
    [{ directions: ["right-to-left"] }, false],
    [{ zones: ["bay"] }, false],
    [{ confidenceMin: 0.81 }, false],
    [{ events: ["object-seen"] }, false],
  ])("is chosen by %j: %s", (filter, wanted) => expect(isWanted(crossed, on(filter))).toBe(wanted));

  it("is the best finding of a detector's result", () => {
    const found = {
      label: "face",
      score: 0.7,
      box: [0, 0, 1, 1] as [number, number, number, number],
    };
    const seen = { camera: "door", frame: "1", capturedAt: 5 };
    const decision = { label: null, confidence: 0.7, detections: [found] };
    expect(eventOfResult({ ...seen, decision })).toMatchObject({ label: "face", confidence: 0.7 });
    const empty = { label: null, confidence: 0, detections: [] };
    expect(eventOfResult({ ...seen, decision: empty })).toMatchObject({
      label: null,
      message: "the camera door: nothing (0.00)",
    });
  });

  it("is a camera's state or condition as its label", () =>
    expect(eventOfCamera("camera-health", "door", "covered", "it is covered", 3)).toMatchObject({
      kind: "camera-health",
      label: "covered",
      message: "the camera door: it is covered",
    }));
});

describe("placeholders", () => {
  const told = { ...crossed, device: "pi-1" };

  it("are filled in; what is unknown stays as it is", () =>
    expect(filledIn("line/{device}/{camera}/{line} {label} {zone} {colour} {}", told)).toBe(
      "line/pi-1/belt/gate cracked none {colour} {}",
    ));

  it("can neither begin an option nor end a level, whatever a label is called", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (label) => {
        const text = filledIn("{label}", { ...told, label });
        expect(text).not.toMatch(/^-|[+#/\0\n\r"'`$;|&<>\\]/);
        expect(filledIn("{message}{toString}{constructor}", { ...told, message: "x" })).toBe(
          "x{toString}{constructor}",
        );
      }),
      { numRuns: 200 },
    );
  });
});
