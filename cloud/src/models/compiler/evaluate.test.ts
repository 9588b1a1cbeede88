import type { Decision } from "@fieldloop/shared/vision/decide";
import { centred } from "@fieldloop/shared/vision/fit";
import { describe, expect, it } from "vitest";
import { type Answer, detectionAgreement, lossPoints, type Sample, scoreOf } from "./evaluate.ts";
import { splitSamples, spread } from "./split.ts";

const size = { width: 1, height: 1 };
const sample = (name: string, label: string | null): Sample => ({
  name,
  label,
  pixels: { data: new Uint8Array(3), geometry: centred(size, size) },
});
const says = (label: string): Answer => ({
  decision: { label, confidence: 0.9, detections: null },
  scores: null,
});
const finds = (...boxes: [number, number, number, number][]): Decision => ({
  label: null,
  confidence: 0.9,
  detections: boxes.map((box) => ({ label: "face", score: 0.9, box })),
});

describe("the score of a model", () => {
  it("is its accuracy, overall and per class, where all samples are labelled", () => {
    const samples = [sample("1", "a"), sample("2", "a"), sample("3", "b"), sample("4", "b")];
    const reference = ["a", "a", "b", "b"].map(says);
    const score = scoreOf(["a", "b", "b", "b"].map(says), samples, reference);
    expect(score).toEqual({
      kind: "accuracy",
      samples: 4,
      overall: 0.75,
      perClass: { a: 0.5, b: 1 },
    });
    expect(lossPoints(scoreOf(reference, samples, reference), score)).toBeCloseTo(25);
  });

  it("is its agreement with the float model where a label is missing", () => {
    const samples = [sample("1", "a"), sample("2", null)];
    const score = scoreOf(["b", "b"].map(says), samples, ["b", "a"].map(says));
    expect(score).toMatchObject({ kind: "agreement", overall: 0.5, perClass: { b: 1, a: 0 } });
  });

  it("of a detector counts boxes that lie on each other", () => {
    const one = [0, 0, 0.5, 0.5] as [number, number, number, number];
    const other = [0.5, 0.5, 1, 1] as [number, number, number, number];
    expect(detectionAgreement(finds(), finds())).toBe(1);
    expect(detectionAgreement(finds(one, other), finds(other, one))).toBe(1);
    expect(detectionAgreement(finds(one, other), finds(one))).toBeCloseTo(2 / 3);
    expect(detectionAgreement(finds(one), finds([0, 0, 0.5, 0.3]))).toBe(0);
    expect(detectionAgreement(finds(one), finds(one, one))).toBeCloseTo(2 / 3);
  });
});

describe("samples", () => {
  const many = (count: number, label: string | null) =>
    Array.from({ length: count }, (_, i) => sample(`${label}-${i}`, label));

  it("that judge have no part in calibration where there are enough", () => {
    const split = splitSamples(many(100, "a"));
    expect(split.heldOut).toBe(true);
    const names = new Set(split.calibration.map(({ name }) => name));
    expect(split.evaluation).toHaveLength(50);
    expect(split.evaluation.some(({ name }) => names.has(name))).toBe(false);
  });

  it("serve both ends where there are few", () => {
    const split = splitSamples(many(8, null));
    expect(split).toMatchObject({ heldOut: false });
    expect([split.calibration.length, split.evaluation.length]).toEqual([8, 8]);
  });

  it("with labels judge, and those without set the ranges", () => {
    const split = splitSamples([...many(80, null), ...many(20, "a")]);
    expect(split.heldOut).toBe(true);
    expect(split.evaluation.every(({ label }) => label === "a")).toBe(true);
    expect(split.calibration.every(({ label }) => label === null)).toBe(true);
  });

  it("are taken evenly from a long list", () => {
    expect(spread(many(1000, null), 4).map(({ name }) => name)).toEqual([
      "null-0",
      "null-250",
      "null-500",
      "null-750",
    ]);
  });
});
