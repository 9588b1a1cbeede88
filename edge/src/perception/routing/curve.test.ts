import fc from "fast-check";
import { expect, test } from "vitest";
import { curveOfBins, offloadCurve, pointForAccuracy, pointForOffload } from "./curve.ts";

const point = (hardness: number, localRight: boolean, cloudRight: boolean) => ({
  hardness,
  localRight,
  cloudRight,
});
/** Four frames: the two hardest are wrong here and right there, one easy one the other way round. */
const four = [
  point(0.1, true, false),
  point(0.9, false, true),
  point(0.4, true, true),
  point(0.8, false, true),
];

test("the curve goes from none to all, hardest first", () => {
  expect(offloadCurve(four)).toEqual([
    { threshold: Number.POSITIVE_INFINITY, offloadShare: 0, accuracy: 0.5 },
    { threshold: 0.9, offloadShare: 0.25, accuracy: 0.75 },
    { threshold: 0.8, offloadShare: 0.5, accuracy: 1 },
    { threshold: 0.4, offloadShare: 0.75, accuracy: 1 },
    { threshold: 0.1, offloadShare: 1, accuracy: 0.75 },
  ]);
});

test("a threshold is found for an offload rate or an accuracy", () => {
  const curve = offloadCurve(four);
  expect(pointForOffload(curve, 0.6)?.threshold).toBe(0.8);
  expect(pointForOffload(curve, 0)?.threshold).toBe(Number.POSITIVE_INFINITY);
  expect(pointForOffload(curve, 1)?.threshold).toBe(0.1);
  expect(pointForAccuracy(curve, 0.75)?.threshold).toBe(0.9);
  expect(pointForAccuracy(curve, 0.5)?.offloadShare).toBe(0);
  expect(pointForAccuracy(offloadCurve([point(0.5, false, false)]), 0.1)).toBeUndefined();
});

test("frames of equal hardness go together", () => {
  const curve = offloadCurve([point(0.5, true, true), point(0.5, false, true)]);
  expect(curve.map(({ offloadShare }) => offloadShare)).toEqual([0, 1]);
});

test("without points there is no curve, and NaN is no point", () => {
  expect(offloadCurve([])).toEqual([]);
  expect(offloadCurve([point(Number.NaN, true, true)])).toEqual([]);
  expect(pointForOffload([], 1)).toBeUndefined();
});

test("infinite hardness comes first", () => {
  const curve = offloadCurve([point(3, true, true), point(Number.POSITIVE_INFINITY, false, true)]);
  expect(curve[1]).toEqual({
    threshold: Number.POSITIVE_INFINITY,
    offloadShare: 0.5,
    accuracy: 1,
  });
});

test("bins give the curve of their labelled frames", () => {
  const empty = {
    frames: 9,
    offloaded: 3,
    compared: 3,
    agreed: 1,
    labelled: 0,
    localRight: 0,
    cloudRight: 0,
  };
  const bins = [
    { ...empty, labelled: 6, localRight: 6, cloudRight: 5 },
    empty,
    { ...empty, labelled: 2, localRight: 0, cloudRight: 2 },
    empty,
  ];
  expect(curveOfBins(bins)).toEqual([
    { threshold: Number.POSITIVE_INFINITY, offloadShare: 0, accuracy: 0.75 },
    { threshold: 0.5, offloadShare: 0.25, accuracy: 1 },
    { threshold: 0, offloadShare: 1, accuracy: 0.875 },
  ]);
});

test("every point of the curve says what counting by hand says", () => {
  const labelled = fc.record({
    hardness: fc.integer({ min: 0, max: 10 }),
    localRight: fc.boolean(),
    cloudRight: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(labelled, { minLength: 1, maxLength: 60 }), (points) => {
      for (const { threshold, offloadShare, accuracy } of offloadCurve(points)) {
        const asked = points.filter(({ hardness }) => hardness >= threshold);
        const kept = points.filter(({ hardness }) => hardness < threshold);
        const right =
          asked.filter(({ cloudRight }) => cloudRight).length +
          kept.filter(({ localRight }) => localRight).length;
        expect(offloadShare).toBeCloseTo(asked.length / points.length, 12);
        expect(accuracy).toBeCloseTo(right / points.length, 12);
      }
    }),
    { numRuns: 150 },
  );
});
