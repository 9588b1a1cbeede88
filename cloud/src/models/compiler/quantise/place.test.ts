import { makeFloat, makeInt, makeInts, makeString } from "@fieldloop/shared-node/onnx/attributes";
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { type Graph, makeGraph, makeValue, modelOf } from "@fieldloop/shared-node/onnx/graph";
import { makeNode, type Node } from "@fieldloop/shared-node/onnx/node";
import { runModel } from "@fieldloop/shared-node/onnx/run-model";
import {
  floatsOf,
  floatTensor,
  int64Tensor,
  makeTensor,
  type Tensor,
} from "@fieldloop/shared-node/onnx/tensor";
import { describe, expect, it } from "vitest";
import type { Range } from "../calibrate/range.ts";
import { addNoise, sqnrDb } from "../sqnr.ts";
import { countOperators, notFused, type Operators, readOperators } from "../verify-fusion.ts";
import { lookInside } from "./expose.ts";
import { planPlacement } from "./place.ts";
import { calibratedTensors, named, type Quantised, quantiseStatic } from "./static.ts";

/** The same numbers in every run, bell-shaped around 0. */
function noise(length: number, seed: number): Float32Array {
  let state = seed * 2654435761 + 12345;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float32Array.from({ length }, () => next() + next() + next() + next() - 2);
}

const weight = (name: string, dims: number[]): Tensor => {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const fan = count / dims[0]!;
  return floatTensor(
    name,
    dims,
    noise(count, name.length + dims[0]!).map((w) => w / Math.sqrt(fan)),
  );
};
const bias = (name: string, length: number) => floatTensor(name, [length], noise(length, 7));
const pads = [makeInts("pads", [1, 1, 1, 1])];
const x = makeValue("x", "float32", [1, 8, 12, 12]);

/** Two Convs with something between them: `a` goes in, `b` comes out, both [1, 8, 12, 12]. */
function between(
  nodes: readonly Node[],
  initializers: readonly Tensor[] = [],
  channels = 8,
): Graph {
  return makeGraph({
    opset: 13,
    inputs: [x],
    outputs: [makeValue("y", "float32", null)],
    nodes: [
      makeNode("Conv", ["x", "w1", "b1"], ["a"], pads),
      ...nodes,
      makeNode("Conv", ["b", "w2", "b2"], ["y"], pads),
    ],
    initializers: [
      weight("w1", [8, 8, 3, 3]),
      bias("b1", 8),
      weight("w2", [4, channels, 3, 3]),
      bias("b2", 4),
      ...initializers,
    ],
  });
}

interface Outcome {
  readonly quantised: Quantised;
  readonly operators: Operators;
  /** Of the output against the float model. */
  readonly sqnrDb: number;
}

/** Calibrates with three random inputs, quantises, and compares on the first of them. */
async function quantise(
  graph: Graph,
  options: { excluded?: ReadonlySet<string>; reduced?: boolean } = {},
): Promise<Outcome> {
  const input = { name: "x", dims: [1, 8, 12, 12], type: "float32" } as const;
  const ranges = new Map<string, Range>();
  await lookInside({
    graph,
    input,
    tensors: calibratedTensors(graph),
    fills: [1, 2, 3].map((seed) => (data) => data.set(noise(data.length, seed))),
    see: (tensor, values) => {
      const old = ranges.get(tensor) ?? { min: 0, max: 0 };
      ranges.set(tensor, {
        min: Math.min(old.min, ...values),
        max: Math.max(old.max, ...values),
      });
    },
  });
  const quantised = quantiseStatic(graph, ranges, options);
  const bytes = encodeModel(modelOf(quantised.graph));
  const feeds = { x: floatTensor("x", input.dims, noise(8 * 144, 1)) };
  const exact = await runModel(encodeModel(modelOf(graph)), { feeds });
  const found = await runModel(bytes, { feeds, optimise: true });
  const sum = { signal: 0, noise: 0 };
  for (const { name } of graph.outputs)
    addNoise(sum, floatsOf(exact[name]!), floatsOf(found[name]!));
  const operators = await readOperators(bytes, input);
  expect(notFused(named(graph), quantised.plan.quantised, operators)).toEqual([]);
  return { quantised, operators, sqnrDb: sqnrDb(sum) };
}

const relu = (from: string, to: string) => makeNode("Relu", [from], [to]);
const clip = (least: number, most: number): [Node, Tensor[]] => [
  makeNode("Clip", ["a", "least", "most"], ["b"]),
  [
    floatTensor("least", [], Float32Array.of(least)),
    floatTensor("most", [], Float32Array.of(most)),
  ],
];

