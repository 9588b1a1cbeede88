import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { modelOutput } from "../manifest/model.ts";
import {
  anomalyConfidence,
  anomalyOf,
  buildBank,
  distanceOf,
  fitThreshold,
  readBank,
} from "./anomaly.ts";
import { decide, type Reading } from "./decide.ts";
import { centred } from "./fit.ts";

const number = fc.integer({ min: -100, max: 100 }).map((n) => n / 10);
const vector = fc.array(number, { minLength: 4, maxLength: 4 });
const vectors = fc.array(vector, { minLength: 1, maxLength: 20 });
const metric = fc.constantFrom("cosine" as const, "euclidean" as const);
const size = { width: 8, height: 8 };

describe("distances", () => {
  it("are zero to oneself, alike both ways, and never negative", () => {
    fc.assert(
      fc.property(vector, vector, metric, (a, b, by) => {
        fc.pre(a.some((v) => v !== 0) && b.some((v) => v !== 0));
        expect(distanceOf(a, a, by)).toBeCloseTo(0, 9);
        expect(distanceOf(a, b, by)).toBeCloseTo(distanceOf(b, a, by), 9);
        expect(distanceOf(a, b, by)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe("a bank", () => {
  it("holds 8-bit copies of what it was given, none twice, and at most as many as asked", () => {
    fc.assert(
      fc.property(vectors, fc.integer({ min: 1, max: 8 }), metric, (all, most, by) => {
        const bank = buildBank(all, { size: most, metric: by });
        const read = readBank(bank);
        expect(read.length).toBeLessThanOrEqual(Math.min(most, all.length));
        for (const kept of read) {
          const nearest = Math.min(...all.map((one) => distanceOf(kept, one, "euclidean")));
          expect(nearest).toBeLessThanOrEqual(bank.scale + 1e-9); // half a step in each of four
        }
      }),
      { numRuns: 100 },
    );
  });

  it("covers what it was made from better the larger it is", () => {
    const all = Array.from({ length: 40 }, (_, i) => [Math.cos(i / 6), Math.sin(i / 6)]);
    const reach = [1, 4, 16].map((most) => {
      const bank = readBank(buildBank(all, { size: most, metric: "euclidean" }));
      return Math.max(
        ...all.map((one) => anomalyOf(one, bank, { metric: "euclidean", neighbours: 1 })),
      );
    });
    expect(reach[0]).toBeGreaterThan(reach[1]!);
    expect(reach[1]).toBeGreaterThan(reach[2]!);
    expect(reach[2]).toBeLessThan(0.25);
  });

  it("is refused where there is nothing to build it from", () =>
    expect(() => buildBank([], { size: 4, metric: "cosine" })).toThrow("at least one embedding"));
});

describe("a threshold", () => {
  it("calls about the wished share of usual pictures unusual", () => {
    const usual = Array.from({ length: 1000 }, (_, i) => i / 1000);
    const fitted = fitThreshold(usual, { falseAlarmShare: 0.02 });
    const alarms = usual.filter((distance) => anomalyConfidence(distance, fitted) > 0.5).length;
    expect(alarms).toBe(20);
    expect(anomalyConfidence(fitted.threshold, fitted)).toBe(0.5);
    expect(anomalyConfidence(1.5, fitted)).toBeGreaterThan(0.95);
  });
});

describe("a model that compares embeddings", () => {
  const usual = Array.from({ length: 30 }, (_, i) => [1, 0.1 * Math.sin(i), 0.1 * Math.cos(i)]);
  const output = modelOutput.parse({
    kind: "embedding",
    embedding: "vector",
    metric: "cosine",
    bank: buildBank(usual, { size: 8, metric: "cosine" }),
    neighbours: 1,
    threshold: 0.05,
    spread: 0.01,
  });
  const reading: Reading = { labels: ["usual", "unusual"], output, temperature: 1 };
  const ask = (values: readonly number[]) =>
    decide(
      reading,
      { vector: { data: Float32Array.from(values), dims: [1, values.length] } },
      centred(size, size),
    );

  it("calls what lies near the bank usual, and what lies far unusual, with the distance", () => {
    expect(ask([1, 0.05, 0.08])).toMatchObject({ label: "usual", detections: null });
    const far = ask([0, 1, 0]);
    expect(far.label).toBe("unusual");
    expect(far.confidence).toBeGreaterThan(0.99);
    expect(far.anomaly).toBeGreaterThan(0.8);
  });

  it("is the surer the farther, on either side of the threshold", () => {
    const turned = [0, 0.2, 0.4, 0.8, 1.2].map((angle) =>
      ask([Math.cos(angle), Math.sin(angle), 0]),
    );
    const distances = turned.map(({ anomaly }) => anomaly!);
    expect([...distances].sort((a, b) => a - b)).toEqual(distances);
  });

  it.each([[[1, 0]], [[1, Number.NaN, 0]]])("refuses %j, which is no embedding of its", (values) =>
    expect(() => ask(values)).toThrow(/an embedding of \d numbers and the bank holds 3 each/),
  );
});
