import type { ModelInput } from "@fieldloop/shared/manifest/model";
import { makeInts, makeString } from "@fieldloop/shared-node/onnx/attributes";
import { type Graph, makeValue } from "@fieldloop/shared-node/onnx/graph";
import { floatsOf, makeTensor, type Tensor } from "@fieldloop/shared-node/onnx/tensor";
import { createTensorData, inputDims, tensorWriter } from "@fieldloop/shared-node/tensor";
import { describe, expect, it } from "vitest";
import {
  convAttributes,
  netBuilder,
  randomNumbers,
  runGraph,
} from "../../../../../shared/node/test/nets.ts";
import { inputInGraph } from "./input-in-graph.ts";

const [width, height] = [10, 8];
const imageNet: Pick<ModelInput, "mean" | "std"> = {
  mean: [123.675, 116.28, 103.53],
  std: [58.395, 57.12, 57.375],
};
const manifest = (changes: Partial<ModelInput> = {}): ModelInput => ({
  name: "x",
  layout: "NCHW",
  type: "float32",
  width,
  height,
  fit: "stretch",
  colour: "rgb",
  ...imageNet,
  ...changes,
});
const dims = (input: ModelInput) => inputDims(input);

/** Runs a graph on a picture as an agent does. */
async function runOnPixels(
  graph: Graph,
  input: ModelInput,
  pixels: Uint8Array,
): Promise<Float32Array> {
  const data = createTensorData(input);
  tensorWriter(input)(pixels, data);
  const feed: Tensor = makeTensor({ name: "x", type: input.type, dims: dims(input), data });
  const outputs = await runGraph(graph, { [input.name]: feed });
  return floatsOf(Object.values(outputs)[0]!);
}

async function largestGap(
  graph: Graph,
  input: ModelInput,
  compiled: Graph,
  next: ModelInput,
): Promise<number> {
  let gap = 0;
  for (let seed = 0; seed < 5; seed++) {
    const random = randomNumbers(seed);
    const pixels = Uint8Array.from({ length: 3 * width * height }, () => (random() + 1) * 128);
    const before = await runOnPixels(graph, input, pixels);
    const after = await runOnPixels(compiled, next, pixels);
    expect(after.length).toBe(before.length);
    before.forEach((value, i) => {
      gap = Math.max(gap, Math.abs(value - after[i]!));
    });
  }
  return gap;
}

interface Case {
  readonly pad: number;
  readonly autoPad?: string;
  readonly transpose?: boolean;
  readonly bias?: boolean;
  readonly plain?: boolean;
}

function network(
  input: ModelInput,
  { pad, autoPad, transpose = true, bias = true, plain }: Case,
): Graph {
  const net = netBuilder({ seed: 4 });
  let name = "x";
  if (input.layout === "NHWC") {
    if (transpose) name = net.add("Transpose", [name], [makeInts("perm", [0, 3, 1, 2])]);
  }
  if (plain !== true) {
    const attributes = autoPad
      ? [makeString("auto_pad", autoPad), makeInts("strides", [2, 2])]
      : convAttributes(3, 2, pad);
    const inputs = [
      name,
      net.weight([8, 3, 3, 3], (v) => v / 3),
      ...(bias ? [net.weight([8])] : []),
    ];
    name = net.add("Relu", [net.add("Conv", inputs, attributes)]);
    name = net.add("Conv", [name, net.weight([4, 8, 1, 1])], convAttributes(1));
  } else name = net.add("Relu", [name]);
  return net.build(dims(input), [name]);
}

const operators = (graph: Graph): string[] => graph.nodes.map(({ opType }) => opType);
const moved = (graph: Graph, input: ModelInput) => {
  const result = inputInGraph(graph, input);
  if (result.kind === "left") throw new Error(result.why);
  return result;
};

