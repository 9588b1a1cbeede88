import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide, type OutputTensor, type Reading } from "./decide.ts";
import { decodeSsd, type SsdOutput } from "./decode-ssd.ts";
import { decodeYoloV5, decodeYoloV8 } from "./decode-yolo.ts";
import { type Box, centred, toFrame } from "./fit.ts";
import { iou } from "./iou.ts";
import { type Candidate, suppress } from "./nms.ts";
import { softmax } from "./softmax.ts";
import { topK } from "./top-k.ts";

const unit = fc.double({ min: 0, max: 1, noNaN: true });
const box = fc
  .tuple(unit, unit, unit, unit)
  .map(([a, b, c, d]): Box => [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)]);
const logits = fc.array(fc.float({ min: -80, max: 80, noNaN: true }), {
  minLength: 1,
  maxLength: 40,
});
const candidate = fc.record({ classIndex: fc.nat(2), score: unit, box });
const tensor = (values: readonly number[], dims: readonly number[]): OutputTensor => ({
  data: Float32Array.from(values),
  dims,
});

describe("softmax", () => {
  it("sums to one and keeps the order", () => {
    fc.assert(
      fc.property(logits, fc.double({ min: 0.1, max: 20, noNaN: true }), (values, temperature) => {
        const result = softmax(values, temperature);
        expect(result.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 9);
        expect(result[topK(values, 1)[0]!]).toBe(Math.max(...result));
      }),
    );
  });

  it("stays finite for huge logits", () => {
    expect([...softmax([10_000, 0])]).toEqual([1, 0]);
  });

  it("is less certain at a higher temperature", () => {
    expect(softmax([3, 1], 4)[0]).toBeLessThan(softmax([3, 1], 1)[0]!);
  });
});

describe("topK", () => {
  it("finds what sorting finds", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 30 }),
        fc.nat(8),
        (a, k) => {
          const sorted = a
            .map((value, index) => ({ value, index }))
            .sort((x, y) => y.value - x.value || x.index - y.index);
          expect(topK(a, k)).toEqual(sorted.slice(0, k).map(({ index }) => index));
        },
      ),
    );
  });
});

describe("iou", () => {
  it("is symmetric, within 0 and 1, and 1 for a box with itself", () => {
    fc.assert(
      fc.property(box, box, (a, b) => {
        expect(iou(a, b)).toBe(iou(b, a));
        expect(iou(a, b)).toBeGreaterThanOrEqual(0);
        expect(iou(a, b)).toBeLessThanOrEqual(1 + 1e-9);
        const area = (a[2] - a[0]) * (a[3] - a[1]);
        if (area > 1e-9) expect(iou(a, a)).toBeCloseTo(1, 6);
      }),
    );
  });

  it("is a third for two squares that share half", () => {
    expect(iou([0, 0, 2, 2], [1, 0, 3, 2])).toBeCloseTo(1 / 3);
  });
});

describe("suppress", () => {
  it("keeps a subset, best first, in which no two of a class overlap too much", () => {
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 40 }), unit, fc.nat(20), (all, limit, max) => {
        const kept = suppress(all, limit, max);
        expect(kept.length).toBeLessThanOrEqual(max);
        for (const one of kept) expect(all).toContain(one);
        kept.forEach((a, i) => {
          for (const b of kept.slice(i + 1)) {
            expect(a.score).toBeGreaterThanOrEqual(b.score);
            if (a.classIndex === b.classIndex) expect(iou(a.box, b.box)).toBeLessThanOrEqual(limit);
          }
        });
      }),
    );
  });

  it("drops only what a better box of its class covers", () => {
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 40 }), unit, (all, limit) => {
        const kept = suppress(all, limit, all.length);
        for (const one of all.filter((c) => !kept.includes(c))) {
          const covered = kept.some(
            (k) =>
              k.classIndex === one.classIndex &&
              k.score >= one.score &&
              iou(k.box, one.box) > limit,
          );
          expect(covered).toBe(true);
        }
      }),
    );
  });

  it("keeps overlapping boxes of different classes", () => {
    const pair: Candidate[] = [
      { classIndex: 0, score: 0.9, box: [0, 0, 1, 1] },
      { classIndex: 1, score: 0.8, box: [0, 0, 1, 1] },
    ];
    expect(suppress(pair, 0.5, 10)).toEqual(pair);
  });
});

