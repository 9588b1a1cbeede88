import type { Decision } from "@fieldloop/shared/vision/decide";
import { expect, test } from "vitest";
import { agree } from "./agreement.ts";

type Found = readonly [label: string, score: number, x1: number, x2: number];
const classed = (label: string): Decision => ({ label, confidence: 0.9, detections: null });
const found = (...list: readonly Found[]): Decision => ({
  label: null,
  confidence: list[0]?.[1] ?? 0,
  detections: list.map(([label, score, x1, x2]) => ({ label, score, box: [x1, 0, x2, 1] })),
});

test("classifiers agree on the label, whatever their confidence", () => {
  expect(agree(classed("egg"), { ...classed("egg"), confidence: 0.2 })).toBe(true);
  expect(agree(classed("egg"), classed("crack"))).toBe(false);
});

test("a classifier and a detector never agree", () => {
  expect(agree(classed("egg"), found())).toBe(false);
});

test("detectors agree on two empty frames and not on one", () => {
  expect(agree(found(), found())).toBe(true);
  expect(agree(found(), found(["cat", 0.9, 0, 1]))).toBe(false);
});

test("detectors agree where each finding has a partner of its label and place", () => {
  const two = found(["cat", 0.9, 0, 0.4], ["dog", 0.8, 0.5, 1]);
  expect(agree(two, found(["dog", 0.6, 0.52, 1], ["cat", 0.7, 0, 0.38]))).toBe(true);
  expect(agree(two, found(["dog", 0.6, 0, 0.4], ["cat", 0.7, 0.5, 1]))).toBe(false);
  expect(agree(two, found(["cat", 0.7, 0.2, 0.6], ["dog", 0.6, 0.5, 1]))).toBe(false);
});

test("one thing found twice has one partner only", () => {
  const twice = found(["cat", 0.9, 0, 0.5], ["cat", 0.8, 0, 0.5]);
  expect(agree(twice, found(["cat", 0.9, 0, 0.5], ["cat", 0.8, 0.5, 1]))).toBe(false);
});
