import { describe, expect, it } from "vitest";
import { frameResult } from "./frame-result.ts";

describe("the result of a live frame", () => {
  it("is read where it fits", () => {
    const detection = { label: "face", score: 0.9, box: [0.1, 0.2, 0.3, 0.4] };
    expect(
      frameResult({ label: null, confidence: 0.9, detections: [detection], extra: 1 }),
    ).toEqual({
      camera: undefined,
      sharpness: undefined,
      reference: undefined,
      label: undefined,
      confidence: 0.9,
      detections: [detection],
    });
  });

  it("is empty where it does not", () => {
    const nothing = { camera: undefined, sharpness: undefined, reference: undefined };
    const empty = { ...nothing, label: undefined, confidence: undefined, detections: [] };
    expect(frameResult({})).toEqual(empty);
    expect(frameResult({ label: 7 })).toEqual(empty);
    expect(frameResult(undefined)).toEqual(empty);
  });
});