describe("pixels straight into the graph", () => {
  const layouts = ["NCHW", "NHWC"] as const;
  const colours = ["rgb", "bgr"] as const;
  const shapes: [string, Case][] = [
    ["no padding", { pad: 0 }],
    ["no padding, no bias", { pad: 0, bias: false }],
    ["zero padding", { pad: 1 }],
    ["SAME_UPPER", { pad: 0, autoPad: "SAME_UPPER" }],
    ["VALID", { pad: 0, autoPad: "VALID", bias: false }],
    ["channels last to the end", { pad: 0, transpose: false, plain: true }],
  ];
  const table = layouts.flatMap((layout) =>
    colours.flatMap((colour) => shapes.map(([name, shape]) => ({ layout, colour, name, shape }))),
  );

  it.each(table)(
    "agrees with the float path: $layout, $colour, $name",
    async ({ layout, colour, shape }) => {
      const input = manifest({ layout, colour });
      const graph = network(input, shape);
      const result = moved(graph, input);
      expect(result.input).toEqual({
        ...input,
        layout: "NHWC",
        type: "uint8",
        colour: "rgb",
        mean: [0, 0, 0],
        std: [1, 1, 1],
      });
      expect(result.graph.inputs).toEqual([makeValue("x", "uint8", [1, height, width, 3])]);
      expect(await largestGap(graph, input, result.graph, result.input)).toBeLessThan(1e-4);
    },
  );

  it("folds all of it into a first Conv that does not pad", () => {
    const input = manifest({ colour: "bgr" });
    const { graph, report } = moved(network(input, { pad: 0 }), input);
    expect(operators(graph)).toEqual(["Transpose", "Cast", "Conv", "Relu", "Conv"]);
    expect(report.left).toEqual([]);
  });

  it("keeps the subtraction where the Conv pads with zeros, and says why", () => {
    const input = manifest({ colour: "bgr" });
    const { graph, report } = moved(network(input, { pad: 1 }), input);
    expect(operators(graph)).toEqual(["Transpose", "Cast", "Sub", "Conv", "Relu", "Conv"]);
    expect(report.left[0]?.why).toMatch(/subtraction stays a node/);
  });

  it("needs no subtraction where there is no mean", async () => {
    const input = manifest({ mean: [0, 0, 0], std: [255, 255, 255] });
    const before = network(input, { pad: 1 });
    const { graph, input: next, report } = moved(before, input);
    expect(operators(graph)).toEqual(["Transpose", "Cast", "Conv", "Relu", "Conv"]);
    expect(report.left).toEqual([]);
    expect(await largestGap(before, input, graph, next)).toBeLessThan(1e-4);
  });

  it("would be wrong at the border with the mean in a padding Conv's bias", async () => {
    // The proof that the rule above is needed: the same fold, forced, differs by far more than 1e-4.
    const input = manifest();
    const padding = network(input, { pad: 1 });
    const bare = moved(network(input, { pad: 0 }), input).graph;
    const [first] = bare.nodes.filter(({ opType }) => opType === "Conv");
    const forced = {
      ...bare,
      nodes: bare.nodes.map((node) =>
        node === first ? { ...node, attributes: convAttributes(3, 2, 1) } : node,
      ),
    };
    const next = moved(padding, input).input;
    expect(await largestGap(padding, input, forced, next)).toBeGreaterThan(0.1);
  });

  it("leaves a model alone whose bytes were scaled and rounded", () => {
    const input = manifest({ type: "uint8" });
    const net = netBuilder();
    const graph = {
      ...net.build([1, 3, height, width], [net.add("Cast", ["x"])]),
      inputs: [makeValue("x", "uint8", [1, 3, height, width])],
    };
    expect(inputInGraph(graph, input)).toEqual({
      kind: "left",
      why: "it takes bytes that were scaled and rounded, which cannot be said in the graph exactly",
    });
  });

  it("leaves a model alone that does not fit its manifest", () => {
    const graph = network(manifest(), { pad: 0 });
    expect(inputInGraph(graph, manifest({ name: "y" }))).toMatchObject({ kind: "left" });
    expect(inputInGraph(graph, manifest({ type: "uint8" }))).toMatchObject({ kind: "left" });
  });
});
