import {
  makeFloat,
  makeInt,
  makeInts,
  makeTensorAttribute,
} from "@fieldloop/shared-node/onnx/attributes";
import { decodeModel, encodeModel } from "@fieldloop/shared-node/onnx/codec";
import {
  type Graph,
  graphOf,
  makeGraph,
  makeValue,
  modelOf,
} from "@fieldloop/shared-node/onnx/graph";
import { toHalf } from "@fieldloop/shared-node/onnx/half";
import { makeNode } from "@fieldloop/shared-node/onnx/node";
import { attributeTypes } from "@fieldloop/shared-node/onnx/proto";
import {
  dataOf,
  floatsOf,
  floatTensor,
  int64Tensor,
  makeTensor,
} from "@fieldloop/shared-node/onnx/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  batchNorm,
  convAttributes,
  largestDifference,
  netBuilder,
  randomTensor,
  runGraph,
} from "../../../../../shared/node/test/nets.ts";
import { buildNet, randomNets, steps } from "../../../../../shared/node/test/random-nets.ts";
import { bareInputs } from "./bare-inputs.ts";
import { cleanGraph } from "./clean.ts";
import { constantNodes } from "./constant-nodes.ts";
import { foldBatchNorm } from "./fold-batch-norm.ts";
import { foldConstants } from "./fold-constants.ts";
import { foldPads } from "./fold-pads.ts";
import { raiseFloat16 } from "./raise-float16.ts";
import { removeIdentities } from "./remove-identities.ts";
import { removeUnused } from "./remove-unused.ts";

const operators = (graph: Graph): string[] => graph.nodes.map(({ opType }) => opType);
const input = (dims: readonly number[]) => ({
  x: randomTensor("x", dims, netBuilder({ seed: 9 }).random),
});

