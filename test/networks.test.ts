import { decodeModel, encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { edit } from "@fieldloop/shared-node/onnx/edit";
import { graphOf, makeValue, modelOf } from "@fieldloop/shared-node/onnx/graph";
import { runModel } from "@fieldloop/shared-node/onnx/run-model";
import { floatsOf, floatTensor } from "@fieldloop/shared-node/onnx/tensor";
import { beforeAll, describe, expect, it } from "vitest";
import { naturalPixels } from "./support/natural-pixels.ts";
import { mobileNetV2, type Network, networkInput, resNet18 } from "./support/networks.ts";

const { width, height, mean, std } = networkInput;

function picture(index: number) {
  const pixels = naturalPixels({ width, height }, 99, index);
  const data = new Float32Array(3 * width * height);
  for (let i = 0; i < width * height; i++)
    for (const c of [0, 1, 2] as const)
      data[c * width * height + i] = (pixels[3 * i + c]! - mean[c]) / std[c];
  return floatTensor("input", [1, 3, height, width], data);
}

/** What every layer gives for a picture that the network was not built with. */
async function layersOf(network: Network, index: number) {
  const graph = graphOf(decodeModel(network.bytes));
  const outputs = network.layers.map(({ tensor }) => makeValue(tensor, "float32", null));
  const bytes = encodeModel(modelOf(edit(graph, { outputs })));
  const results = await runModel(bytes, { feeds: { input: picture(index) } });
  return network.layers.map(({ tensor, opType }) => {
    const values = floatsOf(results[tensor]!);
    const average = values.reduce((sum, v) => sum + v, 0) / values.length;
    const variance = values.reduce((sum, v) => sum + (v - average) ** 2, 0) / values.length;
    const zeros = values.reduce((n, v) => (v === 0 ? n + 1 : n), 0) / values.length;
    return { tensor, opType, deviation: Math.sqrt(variance), zeros, values };
  });
}

describe.each([
  {
    build: mobileNetV2,
    parameters: 3_504_872,
    nodes: { Conv: 52, BatchNormalization: 52, Clip: 35, Add: 10, Gemm: 1 },
  },
  {
    build: resNet18,
    parameters: 11_689_512,
    nodes: { Conv: 20, BatchNormalization: 20, Relu: 17, Add: 8, MaxPool: 1, Gemm: 1 },
  },
])("$build.name", ({ build, parameters, nodes }) => {
  let network: Network;
  beforeAll(async () => {
    network = await build();
  });

  it("has the size and the nodes of the published network", () => {
    expect(network.parameters).toBe(parameters);
    const counts: Record<string, number> = {};
    for (const { opType } of network.layers) counts[opType] = (counts[opType] ?? 0) + 1;
    expect(counts).toMatchObject(nodes);
  });

  it("keeps its signals alive and in bounds in every layer", async () => {
    for (const { tensor, opType, deviation, zeros } of await layersOf(network, 0)) {
      expect(deviation, tensor).toBeGreaterThan(0.05);
      expect(deviation, tensor).toBeLessThan(20);
      if (opType === "Relu" || opType === "Clip") {
        expect(zeros, tensor).toBeGreaterThan(0.1);
        expect(zeros, tensor).toBeLessThan(0.9);
      }
    }
  });

  it("answers pictures differently", async () => {
    const answers: number[] = [];
    for (let i = 0; i < 8; i++) {
      const [logits] = Object.values(
        await runModel(network.bytes, { feeds: { input: picture(i) } }),
      );
      const values = floatsOf(logits!);
      answers.push(values.indexOf(Math.max(...values)));
    }
    expect(new Set(answers).size).toBeGreaterThan(2);
  });

  it("comes of its seed", async () => {
    const again = await build();
    expect(Buffer.from(network.bytes).equals(again.bytes)).toBe(true);
  });
});