describe("a Conv and its activation", () => {
  it("become one operation in 8 bits", async () => {
    const { operators, quantised, sqnrDb: db } = await quantise(between([relu("a", "b")]));
    expect(operators).toMatchObject({ int8: { QLinearConv: 2 }, float: {}, floatWeighted: [] });
    expect([...quantised.plan.absorbed]).toEqual([["a", "b"]]);
    expect(db).toBeGreaterThan(30);
  });

  it.each([
    [0, 6, true],
    [-1, 1, true],
    [1, 6, false],
    [-6, -1, false],
  ])("become one where Clip's bounds %s and %s contain 0: %s", (least, most, absorbed) => {
    const [node, bounds] = clip(least, most);
    const plan = planPlacement(between([node], bounds));
    expect(plan.absorbed.has("a")).toBe(absorbed);
  });

  it("give the clipped values", async () => {
    const [node, bounds] = clip(0, 0.5);
    const { operators, sqnrDb: db } = await quantise(between([node], bounds));
    expect(operators).toMatchObject({ int8: { QLinearConv: 2 }, float: {} });
    expect(db).toBeGreaterThan(30);
  });

  it("stay two where somebody else takes the Conv's result", async () => {
    const graph = between([relu("a", "r"), makeNode("Add", ["a", "r"], ["b"])]);
    expect(planPlacement(graph).absorbed.size).toBe(0);
    expect((await quantise(graph)).sqnrDb).toBeGreaterThan(30);
  });
});

describe("what ONNX Runtime computes in 8 bits between two Convs", () => {
  const constant = floatTensor("c", [1, 8, 1, 1], noise(8, 3));
  const cases: [string, Node[], Tensor[], number?][] = [
    ["Add", [makeNode("Add", ["a", "c"], ["b"])], [constant]],
    ["Mul", [makeNode("Mul", ["a", "c"], ["b"])], [constant]],
    ["Concat", [makeNode("Concat", ["a", "a"], ["b"], [makeInt("axis", 1)])], [], 16],
    ["Sigmoid", [makeNode("Sigmoid", ["a"], ["b"])], []],
    ["LeakyRelu", [makeNode("LeakyRelu", ["a"], ["b"], [makeFloat("alpha", 0.1)])], []],
    ["GlobalAveragePool", [makeNode("GlobalAveragePool", ["a"], ["b"])], []],
    ["MaxPool", [makeNode("MaxPool", ["a"], ["b"], [makeInts("kernel_shape", [2, 2])])], []],
    [
      "AveragePool",
      [makeNode("AveragePool", ["a"], ["b"], [makeInts("kernel_shape", [2, 2])])],
      [],
    ],
    ["Transpose", [makeNode("Transpose", ["a"], ["b"], [makeInts("perm", [0, 1, 3, 2])])], []],
    ["Reshape", [makeNode("Reshape", ["a", "s"], ["b"])], [int64Tensor("s", [1, 8, 9, 16])]],
    [
      "Slice",
      [makeNode("Slice", ["a", "from", "to", "axis"], ["b"])],
      [int64Tensor("from", [1]), int64Tensor("to", [9]), int64Tensor("axis", [2])],
    ],
    [
      "Resize",
      [
        makeNode(
          "Resize",
          ["a", "", "scales"],
          ["b"],
          [
            makeString("mode", "nearest"),
            makeString("coordinate_transformation_mode", "asymmetric"),
            makeString("nearest_mode", "floor"),
          ],
        ),
      ],
      [floatTensor("scales", [4], Float32Array.of(1, 1, 2, 2))],
    ],
    [
      "Gather",
      [makeNode("Gather", ["a", "order"], ["b"], [makeInt("axis", 1)])],
      [int64Tensor("order", [7, 6, 5, 4, 3, 2, 1, 0])],
    ],
    [
      "Split",
      [
        makeNode("Split", ["a", "parts"], ["s1", "s2"], [makeInt("axis", 1)]),
        makeNode("Concat", ["s2", "s1"], ["b"], [makeInt("axis", 1)]),
      ],
      [int64Tensor("parts", [3, 5])],
    ],
    [
      "Squeeze and Unsqueeze",
      [makeNode("Squeeze", ["a", "zero"], ["s"]), makeNode("Unsqueeze", ["s", "zero"], ["b"])],
      [int64Tensor("zero", [0])],
    ],
  ];

  it.each(cases)("%s", async (_name, nodes, initializers, channels = 8) => {
    const { operators, sqnrDb: db } = await quantise(between(nodes, initializers, channels));
    expect(operators.float).toEqual({});
    expect(operators.conversions).toBeLessThanOrEqual(2);
    expect(db).toBeGreaterThan(25);
  });
});

