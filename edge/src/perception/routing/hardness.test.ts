import { defaultRouting, hardnessScores } from "@fieldloop/shared/manifest/routing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type ClassEvidence,
  classHardness,
  detectionHardness,
  hardnessOf,
  hardSigns,
  trackChangeShare,
} from "./hardness.ts";

const logits = (values: readonly number[], temperature = 1): ClassEvidence => ({
  kind: "classes",
  scale: "logits",
  values,
  temperature,
});
const probabilities = (values: readonly number[], temperature = 1): ClassEvidence => ({
  ...logits(values, temperature),
  scale: "probabilities",
});
const seen = (over: object = {}) => ({
  kind: "detections" as const,
  scores: [] as readonly number[],
  scoreMin: 0.5,
  motionShare: null,
  tracks: [],
  ...over,
});
const rules = defaultRouting.detection;

describe("of a classifier", () => {
  test.each([
    ["max-probability", 0.3],
    ["margin", 0.5],
    ["entropy", -(0.7 * Math.log(0.7) + 0.2 * Math.log(0.2) + 0.1 * Math.log(0.1)) / Math.log(3)],
  ] as const)("%s follows its definition", (score, expected) => {
    const { value } = classHardness(probabilities([0.2, 0.7, 0.1]), { score, threshold: 0.5 });
    expect(value).toBeCloseTo(expected, 12);
  });

  test("energy is -T times the log of the sum of exp(z/T)", () => {
    const rule = { score: "energy", threshold: -4 } as const;
    const direct = -2 * Math.log(Math.exp(1 / 2) + Math.exp(3 / 2) + Math.exp(-1 / 2));
    expect(classHardness(logits([1, 3, -1], 2), rule).value).toBeCloseTo(direct, 12);
    expect(classHardness(logits([1000, 0]), rule)).toEqual({ value: -1000, level: 0, signs: [] });
    expect(classHardness(logits([-1000, -1000]), rule)).toMatchObject({ level: 1 });
    expect(classHardness(logits([4]), rule)).toEqual({ value: -4, level: 0.5, signs: ["unsure"] });
  });

  test("a higher temperature makes the same logits harder", () => {
    const rule = { score: "max-probability", threshold: 0.5 } as const;
    const cold = classHardness(logits([3, 1, 0]), rule).value;
    expect(classHardness(logits([3, 1, 0], 2), rule).value).toBeGreaterThan(cold);
    expect(classHardness(probabilities([0.8, 0.2], 4), rule).value).toBeGreaterThan(0.2);
  });

  test("a frame is hard from its threshold on", () => {
    const at = (threshold: number) =>
      classHardness(probabilities([0.75, 0.25]), { score: "max-probability", threshold }).signs;
    expect(at(0.25)).toEqual(["unsure"]);
    expect(at(0.26)).toEqual([]);
  });

  test("zeros and certainty are no trouble", () => {
    for (const score of ["max-probability", "margin", "entropy"] as const)
      expect(classHardness(probabilities([0, 1, 0]), { score, threshold: 0.5 }).value).toBe(0);
    const even = classHardness(logits([5, 5, 5, 5]), { score: "entropy", threshold: 0.5 });
    expect(even.value).toBeCloseTo(1, 12);
    const masked = logits([Number.NEGATIVE_INFINITY, 2]);
    expect(classHardness(masked, { score: "entropy", threshold: 0.5 }).value).toBe(0);
  });

  test("a single class leaves no doubt between classes", () => {
    expect(classHardness(logits([-7]), { score: "entropy", threshold: 0.5 }).value).toBe(0);
    expect(classHardness(logits([-7]), { score: "margin", threshold: 0.5 }).value).toBe(0);
    const alone = classHardness(probabilities([0.6]), { score: "max-probability", threshold: 0.3 });
    expect(alone.value).toBeCloseTo(0.4, 12);
  });

  test.each([
    ["no classes", logits([])],
    ["NaN", logits([1, Number.NaN])],
    ["an infinite logit", logits([1, Number.POSITIVE_INFINITY])],
    ["only minus infinity", logits([Number.NEGATIVE_INFINITY])],
    ["a temperature of 0", logits([1, 2], 0)],
    ["probabilities beyond 1", probabilities([3, 2])],
    ["NaN among probabilities", probabilities([0.5, Number.NaN], 2)],
  ])("%s counts as the hardest there is", (_, evidence) => {
    expect(classHardness(evidence, { score: "entropy", threshold: 0.5 })).toEqual({
      value: Number.POSITIVE_INFINITY,
      level: 1,
      signs: ["unreadable"],
    });
  });

  test("any numbers give a level between 0 and 1 that rises with the value", () => {
    const anyEvidence = fc.record({
      kind: fc.constant("classes" as const),
      scale: fc.constantFrom("logits" as const, "probabilities" as const),
      values: fc.oneof(
        fc.array(fc.double(), { maxLength: 8 }),
        fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { maxLength: 8 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 }),
      ),
      temperature: fc.oneof(fc.double(), fc.double({ min: 0.05, max: 20, noNaN: true })),
    });
    fc.assert(
      fc.property(anyEvidence, anyEvidence, fc.constantFrom(...hardnessScores), (a, b, score) => {
        const rule = { score, threshold: 0.5 };
        const [one, other] = [classHardness(a, rule), classHardness(b, rule)];
        for (const { value, level, signs } of [one, other]) {
          expect(value).not.toBeNaN();
          expect(level).toBeGreaterThanOrEqual(0);
          expect(level).toBeLessThanOrEqual(1);
          expect(signs.length > 0).toBe(value >= 0.5);
        }
        if (one.value < other.value) expect(one.level).toBeLessThanOrEqual(other.level);
      }),
      { numRuns: 200 },
    );
  });

  test("order of classes and a constant on all logits change no probability score", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 2, maxLength: 8 }),
        fc.integer({ min: -1000, max: 1000 }),
        fc.constantFrom("max-probability" as const, "margin" as const, "entropy" as const),
        (values, shift, score) => {
          const rule = { score, threshold: 0.5 };
          const plain = classHardness(logits(values), rule).value;
          const moved = logits(values.map((z) => z + shift).reverse());
          expect(classHardness(moved, rule).value).toBeCloseTo(plain, 10);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("of a detector", () => {
  test("a score close to the threshold is hard, on either side", () => {
    const at = (score: number) => detectionHardness(seen({ scores: [0.95, score] }), rules);
    expect(at(0.55)).toMatchObject({ signs: ["near-threshold"] });
    expect(at(0.55).value).toBeCloseTo(0.5, 12);
    expect(at(0.45).value).toBeCloseTo(0.5, 12);
    expect(at(0.5)).toEqual({ value: 1, level: 1, signs: ["near-threshold"] });
    expect(at(0.8)).toEqual({ value: 0, level: 0, signs: [] });
    const off = { ...rules, bandEpsilon: 0 };
    expect(detectionHardness(seen({ scores: [0.5] }), off).signs).toEqual([]);
  });

  test("an empty frame is hard only where something moved", () => {
    const signs = (over: object, other = rules) => detectionHardness(seen(over), other).signs;
    expect(signs({ motionShare: 0.1 })).toEqual(["empty-with-motion"]);
    expect(signs({ motionShare: 0.01 })).toEqual([]);
    expect(signs({ motionShare: null })).toEqual([]);
    expect(signs({ motionShare: 0.1, scores: [0.9] })).toEqual([]);
    expect(signs({ motionShare: 0.1, scores: [0.2] })).toEqual(["empty-with-motion"]);
    expect(signs({ motionShare: 1 }, { ...rules, motionShareMin: null })).toEqual([]);
  });

  test("a track that changes its mind is hard, and short ones are not judged", () => {
    const signs = (track: readonly (string | null)[], other = rules) =>
      detectionHardness(seen({ scores: [0.9], tracks: [track] }), other).signs;
    expect(signs(["cat", "dog", "cat", "cat", "dog"])).toEqual(["changing-track"]);
    expect(signs(["cat", null, "cat", null, "cat"])).toEqual(["changing-track"]);
    expect(signs(["cat", "cat", "cat", "cat", "dog"])).toEqual([]);
    expect(signs(["cat", "dog", "cat", "dog"])).toEqual([]);
    const off = { ...rules, trackChangeShareMin: null };
    expect(signs(["cat", "dog", "cat", "dog", "cat"], off)).toEqual([]);
  });

  test("steps of a track are counted", () => {
    expect(trackChangeShare([])).toBe(0);
    expect(trackChangeShare(["a"])).toBe(0);
    expect(trackChangeShare(["a", null, "a", "b", "b"])).toBe(0.75);
  });

  test("any numbers give a hardness, NaN the hardest", () => {
    expect(detectionHardness(seen({ scores: [Number.NaN] }), rules).signs).toEqual(["unreadable"]);
    fc.assert(
      fc.property(
        fc.array(fc.double(), { maxLength: 5 }),
        fc.double(),
        fc.option(fc.double()),
        fc.array(fc.array(fc.option(fc.constantFrom("a", "b")), { maxLength: 9 }), {
          maxLength: 3,
        }),
        (scores, scoreMin, motionShare, tracks) => {
          const evidence = seen({ scores, scoreMin, motionShare, tracks });
          const { level, signs } = hardnessOf(evidence, defaultRouting);
          expect(level).toBeGreaterThanOrEqual(0);
          expect(level).toBeLessThanOrEqual(1);
          expect(hardSigns).toEqual(expect.arrayContaining([...signs]));
        },
      ),
      { numRuns: 200 },
    );
  });
});
