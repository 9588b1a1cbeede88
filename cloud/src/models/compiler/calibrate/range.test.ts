import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantiseTensor, quantParams } from "../quantise/scale.ts";
import { countOf, createHistogram, observe } from "./histogram.ts";
import { type CalibrationMethod, calibratedRange, type Range } from "./range.ts";

const value = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.float({ noNaN: true, min: -3, max: 3 }),
  fc.constant(0),
);
const chunks = fc.array(
  fc.array(value, { maxLength: 50 }).map((list) => Float32Array.from(list)),
  { minLength: 1, maxLength: 6 },
);
const methods: readonly CalibrationMethod[] = [
  { kind: "min-max" },
  { kind: "percentile", percentile: 99, symmetric: true },
  { kind: "percentile", percentile: 90, symmetric: false },
  { kind: "entropy" },
];

function histogramOf(all: readonly Float32Array[], half?: number) {
  const histogram = createHistogram(half);
  for (const chunk of all) observe(histogram, chunk);
  return histogram;
}

/** Values as a trained network's: a bell, and a few that are far out. */
function bell(outliers: readonly number[], fold = (v: number) => v): Float32Array {
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const list = Array.from({ length: 50_000 }, () => {
    const sum = Array.from({ length: 6 }, random).reduce((a, b) => a + b, 0);
    return fold(sum - 3);
  });
  return Float32Array.from([...list, ...outliers]);
}

const meanError = (data: Float32Array, { min, max }: Range): number => {
  const params = quantParams(min, max, "int8");
  let sum = 0;
  quantiseTensor(data, params).forEach((q, i) => {
    sum += ((q - params.zeroPoint) * params.scale - data[i]!) ** 2;
  });
  return sum / data.length;
};

describe("histograms", () => {
  it("lose no value, in bounded memory, whatever comes and in whatever chunks", () => {
    fc.assert(
      fc.property(chunks, (all) => {
        const flat = all.flatMap((chunk) => [...chunk]);
        const histogram = histogramOf(all, 64);
        expect(countOf(histogram)).toBe(flat.length);
        expect(histogram.counts.length).toBe(128);
        if (flat.length === 0) return;
        expect(histogram.min).toBe(Math.min(...flat));
        expect(histogram.max).toBe(Math.max(...flat));
      }),
    );
  });

  it("hold every value within the edges of its bin after growing", () => {
    const histogram = histogramOf(
      [Float32Array.of(0.001), Float32Array.of(-0.4, 0.3), Float32Array.of(100, 7)],
      8,
    );
    const bins = [...histogram.counts].flatMap((count, bin) =>
      count === 0 ? [] : [[(bin - 8) * histogram.width, (bin - 7) * histogram.width, count]],
    );
    for (const v of [0.001, -0.4, 0.3, 100, 7]) {
      expect(bins.some(([low, high]) => low! <= v && v <= high!)).toBe(true);
    }
    expect(bins.reduce((sum, bin) => sum + bin[2]!, 0)).toBe(5);
  });
});

describe("calibrated ranges", () => {
  it("always lie inside what was observed", () => {
    fc.assert(
      fc.property(chunks, fc.constantFrom(...methods), (all, method) => {
        const histogram = histogramOf(all);
        fc.pre(histogram.min <= histogram.max);
        const { min, max } = calibratedRange(histogram, method, "t");
        expect(min).toBeLessThanOrEqual(max);
        expect(min).toBeGreaterThanOrEqual(histogram.min);
        expect(max).toBeLessThanOrEqual(histogram.max);
      }),
    );
  });

  it("keep at least the asked share inside", () => {
    fc.assert(
      fc.property(
        chunks,
        fc.constantFrom(50, 90, 99),
        fc.boolean(),
        (all, percentile, symmetric) => {
          const flat = all.flatMap((chunk) => [...chunk]);
          fc.pre(flat.length > 0);
          const { min, max } = calibratedRange(
            histogramOf(all),
            { kind: "percentile", percentile, symmetric },
            "t",
          );
          const inside = flat.filter((v) => v >= min && v <= max).length;
          expect(inside / flat.length).toBeGreaterThanOrEqual(percentile / 100 - 1e-9);
        },
      ),
    );
  });

  it("leave out rare outliers by percentile and by entropy, and not by min-max", () => {
    const data = bell([40, -35]);
    const histogram = histogramOf([data]);
    expect(calibratedRange(histogram, { kind: "min-max" }, "t")).toEqual({ min: -35, max: 40 });
    const percentile = calibratedRange(histogram, { kind: "percentile", percentile: 99.99 }, "t");
    const entropy = calibratedRange(histogram, { kind: "entropy" }, "t");
    for (const { min, max } of [percentile, entropy]) {
      expect(max).toBeLessThan(6);
      expect(max).toBeGreaterThan(1.5);
      expect(min).toBeGreaterThan(-6);
    }
    // Clipping the two is worth it for the others.
    const rest = data.subarray(0, 50_000);
    expect(meanError(rest, entropy)).toBeLessThan(meanError(rest, { min: -35, max: 40 }) / 10);
  });

  it("give all levels to one side where there is only one, as after a ReLU", () => {
    const histogram = histogramOf([bell([30], (v) => Math.max(0, v))]);
    const { min, max } = calibratedRange(histogram, { kind: "entropy" }, "t");
    expect(min).toBe(0);
    expect(max).toBeLessThan(6);
    expect(max).toBeGreaterThan(1.5);
  });

  it("are refused with the tensor's name where values are no numbers, or there are none", () => {
    expect(() =>
      calibratedRange(histogramOf([Float32Array.of(1, Number.NaN)]), methods[0]!, "conv1"),
    ).toThrow(
      "The tensor conv1 held 1 values that are no finite numbers; check the model's weights and the calibration images",
    );
    expect(() => calibratedRange(createHistogram(), methods[0]!, "conv1")).toThrow(
      "The tensor conv1 was never observed; calibrate with at least one image",
    );
  });
});
