import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { makeFloat, makeInt, makeInts, makeString } from "@fieldloop/shared-node/onnx/attributes";
import { decodeModel } from "@fieldloop/shared-node/onnx/codec";
import { type Graph, graphOf } from "@fieldloop/shared-node/onnx/graph";
import { floatTensor } from "@fieldloop/shared-node/onnx/tensor";
import { describe, expect, it } from "vitest";
import {
  largestDifference,
  netBuilder,
  randomNumbers,
  randomTensor,
} from "../../../../../shared/node/test/nets.ts";
import { cleanGraph } from "./clean.ts";
import { raiseOpset } from "./raise-opset.ts";

const faceDetector = join(
  process.env.FIELDLOOP_TEST_DATA ?? "../shared/data",
  "face-detector.onnx",
);
type Net = ReturnType<typeof netBuilder>;

const cases: Record<string, (net: Net) => string> = {
  Clip: (net) => net.add("Clip", ["x"], [makeFloat("min", -0.2), makeFloat("max", 0.3)]),
  "Clip, one bound": (net) => net.add("Clip", ["x"], [makeFloat("max", 0.3)]),
  Slice: (net) =>
    net.add(
      "Slice",
      ["x"],
      [makeInts("starts", [1, -3]), makeInts("ends", [3, -1]), makeInts("axes", [1, 3])],
    ),
  "Slice, first axes": (net) =>
    net.add("Slice", ["x"], [makeInts("starts", [0, 1]), makeInts("ends", [1, 2])]),
  Pad: (net) =>
    net.add("Pad", ["x"], [makeInts("pads", [0, 0, 1, 0, 0, 0, 0, 2]), makeFloat("value", 0.7)]),
  Dropout: (net) => net.add("Dropout", ["x"], [makeFloat("ratio", 0.5)]),
  Split: (net) => net.add("Split", ["x"], [makeInt("axis", 1), makeInts("split", [1, 3])], 2),
  Squeeze: (net) => net.add("Squeeze", ["x"], [makeInts("axes", [0])]),
  Unsqueeze: (net) => net.add("Unsqueeze", ["x"], [makeInts("axes", [1])]),
  ReduceSum: (net) => net.add("ReduceSum", ["x"], [makeInts("axes", [1])]),
  "Softmax over the last axis": (net) => net.add("Softmax", ["x"], [makeInt("axis", 3)]),
  "Softmax of one vector": (net) => net.add("Softmax", [net.add("GlobalAveragePool", ["x"])]),
  "Upsample, nearest": (net) =>
    net.add(
      "Upsample",
      ["x", net.constant(floatTensor("s", [4], Float32Array.of(1, 1, 2, 3)))],
      [makeString("mode", "nearest")],
    ),
  "Upsample, linear": (net) =>
    net.add(
      "Upsample",
      ["x", net.constant(floatTensor("s", [4], Float32Array.of(1, 1, 2, 2)))],
      [makeString("mode", "linear")],
    ),
};

describe("raising the operator set", () => {
  it.each(Object.entries(cases))("keeps what %s of set 9 computes", async (_, make) => {
    const net = netBuilder({ opset: 9 });
    const before = net.build([1, 4, 5, 6], [make(net)]);
    const { graph, report } = raiseOpset(before);
    expect(report.left).toEqual([]);
    expect(graph.opset).toBe(13);
    const x = randomTensor("x", [1, 4, 5, 6], net.random);
    expect(await largestDifference(before, graph, { x })).toBe(0);
  });

  it("leaves a model alone that has an operator whose meaning changed in a way not known here", () => {
    const net = netBuilder({ opset: 9 });
    const softmax = net.add("Softmax", ["x"]);
    const before = net.build([1, 4, 5, 6], [net.add("TopK", [softmax])]);
    const { graph, report } = raiseOpset(before);
    expect(graph).toBe(before);
    expect(report.left.map(({ why }) => why)).toEqual([
      "it takes several axes together",
      "what TopK means in operator set 13 is not known here",
    ]);
  });

  it.skipIf(!existsSync(faceDetector))(
    "raises the face detector, and its outputs stay",
    async () => {
      const before: Graph = graphOf(decodeModel(readFileSync(faceDetector)));
      const { graph, reports } = await cleanGraph(before);
      expect(before.opset).toBe(9);
      expect(graph.opset).toBe(13);
      expect(reports.find(({ pass }) => pass === "raise-opset")?.left).toEqual([]);
      const [input] = before.inputs;
      const dims = (input?.shape ?? []).map((dim) => (typeof dim === "number" ? dim : 1));
      const x = randomTensor("x", dims, randomNumbers(1));
      expect(await largestDifference(before, graph, { [input?.name ?? ""]: x })).toBeLessThan(1e-5);
    },
  );
});
