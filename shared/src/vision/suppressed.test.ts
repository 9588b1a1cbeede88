import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide, type OutputTensor, type Reading } from "./decide.ts";
import { centred } from "./fit.ts";

const size = { width: 64, height: 48 };
const geometry = centred(size, size);
const labels = ["cat", "dog", "owl"];
const tensor = (data: readonly number[], dims: readonly number[]): OutputTensor => ({
  data: Float32Array.from(data),
  dims,
});
const bounds = { scoreMin: 0.25, iouMax: 0.5, detectionsMax: 20 };
const yolo = (head: "v8" | "end2end", more: object = {}): Reading => ({
  labels,
  output: { kind: "yolo", output: "out", head, ...bounds, ...more },
  temperature: 1,
});

/** Boxes that do not touch, so that suppression has nothing to do. */
const apart = fc.uniqueArray(
  fc.record({
    cell: fc.integer({ min: 0, max: 11 }),
    classIndex: fc.nat(2),
    score: fc.integer({ min: 0, max: 100 }).map((n) => n / 100),
  }),
  { selector: ({ cell }) => cell, maxLength: 12 },
);
const cornersOf = (cell: number): [number, number, number, number] => {
  const [x, y] = [(cell % 4) * 16, Math.floor(cell / 4) * 16];
  return [x + 2, y + 2, x + 12, y + 13];
};

describe("a YOLO head with suppression in the graph", () => {
  it("finds what the head without it and our own suppression find", () => {
    fc.assert(
      fc.property(apart, (objects) => {
        const n = Math.max(1, objects.length);
        const raw = new Float32Array((4 + 3) * n);
        objects.forEach(({ cell, classIndex, score }, i) => {
          const [x1, y1, x2, y2] = cornersOf(cell);
          raw.set([(x1 + x2) / 2], i);
          raw.set([(y1 + y2) / 2], n + i);
          raw.set([x2 - x1], 2 * n + i);
          raw.set([y2 - y1], 3 * n + i);
          raw.set([score], (4 + classIndex) * n + i);
        });
        const rows = objects.flatMap(({ cell, classIndex, score }) => [
          ...cornersOf(cell),
          score,
          classIndex,
        ]);
        const padding = [0, 0, 0, 0, 0, -1];
        const one = decide(yolo("v8"), { out: { data: raw, dims: [1, 7, n] } }, geometry);
        const two = decide(
          yolo("end2end"),
          { out: tensor([...rows, ...padding], [1, objects.length + 1, 6]) },
          geometry,
        );
        expect(two.detections?.length).toBe(one.detections?.length);
        const byPlace = (found: typeof one) =>
          [...(found.detections ?? [])].sort((a, b) => a.box[0] - b.box[0] || a.box[1] - b.box[1]);
        byPlace(two).forEach((found, i) => {
          const other = byPlace(one)[i]!;
          expect(found.label).toBe(other.label);
          expect(found.score).toBeCloseTo(other.score, 6);
          for (const [j, v] of found.box.entries()) expect(v).toBeCloseTo(other.box[j]!, 6);
        });
      }),
      { numRuns: 100 },
    );
  });

  it("outlines its objects where it has masks, as the head without suppression does", () => {
    const prototypes = tensor(
      Array.from({ length: 8 * 8 }, () => 1),
      [1, 1, 8, 8],
    );
    const suppressed = decide(
      yolo("end2end", { prototypes: "masks" }),
      { out: tensor([16, 12, 48, 36, 0.9, 1, 5], [1, 1, 7]), masks: prototypes },
      geometry,
    );
    const raw = decide(
      yolo("v8", { prototypes: "masks" }),
      { out: tensor([32, 24, 32, 24, 0, 0.9, 0, 5], [1, 8, 1]), masks: prototypes },
      geometry,
    );
    expect(suppressed.detections).toEqual(raw.detections);
    expect(raw.detections?.[0]).toMatchObject({
      label: "dog",
      polygon: [
        [0.25, 0.25],
        [0.75, 0.25],
        [0.75, 0.75],
        [0.25, 0.75],
      ],
    });
  });
});

describe("a graph that suppresses by itself", () => {
  const reading: Reading = {
    labels,
    output: {
      kind: "detections",
      boxes: "boxes",
      scores: "scores",
      classes: "classes",
      count: "count",
      boxFormat: "yxyx-fraction",
      classOffset: 1,
      scoreMin: 0.5,
      detectionsMax: 20,
    },
    temperature: 1,
  };

  it("is read as TensorFlow writes it: classes from 1, y before x, rows up to the count", () => {
    const outputs = {
      boxes: tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.9, 0.9, 0, 0, 1, 1], [1, 3, 4]),
      scores: tensor([0.6, 0.9, 0.99], [1, 3]),
      classes: tensor([3, 1, 2], [1, 3]),
      count: tensor([2], [1]),
    };
    const { detections } = decide(reading, outputs, geometry);
    expect(detections?.map(({ label }) => label)).toEqual(["cat", "owl"]);
    for (const [i, v] of [0.2, 0.1, 0.4, 0.3].entries())
      expect(detections?.[1]?.box[i]).toBeCloseTo(v, 6);
  });

  it("never gives a class or a place that does not exist, whatever the numbers", () => {
    const wild = fc.oneof(
      fc.double(),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1, 2),
    );
    const list = (n: number) => fc.array(wild, { minLength: n, maxLength: n });
    fc.assert(
      fc.property(list(12), list(3), list(3), list(1), (boxes, scores, classes, count) => {
        const { detections } = decide(
          reading,
          {
            boxes: tensor(boxes, [1, 3, 4]),
            scores: tensor(scores, [1, 3]),
            classes: tensor(classes, [1, 3]),
            count: tensor(count, [1]),
          },
          geometry,
        );
        for (const { label, score, box } of detections ?? []) {
          expect(labels).toContain(label);
          expect([...box, score].every((v) => v >= 0 && v <= 1)).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });
});