describe("initialisers that are listed as inputs", () => {
  it("become constants", async () => {
    const net = netBuilder();
    const weight = net.weight([3, 1, 1]);
    const plain = net.build([1, 3, 4, 4], [net.add("Mul", ["x", weight])]);
    const old = { ...plain, inputs: [...plain.inputs, makeValue(weight, "float32", [3, 1, 1])] };
    const { graph, report } = bareInputs(old);
    expect(graph.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(report.changed).toBe(1);
    expect(await largestDifference(old, graph, input([1, 3, 4, 4]))).toBe(0);
  });

  it("cannot be folded before", async () => {
    const net = netBuilder();
    const weight = net.weight([3]);
    const plain = net.build([3], [net.add("Add", ["x", net.add("Neg", [weight])])]);
    const old = { ...plain, inputs: [...plain.inputs, makeValue(weight, "float32", [3])] };
    expect(operators((await foldConstants(old)).graph)).toEqual(["Neg", "Add"]);
    expect(operators((await foldConstants(bareInputs(old).graph)).graph)).toEqual(["Add"]);
  });
});

describe("a Pad with zeros", () => {
  const pads = (net: ReturnType<typeof netBuilder>, from: string, ...amounts: number[]): string =>
    net.add("Pad", [from, net.constant(int64Tensor(`p${amounts.join("")}`, amounts))]);

  it("becomes the pads of the Conv behind it, another Pad before it too", async () => {
    const net = netBuilder();
    const padded = pads(net, pads(net, "x", 0, 0, 1, 0, 0, 0, 2, 1), 0, 0, 0, 1, 0, 0, 0, 0);
    const before = net.build(
      [1, 3, 5, 6],
      [net.add("Conv", [padded, net.weight([4, 3, 3, 3])], convAttributes(3, 2))],
    );
    const { graph, report } = foldPads(before);
    expect(operators(graph)).toEqual(["Conv"]);
    expect(report).toEqual({ pass: "fold-pads", changed: 2, left: [] });
    expect(await largestDifference(before, graph, input([1, 3, 5, 6]))).toBeLessThan(1e-5);
  });

  it("stays in front of a pool, and ONNX Runtime may not take it in either", async () => {
    const net = netBuilder();
    const pool = net.add(
      "MaxPool",
      [pads(net, "x", 0, 0, 0, 0, 0, 0, 1, 1)],
      [makeInts("kernel_shape", [2, 2])],
    );
    const graph = net.build([1, 3, 5, 6], [net.add("Neg", [pool])]);
    expect(foldPads(graph).report).toEqual({ pass: "fold-pads", changed: 0, left: [] });
    const feeds = input([1, 3, 5, 6]);
    const [asWritten, optimised] = [
      await runGraph(graph, feeds),
      await runGraph(graph, feeds, true),
    ].map((outputs) => Array.from(floatsOf(outputs[graph.outputs[0]!.name]!)));
    expect(optimised).toEqual(asWritten);
  });

  it.each([
    ["it cuts instead of filling", [0, 0, -1, 0, 0, 0, 0, 0]],
    ["it fills the batch or the channels", [0, 1, 0, 0, 0, 0, 0, 0]],
  ] as const)("stays where %s", (why, amounts) => {
    const net = netBuilder();
    const padded = pads(net, "x", ...amounts);
    const weight = net.weight([2, 3 + amounts[1], 3, 3]);
    const graph = net.build([1, 3, 5, 6], [net.add("Conv", [padded, weight])]);
    expect(foldPads(graph).report.left).toEqual([{ node: padded, why }]);
  });

  it("stays where it fills with something else", () => {
    const net = netBuilder();
    const amounts = net.constant(int64Tensor("a", [0, 0, 1, 1, 0, 0, 1, 1]));
    const one = net.constant(floatTensor("one", [], Float32Array.of(1)));
    const padded = net.add("Pad", ["x", amounts, one]);
    const graph = net.build([1, 3, 5, 6], [net.add("Conv", [padded, net.weight([2, 3, 3, 3])])]);
    expect(foldPads(graph).report.left).toEqual([
      { node: padded, why: "it does not fill with zeros" },
    ]);
  });
});

describe("constants", () => {
  it("move from nodes to initialisers, whichever way they are written", async () => {
    const net = netBuilder();
    const tensor = floatTensor("", [3], Float32Array.of(1, 2, 3)).proto;
    const a = net.add("Add", [
      "x",
      net.add("Constant", [], [makeTensorAttribute("value", tensor)]),
    ]);
    const b = net.add("Mul", [a, net.add("Constant", [], [makeFloat("value_float", 2.5)])]);
    const floats = { name: "value_floats", floats: [4, 5, 6], type: attributeTypes.floats };
    const c = net.add("Sub", [b, net.add("Constant", [], [floats])]);
    const before = net.build([3], [c]);
    const { graph, report } = constantNodes(before);
    expect(operators(graph)).toEqual(["Add", "Mul", "Sub"]);
    expect(report).toEqual({ pass: "constant-nodes", changed: 3, left: [] });
    expect(await largestDifference(before, graph, input([3]))).toBe(0);
  });

  it("are worked out beforehand, with shapes that are certain among them", async () => {
    const { graph: before, input: x } = buildNet(
      3,
      [
        ["Reshape", 0],
        ["ComputedConstant", 0],
      ],
      0,
    );
    const { graph } = await foldConstants(before);
    expect(operators(graph)).toEqual(["Reshape", "Reshape", "Add", "Identity"]);
    expect(await largestDifference(before, graph, { x })).toBe(0);
  });

  it("stay where chance or 8-bit storage would be lost", async () => {
    const net = netBuilder();
    const q = net.constant(
      makeTensor({ name: "q", type: "int8", dims: [3], data: Int8Array.of(1, 2, 3) }),
    );
    const scale = net.constant(floatTensor("s", [], Float32Array.of(0.1)));
    const zero = net.constant(
      makeTensor({ name: "z", type: "int8", dims: [], data: Int8Array.of(0) }),
    );
    const weight = net.add("DequantizeLinear", [q, scale, zero]);
    const noise = net.add("RandomNormalLike", [net.weight([3])]);
    const graph = net.build([3], [net.add("Add", [net.add("Add", ["x", weight]), noise])]);
    expect(operators((await foldConstants(graph)).graph)).toEqual(operators(graph));
  });

  it("stay where ONNX Runtime cannot work them out, and the report says so", async () => {
    const net = netBuilder();
    const wrong = net.add("MatMul", [net.weight([2, 3]), net.weight([2, 3])]);
    const { graph, report } = await foldConstants(net.build([3], [net.add("Add", ["x", wrong])]));
    expect(operators(graph)).toEqual(["MatMul", "Add"]);
    expect(report.changed).toBe(0);
    expect(report.left[0]?.why).toMatch(/^ONNX Runtime failed/);
  });
});

describe("nodes that do nothing", () => {
  it("go, in chains and before weights", async () => {
    const { graph: before, input: x } = buildNet(
      5,
      [
        ["HiddenWeights", 0],
        ["Identity", 0],
        ["Dropout", 0],
        ["Cast", 0],
      ],
      0,
    );
    const { graph } = removeIdentities(before);
    expect(operators(graph)).toEqual(["Conv"]);
    expect(graph.initializers.has(graph.nodes[0]?.inputs[1] ?? "")).toBe(true);
    expect(graph.outputs).toEqual(before.outputs);
    expect(await largestDifference(before, graph, { x })).toBe(0);
  });

  it("stay between an input and an output, and where both names are needed", async () => {
    const net = netBuilder();
    const relu = net.add("Relu", ["x"]);
    const same = net.add("Identity", [relu]);
    const copy = net.add("Identity", ["x"]);
    const { graph, report } = removeIdentities(net.build([3], [relu, same, copy]));
    expect(operators(graph)).toEqual(["Relu", "Identity", "Identity"]);
    expect(report.left).toHaveLength(2);
  });

  it("are kept where a Dropout's mask or its training mode is in use", () => {
    const net = netBuilder();
    const dropped = net.add("Dropout", ["x"], [], 2);
    expect(operators(removeIdentities(net.build([3], [dropped, `${dropped}_1`])).graph)).toEqual([
      "Dropout",
    ]);
  });

  it("keep the name that a nested graph takes", () => {
    const branch = (opType: string) => ({
      node: [{ opType, input: ["inner"], output: ["out"] }],
      output: [{ name: "out", type: { tensorType: { elemType: 1 } } }],
    });
    const graph = makeGraph({
      opset: 13,
      inputs: [makeValue("x", "float32", [3]), makeValue("which", "bool", [])],
      outputs: [makeValue("y", "float32", [3])],
      nodes: [
        makeNode("Relu", ["x"], ["relu"]),
        makeNode("Identity", ["relu"], ["inner"]),
        makeNode(
          "If",
          ["which"],
          ["y"],
          [
            { name: "then_branch", g: branch("Neg"), type: attributeTypes.graph },
            { name: "else_branch", g: branch("Abs"), type: attributeTypes.graph },
          ],
        ),
      ],
    });
    const after = removeUnused(removeIdentities(graph).graph).graph;
    expect(after.nodes.map(({ opType, outputs }) => [opType, ...outputs])).toEqual([
      ["Relu", "inner"],
      ["If", "y"],
    ]);
  });
});

describe("batch normalisation", () => {
  it.each(["ConvNorm", "Depthwise", "ConvTranspose"])("folds into %s", async (step) => {
    const { graph: before, input: x } = buildNet(7, [[step, 1]], 0);
    const { graph, report } = foldBatchNorm(before);
    expect(report).toMatchObject({ changed: 1, left: [] });
    expect(operators(graph)).not.toContain("BatchNormalization");
    expect(await largestDifference(before, graph, { x })).toBeLessThan(1e-5);
  });

  it("folds into a grouped ConvTranspose and into Gemm either way round", async () => {
    const net = netBuilder();
    const up = net.add(
      "ConvTranspose",
      ["x", net.weight([4, 3, 2, 2])],
      convAttributes(2, 1, 0, 2),
    );
    const flat = net.add("Flatten", [net.add("GlobalAveragePool", [batchNorm(net, up, 6)])]);
    const a = batchNorm(net, net.add("Gemm", [flat, net.weight([6, 5])]), 5);
    const b = net.add(
      "Gemm",
      [a, net.weight([7, 5]), net.weight([1])],
      [makeInt("transB", 1), makeFloat("alpha", 0.5), makeFloat("beta", 3)],
    );
    const before = net.build([1, 4, 3, 3], [batchNorm(net, b, 7)]);
    const { graph, report } = foldBatchNorm(before);
    expect(report.changed).toBe(3);
    expect(await largestDifference(before, graph, input([1, 4, 3, 3]))).toBeLessThan(1e-5);
  });

  it("stays where its input is needed elsewhere, where it stands alone, or is no number", async () => {
    const net = netBuilder();
    const conv = net.add("Conv", ["x", net.weight([3, 3, 1, 1])]);
    const both = net.add("Add", [conv, batchNorm(net, conv, 3)]);
    const shared = foldBatchNorm(net.build([1, 3, 2, 2], [both]));
    expect(shared.report).toMatchObject({
      changed: 0,
      left: [{ why: "other nodes need the output of t0 as well" }],
    });
    const alone = netBuilder();
    const { report } = foldBatchNorm(alone.build([1, 3, 2, 2], [batchNorm(alone, "x", 3)]));
    expect(report.left[0]?.why).toBe("it follows no Conv, ConvTranspose or Gemm");
    const broken = netBuilder();
    const norm = broken.add("BatchNormalization", [
      broken.add("Conv", ["x", broken.weight([3, 3, 1, 1])]),
      ...Array.from({ length: 3 }, () => broken.weight([3])),
      broken.weight([3], () => -1),
    ]);
    const result = foldBatchNorm(broken.build([1, 3, 2, 2], [norm]));
    expect(result.report.left[0]?.why).toBe("its variance is negative or no number");
  });

  it("does not touch weights that another node uses", async () => {
    const net = netBuilder();
    const weight = net.weight([3, 3, 1, 1]);
    const a = batchNorm(net, net.add("Conv", ["x", weight]), 3);
    const before = net.build([1, 3, 4, 4], [net.add("Conv", [a, weight])]);
    const { graph } = foldBatchNorm(before);
    expect(await largestDifference(before, graph, input([1, 3, 4, 4]))).toBeLessThan(1e-5);
  });
});

describe("what nobody needs", () => {
  it("is dropped: nodes and weights", async () => {
    const { graph: before, input: x } = buildNet(
      2,
      [
        ["Relu", 0],
        ["Unused", 0],
      ],
      0,
    );
    const { graph, report } = removeUnused(before);
    expect(operators(graph)).toEqual(["Relu", "Identity"]);
    expect(graph.initializers.size).toBe(0);
    expect(report.changed).toBe(2);
    expect(await largestDifference(before, graph, { x })).toBe(0);
  });
});

describe("16-bit floats", () => {
  it("become 32-bit floats, weights and casts and ends", async () => {
    const values = Uint16Array.from([0.5, -1.25, 3], toHalf);
    const graph = makeGraph({
      opset: 13,
      inputs: [makeValue("x", "float16", [3])],
      outputs: [makeValue("y", "float16", [3])],
      nodes: [
        makeNode("Cast", ["x"], ["a"], [makeInt("to", 1)]),
        makeNode("Cast", ["a"], ["b"], [makeInt("to", 10)]),
        makeNode("Add", ["b", "w"], ["y"]),
      ],
      initializers: [makeTensor({ name: "w", type: "float16", dims: [3], data: values })],
    });
    const raised = raiseFloat16(graph).graph;
    expect(raised.inputs[0]?.type).toBe("float32");
    const cleaned = (await cleanGraph(graph, { raiseFloat16: true })).graph;
    expect(operators(cleaned)).toEqual(["Add"]);
    const x = Float32Array.of(1, 0.25, -2);
    const half = makeTensor({
      name: "x",
      type: "float16",
      dims: [3],
      data: Uint16Array.from(x, toHalf),
    });
    const before = (await runGraph(graph, { x: half })).y;
    const after = (await runGraph(raised, { x: floatTensor("x", [3], x) })).y;
    expect(Array.from(floatsOf(before!))).toEqual(Array.from<number | bigint>(dataOf(after!)));
    expect(Array.from<number | bigint>(dataOf(after!))).toEqual([1.5, -1, 1]);
  });
});

describe("any small network", () => {
  it.each(Object.keys(steps))("with %s survives every pass", async (step) => {
    const { graph, input: x } = buildNet(
      11,
      [
        [step, 1],
        [step, 2],
      ],
      1,
    );
    const cleaned = (await cleanGraph(graph)).graph;
    expect(await largestDifference(graph, cleaned, { x })).toBeLessThan(1e-4);
  });

  it("survives the codec unchanged, and every pass with equal outputs", async () => {
    await fc.assert(
      fc.asyncProperty(randomNets(), async ({ graph, input: x }) => {
        const bytes = encodeModel(modelOf(graph));
        const back = graphOf(decodeModel(bytes));
        expect(Buffer.compare(encodeModel(modelOf(back)), bytes)).toBe(0);
        const { graph: cleaned } = await cleanGraph(back);
        expect(operators(cleaned)).not.toContain("Dropout");
        expect(await largestDifference(graph, cleaned, { x })).toBeLessThan(1e-3);
      }),
      { numRuns: 100 },
    );
  });

  it("survives each pass alone, in any order", async () => {
    const passes = [
      bareInputs,
      constantNodes,
      removeIdentities,
      foldConstants,
      foldBatchNorm,
      removeUnused,
    ];
    const order = fc.shuffledSubarray(passes, { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(randomNets(), order, async ({ graph, input: x }, some) => {
        let current = graph;
        for (const pass of some) current = (await pass(current)).graph;
        expect(await largestDifference(graph, current, { x })).toBeLessThan(1e-3);
      }),
      { numRuns: 50 },
    );
  });
});

describe("weights as whole numbers", () => {
  it("keep their type through folding", async () => {
    const net = netBuilder();
    const shape = net.add("Mul", [
      net.constant(int64Tensor("two", [2])),
      net.constant(int64Tensor("three", [3])),
    ]);
    const { graph } = await foldConstants(net.build([6], [net.add("Reshape", ["x", shape])]));
    expect(dataOf(graph.initializers.get(shape)!)).toEqual(BigInt64Array.of(6n));
  });
});
