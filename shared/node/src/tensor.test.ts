import type { ModelInput } from "@fieldloop/shared/manifest/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTensorData, inputDims, tensorWriter } from "./tensor.ts";

const input: ModelInput = {
  name: "image",
  layout: "NCHW",
  type: "float32",
  width: 2,
  height: 1,
  fit: "stretch",
  colour: "rgb",
  mean: [0, 0, 0],
  std: [1, 1, 1],
};
const fill = (change: Partial<ModelInput>, pixels: readonly number[]) => {
  const out = createTensorData({ ...input, ...change });
  tensorWriter({ ...input, ...change })(Uint8Array.from(pixels), out);
  return out;
};

describe("tensorWriter", () => {
  it("lays channels out in planes or side by side", () => {
    const pixels = [1, 2, 3, 4, 5, 6];
    expect([...fill({}, pixels)]).toEqual([1, 4, 2, 5, 3, 6]);
    expect([...fill({ layout: "NHWC" }, pixels)]).toEqual(pixels);
    expect([...fill({ colour: "bgr" }, pixels)]).toEqual([3, 6, 2, 5, 1, 4]);
    expect([...fill({ layout: "NHWC", colour: "bgr" }, pixels)]).toEqual([3, 2, 1, 6, 5, 4]);
  });

  it("subtracts the mean and divides by the deviation, in the order of the tensor's channels", () => {
    const scale = { mean: [10, 20, 30], std: [2, 4, 5], colour: "bgr" } as const;
    const out = fill({ ...scale, mean: [...scale.mean], std: [...scale.std] }, [
      ...[80, 40, 12],
      ...[30, 20, 10],
    ]);
    expect([...out]).toEqual([1, 0, 5, 0, 10, 0]);
  });

  it("rounds and limits what goes into bytes", () => {
    const out = fill(
      { type: "uint8", mean: [10, 0, 0], std: [1, 0.5, 3] },
      [5, 200, 100, 30, 1, 1],
    );
    expect(out).toBeInstanceOf(Uint8Array);
    expect([...out]).toEqual([0, 20, 255, 2, 33, 0]);
  });

  it("copies the bytes for a graph that takes pixels, as writing them one by one would", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 24, maxLength: 24 }), (pixels) => {
        const bytes = { type: "uint8", layout: "NHWC", width: 4, height: 2 } as const;
        expect([...fill(bytes, [...pixels])]).toEqual([...pixels]);
        // A float tensor takes the other way, value by value.
        expect([...fill({ ...bytes, type: "float32" }, [...pixels])]).toEqual([...pixels]);
      }),
    );
  });

  it("agrees with the formula for any pixels and size", () => {
    const size = fc.integer({ min: 1, max: 6 });
    const triple = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255));
    fc.assert(
      fc.property(size, size, fc.infiniteStream(triple), (width, height, stream) => {
        const pixels = [...stream.take(width * height)];
        const change = { width, height, mean: [1, 2, 3], std: [4, 5, 6] } as const;
        const out = fill({ ...change, mean: [1, 2, 3], std: [4, 5, 6] }, pixels.flat());
        pixels.forEach((pixel, i) => {
          pixel.forEach((value, c) => {
            const expected = Math.fround((value - change.mean[c]!) / change.std[c]!);
            expect(out[c * width * height + i]).toBe(expected);
          });
        });
      }),
    );
  });
});

describe("inputDims", () => {
  it("gives the shape of one frame", () => {
    expect(inputDims(input)).toEqual([1, 3, 1, 2]);
    expect(inputDims({ ...input, layout: "NHWC" })).toEqual([1, 1, 2, 3]);
  });
});
