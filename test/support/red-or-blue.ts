/** A network that tells red pictures from blue ones, and such pictures. It compiles in seconds. */
import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import { encodeJpeg } from "@fieldloop/shared-node/image";
import { makeInt } from "@fieldloop/shared-node/onnx/attributes";
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { makeGraph, makeValue, modelOf } from "@fieldloop/shared-node/onnx/graph";
import { makeNode } from "@fieldloop/shared-node/onnx/node";
import { floatTensor } from "@fieldloop/shared-node/onnx/tensor";

const side = 32;
const channels = 64;

/** @param red the weight of red, which may be broken */
export function redOrBlue(red = 1): Uint8Array {
  const wide = Float32Array.from({ length: channels * 3 }, (_, i) => {
    const firstHalf = i < (channels * 3) / 2;
    if (i % 3 === 0) return firstHalf ? red : 0;
    return i % 3 === 2 && !firstHalf ? 1 : 0;
  });
  const head = Float32Array.from({ length: 2 * channels }, (_, i) =>
    i % channels < channels / 2 === i < channels ? 0.2 : -0.2,
  );
  return encodeModel(
    modelOf(
      makeGraph({
        opset: 13,
        inputs: [makeValue("x", "float32", [1, 3, side, side])],
        outputs: [makeValue("logits", "float32", [1, 2])],
        nodes: [
          makeNode("Conv", ["x", "w"], ["c"]),
          makeNode("Relu", ["c"], ["r"]),
          makeNode("GlobalAveragePool", ["r"], ["g"]),
          makeNode("Flatten", ["g"], ["f"]),
          makeNode("Gemm", ["f", "v"], ["logits"], [makeInt("transB", 1)]),
        ],
        initializers: [
          floatTensor("w", [channels, 3, 1, 1], wide),
          floatTensor("v", [2, channels], head),
        ],
      }),
    ),
  );
}

export const redOrBlueSpec: ModelSpec = {
  name: "red-or-blue",
  version: "1.0.0",
  licence: "MIT",
  labels: ["red", "blue"],
  input: { mean: [0, 0, 0], std: [255, 255, 255] },
  output: { kind: "classification", activation: "softmax" },
};

/** Pictures by turns red, red, blue, blue; the same for the same number. */
export async function redOrBluePicture(
  i: number,
): Promise<{ readonly name: string; readonly label: "red" | "blue"; readonly jpeg: Uint8Array }> {
  const red = i % 4 < 2;
  const data = new Uint8Array(3 * side * side);
  for (let p = 0; p < side * side; p++) {
    const more = 20 + ((i * 31 + p) % 90);
    data.set([90 + (red ? more : 0), 90, 90 + (red ? 0 : more)], 3 * p);
  }
  const image = { kind: "raw", data, width: side, height: side } as const;
  const jpeg = await encodeJpeg(image, { widthMax: side, bytesMax: 20_000 });
  return { name: `${String(i).padStart(3, "0")}.jpg`, label: red ? "red" : "blue", jpeg };
}