describe("operators that only pass values on", () => {
  it("keep the scale that the values have", () => {
    const pool = makeNode("MaxPool", ["r"], ["b"], [makeInts("kernel_shape", [2, 2])]);
    const { pairs } = planPlacement(between([relu("a", "r"), pool]));
    expect(pairs.get("b")).toBe("r");
    expect(pairs.get("r")).toBe("r");
  });

  it("stay in float where their values come in float", () => {
    const graph = makeGraph({
      opset: 13,
      inputs: [x],
      outputs: [makeValue("y", "float32", null)],
      nodes: [
        makeNode("MaxPool", ["x"], ["p"], [makeInts("kernel_shape", [2, 2])]),
        makeNode("Conv", ["p", "w"], ["y"]),
      ],
      initializers: [weight("w", [4, 8, 3, 3])],
    });
    const { quantised, pairs } = planPlacement(graph);
    expect([...quantised]).toEqual(["y"]);
    expect([...pairs.keys()]).toEqual(["p", "y"]);
  });
});

describe("a classifier's end", () => {
  const head = makeGraph({
    opset: 13,
    inputs: [x],
    outputs: [makeValue("logits", "float32", null), makeValue("embedding", "float32", null)],
    nodes: [
      makeNode("Conv", ["x", "w", "b"], ["c"], pads),
      relu("c", "r"),
      makeNode("GlobalAveragePool", ["r"], ["g"]),
      makeNode("Flatten", ["g"], ["embedding"]),
      makeNode("Gemm", ["embedding", "wg", "bg"], ["logits"], [makeInt("transB", 1)]),
    ],
    initializers: [weight("w", [8, 8, 3, 3]), bias("b", 8), weight("wg", [5, 8]), bias("bg", 5)],
  });

  it("gives logits as floats, without rounding them to 8 bits", async () => {
    const { quantised, operators } = await quantise(head);
    expect(quantised.plan.pairs.has("logits")).toBe(false);
    expect(operators).toMatchObject({ int8: { QGemm: 1, QLinearConv: 1 }, float: {} });
  });

  it("keeps the names of the outputs, also where one is taken further", async () => {
    const { quantised } = await quantise(head);
    expect(quantised.graph.outputs.map(({ name }) => name)).toEqual(["logits", "embedding"]);
  });

  it("multiplies matrices in 8 bits as well", async () => {
    const graph = makeGraph({
      opset: 13,
      inputs: [x],
      outputs: [makeValue("y", "float32", null)],
      nodes: [
        makeNode("MatMul", ["x", "w1"], ["h"]),
        relu("h", "r"),
        makeNode("MatMul", ["r", "w2"], ["y"]),
      ],
      initializers: [weight("w1", [12, 16]), weight("w2", [16, 4])],
    });
    const { operators, sqnrDb: db } = await quantise(graph);
    expect(operators.float).toEqual({});
    expect(operators.floatWeighted).toEqual([]);
    expect(db).toBeGreaterThan(28);
  });
});

describe("a detector's end", () => {
  it("stays in float, so boxes and scores never share a scale", () => {
    const graph = makeGraph({
      opset: 13,
      inputs: [x],
      outputs: [makeValue("y", "float32", null)],
      nodes: [
        makeNode("Conv", ["x", "w1"], ["scores"]),
        makeNode("Conv", ["x", "w2"], ["boxes"]),
        makeNode("Concat", ["scores", "boxes"], ["y"], [makeInt("axis", 1)]),
      ],
      initializers: [weight("w1", [2, 8, 3, 3]), weight("w2", [4, 8, 3, 3])],
    });
    const { pairs, quantised } = planPlacement(graph);
    expect([...quantised]).toEqual(["scores", "boxes"]);
    expect([...pairs.keys()]).toEqual(["x", "scores", "boxes"]);
  });
});

describe("weights and biases", () => {
  it("a bias that two Convs share is stored once for each, in its own steps", async () => {
    const graph = between(
      [makeNode("Conv", ["a", "w3", "b1"], ["b"], pads)],
      [weight("w3", [8, 8, 3, 3])],
    );
    const { quantised, sqnrDb: db } = await quantise(graph);
    const biases = [...quantised.graph.initializers.values()].filter(
      ({ type, dims, name }) => type === "int32" && dims[0] === 8 && name.includes("quantised"),
    );
    expect(biases).toHaveLength(2);
    expect(db).toBeGreaterThan(28);
  });

  it("a channel that training left nearly dead keeps its bias", async () => {
    const graph = between([relu("a", "b")]);
    const w1 = floatsOf(graph.initializers.get("w1")!).slice();
    w1.fill(1e-12, 0, 72);
    const dead = new Map(graph.initializers).set("w1", floatTensor("w1", [8, 8, 3, 3], w1));
    const { sqnrDb: db } = await quantise({ ...graph, initializers: dead });
    expect(db).toBeGreaterThan(28);
  });

  it("weights of 7 bits stay within 64", async () => {
    const { quantised, sqnrDb: db } = await quantise(between([relu("a", "b")]), { reduced: true });
    const weights = [...quantised.graph.initializers.values()].filter(
      ({ type, dims }) => type === "int8" && dims.length === 4,
    );
    expect(weights).toHaveLength(2);
    for (const { proto } of weights)
      expect(Math.max(...new Int8Array(proto.rawData!).map(Math.abs))).toBe(64);
    expect(db).toBeGreaterThan(25);
  });
});

