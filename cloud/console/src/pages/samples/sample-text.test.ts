import { expect, it } from "vitest";
import { differs, opinionText, reasonText } from "./sample-text.ts";

const said = (label: string | null, found: number | null = null) => ({
  model: "m@1.0.0",
  label,
  confidence: 0.834,
  detections:
    found === null
      ? null
      : Array.from({ length: found }, () => ({
          label: "face",
          score: 0.8,
          box: [0, 0, 1, 1] as [number, number, number, number],
        })),
});

it("says a class with its confidence, and findings by their number", () => {
  expect(opinionText(said("cracked"))).toBe("cracked 0.83");
  expect([opinionText(said(null, 2)), opinionText(said(null, 0))]).toEqual([
    "2 found",
    "nothing found",
  ]);
});

it("knows when device and cloud differ", () => {
  expect(differs(said("clean"), null)).toBe(false);
  expect(differs(said("clean"), said("clean"))).toBe(false);
  expect(differs(said("clean"), said("cracked"))).toBe(true);
  expect(differs(said(null, 1), said(null, 2))).toBe(true);
});

it("has words for every reason", () => expect(reasonText("random")).toBe("drawn by lot"));
