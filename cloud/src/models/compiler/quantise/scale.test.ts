import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type QuantType,
  quantiseBias,
  quantiseTensor,
  quantiseWeights,
  quantParams,
  quantRange,
  roundHalfToEven,
  scalesForBias,
} from "./scale.ts";

interface Vectors {
  readonly tensors: readonly {
    readonly min: number[];
    readonly max: number[];
    readonly type: QuantType;
    readonly symmetric: boolean;
    readonly reduced: boolean;
    readonly scale: number[];
    readonly zeroPoint: number;
    readonly values: number[];
    readonly quantised: number[];
  }[];
  readonly weights: readonly {
    readonly dims: number[];
    readonly axis: number;
    readonly reduced: boolean;
    readonly data: number[];
    readonly bias: number[];
    readonly inputScale: number[];
    readonly scales: number[];
    readonly quantised: number[];
    readonly biasScales: number[];
    readonly quantisedBias: number[];
  }[];
}
const file = new URL("../../../../../test/conformance/quantise/vectors.json", import.meta.url);
const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors; // written by golden.py
const floats = (bits: readonly number[]) => new Float32Array(Uint32Array.from(bits).buffer);
const bitsOf = (values: ArrayLike<number>) =>
  Array.from(new Uint32Array(Float32Array.from(values).buffer));

describe("golden vectors of numpy", () => {
  it("agree bit for bit: scale, zero point and every value", () => {
    expect(vectors.tensors.length).toBeGreaterThan(400);
    for (const { min, max, type, symmetric, reduced, ...golden } of vectors.tensors) {
      const options = { symmetric, reduced };
      const params = quantParams(floats(min)[0]!, floats(max)[0]!, type, options);
      expect(bitsOf([params.scale])).toEqual(golden.scale);
      expect(params.zeroPoint).toBe(golden.zeroPoint);
      const q = quantiseTensor(floats(golden.values), params, quantRange(type, options));
      expect(Array.from(q)).toEqual(golden.quantised);
    }
  });

  it("agree bit for bit: weights per channel and biases, nearly dead channels among them", () => {
    for (const golden of vectors.weights) {
      const { dims, axis, reduced } = golden;
      const [bias, inputScale] = [floats(golden.bias), floats(golden.inputScale)[0]!];
      const scalesMin = scalesForBias(bias, inputScale);
      const weights = quantiseWeights(floats(golden.data), { dims, axis, reduced, scalesMin });
      expect(bitsOf(weights.scales)).toEqual(golden.scales);
      expect(Array.from(weights.data)).toEqual(golden.quantised);
      const result = quantiseBias(bias, inputScale, weights.scales);
      expect(bitsOf(result.scales)).toEqual(golden.biasScales);
      expect(Array.from(result.data)).toEqual(golden.quantisedBias);
    }
  });
});

describe("quantisation", () => {
  it("rounds halves to the even neighbour", () => {
    expect(
      [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4999, 3].map(roundHalfToEven).map((v) => v + 0),
    ).toEqual([-2, -2, 0, 0, 2, 2, 2, 3]);
  });

  it("writes 0 as exactly 0, and errs by half a step at most", () => {
    const value = fc.float({ noNaN: true, min: -1000, max: 1000 });
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 30 }),
        fc.constantFrom<QuantType>("uint8", "int8"),
        (list, type) => {
          const data = Float32Array.from(list);
          const params = quantParams(Math.min(...data), Math.max(...data), type);
          const q = quantiseTensor(data, params);
          expect(quantiseTensor(Float32Array.of(0), params)[0]).toBe(params.zeroPoint);
          q.forEach((integer, i) => {
            const back = (integer - params.zeroPoint) * params.scale;
            if (params.scale !== 1)
              expect(Math.abs(back - data[i]!)).toBeLessThanOrEqual(params.scale * 1.001);
          });
        },
      ),
    );
  });

  it("keeps the bias of a dead channel, whose weights give no scale", () => {
    const bias = Float32Array.of(0.3, 0.3);
    const scalesMin = scalesForBias(bias, 0.05);
    const { scales, data } = quantiseWeights(Float32Array.of(0, 0, 1e-12, -1e-12), {
      dims: [2, 2],
      axis: 0,
      scalesMin,
    });
    expect(Array.from(data)).toEqual([0, 0, 0, 0]);
    const stored = quantiseBias(bias, 0.05, scales);
    stored.data.forEach((q, i) => {
      expect(Math.abs(q)).toBeLessThan(2 ** 31 - 1);
      expect(q * stored.scales[i]!).toBeCloseTo(0.3, 6);
    });
  });
});