describe("a node that is excluded", () => {
  it("stays in float, and the others do not", async () => {
    const { operators, quantised } = await quantise(between([relu("a", "b")]), {
      excluded: new Set(["y"]),
    });
    expect(operators.int8.QLinearConv).toBe(1);
    expect(operators.floatWeighted).toHaveLength(1);
    expect(quantised.plan.left).toEqual([{ node: "y", opType: "Conv", why: "it is excluded" }]);
  });

  it("stays in float between two that do not, where ONNX Runtime would quantise it by itself", async () => {
    const graph = between(
      [makeNode("Conv", ["a", "w3", "b3"], ["c"], pads), relu("c", "b")],
      [weight("w3", [8, 8, 3, 3]), bias("b3", 8)],
    );
    const { operators } = await quantise(graph, { excluded: new Set(["c"]) });
    expect(operators.int8.QLinearConv).toBe(2);
    expect(operators.floatWeighted).toHaveLength(1);
  });

  it("is no less exact than the whole", async () => {
    const graph = between([relu("a", "b")]);
    const all = await quantise(graph);
    const one = await quantise(graph, { excluded: new Set(["a"]) });
    expect(one.sqnrDb).toBeGreaterThan(all.sqnrDb);
  });
});

describe("what cannot be quantised", () => {
  it("stays in float between Convs that are, as a transposed Conv does", async () => {
    const up = makeNode("ConvTranspose", ["a", "wt", "bt"], ["b"], pads);
    const graph = between([up], [weight("wt", [8, 8, 3, 3]), bias("bt", 8)]);
    const { operators, quantised, sqnrDb: db } = await quantise(graph);
    expect(quantised.plan.left).toEqual([
      {
        node: "b",
        opType: "ConvTranspose",
        why: "ONNX Runtime computes it in float on a processor",
      },
    ]);
    expect(operators).toMatchObject({ int8: { QLinearConv: 2 }, float: { ConvTranspose: 1 } });
    expect(db).toBeGreaterThan(28);
  });

  it("is named with the reason", () => {
    const graph = makeGraph({
      opset: 13,
      inputs: [x, makeValue("w", "float32", [4, 8, 3, 3])],
      outputs: [makeValue("y", "float32", null)],
      nodes: [makeNode("Conv", ["x", "w"], ["y"])],
    });
    expect(planPlacement(graph).left).toEqual([
      { node: "y", opType: "Conv", why: "its weight is no constant" },
    ]);
    expect(countOperators(graph).floatWeighted).toEqual(["y"]);
  });
});

describe("pixels", () => {
  it("go into the first Conv as the bytes they are, with the mean in its bias", async () => {
    const input = { name: "x", dims: [1, 12, 12, 3], type: "uint8" } as const;
    const graph = makeGraph({
      opset: 13,
      inputs: [makeValue("x", "uint8", [1, 12, 12, 3])],
      outputs: [makeValue("y", "float32", null)],
      nodes: [
        makeNode("Transpose", ["x"], ["t"], [makeInts("perm", [0, 3, 1, 2])]),
        makeNode("Cast", ["t"], ["f"], [makeInt("to", 1)]),
        makeNode("Sub", ["f", "mean"], ["s"]),
        makeNode("Conv", ["s", "w", "b"], ["y"]),
      ],
      initializers: [
        floatTensor("mean", [3, 1, 1], Float32Array.of(127.5, 124, 130.2)),
        weight("w", [8, 3, 3, 3]),
        bias("b", 8),
      ],
    });
    const ranges = new Map([
      ["s", { min: -130.2, max: 131 }],
      ["y", { min: -500, max: 500 }],
    ]);
    const bytes = encodeModel(modelOf(quantiseStatic(graph, ranges).graph));
    const operators = await readOperators(bytes, input);
    expect(operators).toMatchObject({ int8: { QLinearConv: 1 }, float: {}, conversions: 1 });
    const pixels = Uint8Array.from({ length: 432 }, (_, i) => (i * 89) % 256);
    const feeds = { x: makeTensor({ ...input, data: pixels }) };
    const exact = floatsOf((await runModel(encodeModel(modelOf(graph)), { feeds })).y!);
    const found = floatsOf((await runModel(bytes, { feeds, optimise: true })).y!);
    // Half a step of the output, and what 8-bit weights lose.
    for (const [i, value] of exact.entries()) expect(Math.abs(value - found[i]!)).toBeLessThan(8);
  });
});