describe("toFrame", () => {
  it("undoes the letterbox for every box inside the frame", () => {
    const size = fc.record({
      width: fc.integer({ min: 8, max: 64 }),
      height: fc.integer({ min: 8, max: 64 }),
    });
    fc.assert(
      fc.property(size, size, box, (content, spare, inFrame) => {
        const input = { width: content.width + spare.width, height: content.height + spare.height };
        const geometry = centred(content, input);
        const onInput: Box = [
          (inFrame[0] * content.width + geometry.left) / input.width,
          (inFrame[1] * content.height + geometry.top) / input.height,
          (inFrame[2] * content.width + geometry.left) / input.width,
          (inFrame[3] * content.height + geometry.top) / input.height,
        ];
        toFrame(onInput, geometry).forEach((side, i) => {
          expect(side).toBeCloseTo(inFrame[i]!, 9);
        });
      }),
    );
  });

  it("cuts boxes at the frame's edge", () => {
    const geometry = centred({ width: 10, height: 10 }, { width: 10, height: 10 });
    expect(toFrame([-0.2, 0.1, 1.4, Number.NaN], geometry)).toEqual([0, 0.1, 1, 0]);
  });
});

const ssd: SsdOutput = {
  kind: "ssd",
  scores: "s",
  boxes: "b",
  activation: "none",
  boxFormat: "xyxy-fraction",
  background: 0,
  scoreMin: 0.5,
  iouMax: 0.5,
  detectionsMax: 10,
};
const whole = centred({ width: 100, height: 50 }, { width: 100, height: 50 });

describe("decodeSsd", () => {
  it("takes the best class that is not background and scores enough", () => {
    const scores = Float32Array.from([0.9, 0.05, 0.05, 0.1, 0.2, 0.7, 0.3, 0.4, 0.3]);
    const boxes = Float32Array.from([0, 0, 1, 1, 0.125, 0.25, 0.5, 0.75, 0, 0, 1, 1]);
    const [found, ...rest] = decodeSsd(scores, boxes, 3, ssd);
    expect(rest).toEqual([]);
    expect(found).toMatchObject({ classIndex: 1, box: [0.125, 0.25, 0.5, 0.75] });
    expect(found!.score).toBeCloseTo(0.7, 6);
  });

  it("reads centre boxes and logits where the manifest says so", () => {
    const output = { ...ssd, activation: "softmax", boxFormat: "cxcywh-fraction" } as const;
    const [found] = decodeSsd(
      Float32Array.from([0, 9]),
      Float32Array.from([0.5, 0.5, 0.5, 0.25]),
      2,
      output,
    );
    expect(found).toMatchObject({ classIndex: 0, box: [0.25, 0.375, 0.75, 0.625] });
    expect(found!.score).toBeGreaterThan(0.99);
  });

  it("ignores scores that are not numbers", () => {
    const scores = Float32Array.from([0, Number.NaN]);
    expect(decodeSsd(scores, new Float32Array(4), 2, ssd)).toEqual([]);
  });
});

describe("the YOLO heads", () => {
  const input = { width: 100, height: 50 };

  it("say the same of one table in both layouts", () => {
    const row = fc.tuple(unit, unit, unit, unit, unit, unit);
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 12 }), (rows) => {
        // v5 with an objectness of 1 is v8 the other way round.
        const v5 = rows.flatMap(([x, y, w, h, a, b]) => [
          x * 100,
          y * 50,
          w * 100,
          h * 50,
          1,
          a,
          b,
        ]);
        const columns = [0, 1, 2, 3, 5, 6];
        const v8 = columns.flatMap((column) => rows.map((_, i) => v5[i * 7 + column]!));
        const left = decodeYoloV5(Float32Array.from(v5), 2, input, 0.4);
        const right = decodeYoloV8(Float32Array.from(v8), 2, input, 0.4);
        expect(left).toEqual(right);
      }),
    );
  });

  it("multiply objectness and class probability in v5", () => {
    const values = Float32Array.from([50, 25, 20, 10, 0.5, 0.2, 0.8]);
    const [found] = decodeYoloV5(values, 2, input, 0.3);
    expect(found!.classIndex).toBe(1);
    expect(found!.score).toBeCloseTo(0.4, 6);
    const expected = [0.4, 0.4, 0.6, 0.6];
    found!.box.forEach((side, i) => {
      expect(side).toBeCloseTo(expected[i]!, 6);
    });
    expect(decodeYoloV5(values, 2, input, 0.45)).toEqual([]);
  });
});

describe("decide", () => {
  const classifier: Reading = {
    labels: ["clean", "cracked"],
    temperature: 1,
    output: { kind: "classification", scores: "logits", activation: "softmax" },
  };

  it("names the top class with its probability", () => {
    const outputs = { logits: tensor([0, 2], [1, 2]) };
    const { label, confidence, detections } = decide(classifier, outputs, whole);
    expect(label).toBe("cracked");
    expect(confidence).toBeCloseTo(1 / (1 + Math.exp(-2)));
    expect(detections).toBeNull();
  });

  it("calibrates a graph that ends in probabilities like one that ends in logits", () => {
    const logitsOf = { logits: tensor([0, 2], [1, 2]) };
    const probabilities = { logits: tensor([...softmax([0, 2])], [1, 2]) };
    const asProbabilities: Reading = {
      ...classifier,
      temperature: 2,
      output: { kind: "classification", scores: "logits", activation: "none" },
    };
    const a = decide({ ...classifier, temperature: 2 }, logitsOf, whole);
    const b = decide(asProbabilities, probabilities, whole);
    expect(b.confidence).toBeCloseTo(a.confidence, 5);
  });

  it("maps a detector's boxes from the letterbox back to the frame", () => {
    const geometry = centred({ width: 100, height: 50 }, { width: 100, height: 100 });
    const outputs = {
      out: tensor([50, 50, 100, 50, 0.9], [1, 5, 1]),
    };
    const reading: Reading = {
      labels: ["cat"],
      temperature: 1,
      output: {
        kind: "yolo",
        output: "out",
        head: "v8",
        scoreMin: 0.3,
        iouMax: 0.5,
        detectionsMax: 9,
      },
    };
    const decision = decide(reading, outputs, geometry);
    expect(decision.label).toBeNull();
    expect(decision.confidence).toBeCloseTo(0.9, 6);
    expect(decision.detections).toMatchObject([{ label: "cat", box: [0, 0, 1, 1] }]);
  });

  it("has a confidence of 0 where a detector finds nothing", () => {
    const outputs = { s: tensor([0.9, 0.1], [1, 1, 2]), b: tensor([0, 0, 1, 1], [1, 1, 4]) };
    expect(decide({ labels: ["face"], temperature: 1, output: ssd }, outputs, whole)).toEqual({
      label: null,
      confidence: 0,
      detections: [],
    });
  });

  it("names an output that is missing, and refuses scores that are not numbers", () => {
    expect(() => decide(classifier, { other: tensor([1], [1]) }, whole)).toThrow(
      'the model has no output named "logits"; it has other',
    );
    const broken = { logits: tensor([Number.NaN, Number.NaN], [1, 2]) };
    expect(() => decide(classifier, broken, whole)).toThrow("scores are not numbers");
  });
});
