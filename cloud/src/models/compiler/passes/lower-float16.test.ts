import { makeFloat, makeInt, makeInts, makeString } from "@fieldloop/shared-node/onnx/attributes";
import { decodeModel, encodeModel } from "@fieldloop/shared-node/onnx/codec";
import {
  type Graph,
  graphOf,
  makeGraph,
  makeValue,
  modelOf,
} from "@fieldloop/shared-node/onnx/graph";
import { makeNode } from "@fieldloop/shared-node/onnx/node";
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
  convAttributes,
  largestDifference,
  netBuilder,
  randomTensor,
  runGraph,
} from "../../../../../shared/node/test/nets.ts";
import { randomNets } from "../../../../../shared/node/test/random-nets.ts";
import { cleanGraph } from "./clean.ts";
import { lowerFloat16 } from "./lower-float16.ts";
import { raiseFloat16 } from "./raise-float16.ts";

const typesOf = (graph: Graph): string[] =>
  [...graph.initializers.values()].map(({ type }) => type);
const operators = (graph: Graph): string[] => graph.nodes.map(({ opType }) => opType);
const input = (dims: readonly number[]) => ({
  x: randomTensor("x", dims, netBuilder({ seed: 9 }).random),
});

function smallNet(): Graph {
  const net = netBuilder({ seed: 4 });
  const conv = net.add(
    "Conv",
    ["x", net.weight([16, 3, 3, 3]), net.weight([16])],
    convAttributes(3),
  );
  const relu = net.add("Relu", [conv]);
  const wide = net.add("Conv", [relu, net.weight([64, 16, 3, 3])], convAttributes(3));
  const flat = net.add("Flatten", [net.add("GlobalAveragePool", [wide])]);
  return net.build([1, 3, 9, 9], [net.add("Gemm", [flat, net.weight([64, 5]), net.weight([5])])]);
}

describe("a graph in 16-bit floats", () => {
  it("takes and gives 32-bit floats, and holds half the bytes", async () => {
    const before = smallNet();
    const { graph, report } = lowerFloat16(before);
    expect(report).toMatchObject({ refused: null, overflowed: 0, underflowed: 0, left: [] });
    expect(report.tensors).toBe(5);
    expect(new Set(typesOf(graph))).toEqual(new Set(["float16"]));
    expect(graph.inputs[0]?.type).toBe("float32");
    expect(graph.outputs.map(({ name, type }) => [name, type])).toEqual([
      [before.outputs[0]?.name, "float32"],
    ]);
    expect(operators(graph)).toEqual([
      "Cast",
      "Conv",
      "Relu",
      "Conv",
      "GlobalAveragePool",
      "Flatten",
      "Gemm",
      "Cast",
    ]);
    const [large, small] = [before, graph].map((one) => encodeModel(modelOf(one)).length);
    expect(small! / large!).toBeLessThan(0.55);
    expect(await largestDifference(before, graph, input([1, 3, 9, 9]))).toBeLessThan(0.05);
  });

  it("comes through the file as it is, bit by bit", () => {
    const { graph } = lowerFloat16(smallNet());
    const read = graphOf(decodeModel(encodeModel(modelOf(graph)), "the model"));
    for (const [name, tensor] of graph.initializers) {
      expect(read.initializers.get(name)?.type).toBe("float16");
      expect(dataOf(read.initializers.get(name)!)).toEqual(dataOf(tensor));
    }
  });

  it("is raised to 32 bits again without a further loss", async () => {
    const { graph } = lowerFloat16(smallNet());
    const raised = raiseFloat16(graph).graph;
    const halves = [...graph.initializers.values()].map((tensor) => floatsOf(tensor));
    expect([...raised.initializers.values()].map((tensor) => floatsOf(tensor))).toEqual(halves);
    expect(await largestDifference(graph, raised, input([1, 3, 9, 9]))).toBeLessThan(0.05);
  });

  it("takes pixels as the bytes they are", async () => {
    const graph = makeGraph({
      opset: 13,
      inputs: [makeValue("x", "uint8", [1, 4, 4, 3])],
      outputs: [makeValue("y", "float32", null)],
      nodes: [
        makeNode("Transpose", ["x"], ["t"], [makeInts("perm", [0, 3, 1, 2])]),
        makeNode("Cast", ["t"], ["f"], [makeInt("to", 1)]),
        makeNode("Sub", ["f", "mean"], ["s"]),
        makeNode("Conv", ["s", "w"], ["y"]),
      ],
      initializers: [
        floatTensor("mean", [3, 1, 1], Float32Array.of(120, 110.5, 100)),
        randomTensor("w", [4, 3, 3, 3], netBuilder().random),
      ],
    });
    const lowered = lowerFloat16(graph).graph;
    expect(lowered.inputs[0]?.type).toBe("uint8");
    expect(operators(lowered)).toEqual(["Transpose", "Cast", "Sub", "Conv", "Cast"]);
    const data = Uint8Array.from({ length: 48 }, (_, i) => (i * 89) % 256);
    const x = makeTensor({ name: "x", type: "uint8", dims: [1, 4, 4, 3], data });
    expect(await largestDifference(graph, lowered, { x })).toBeLessThan(2);
  });
});

describe("what is too large or too small for a half", () => {
  const scaled = (value: number): Graph => {
    const net = netBuilder();
    const factor = net.constant(floatTensor("factor", [2], Float32Array.of(1, value)));
    return net.build([2], [net.add("Mul", ["x", factor])]);
  };

  it.each([65520, -1e9])("%d refuses the whole graph and is named", (value) => {
    const before = scaled(value);
    const { graph, report } = lowerFloat16(before);
    expect(graph).toBe(before);
    expect(report).toMatchObject({ changed: 0, overflowed: 1 });
    expect(report.refused).toBe(
      "t0 cannot be lowered: 1 of the values of its constant factor are beyond 65504, the largest 16-bit float",
    );
  });

  it("65504 and infinity are no overflow", () => {
    for (const value of [65504, 65519, Number.POSITIVE_INFINITY])
      expect(lowerFloat16(scaled(value)).report.refused).toBeNull();
  });

  it("2^-26 becomes 0 and is counted", () => {
    const { report } = lowerFloat16(scaled(2 ** -26));
    expect(report).toMatchObject({ refused: null, underflowed: 1, values: 2 });
  });

  it("a Clip that ends at the largest float does not end at all", async () => {
    const net = netBuilder();
    const [least, most] = [0, 3.4028234663852886e38].map((value, i) =>
      net.constant(floatTensor(`bound${i}`, [], Float32Array.of(value))),
    );
    const before = net.build([2, 3], [net.add("Clip", ["x", least!, most!])]);
    const { graph, report } = lowerFloat16(before);
    expect(report.refused).toBeNull();
    expect(await largestDifference(before, graph, input([2, 3]))).toBeLessThan(1e-3);
  });
});

describe("what stays in 32 bits", () => {
  it("the scales of Resize", async () => {
    const net = netBuilder();
    const scales = net.constant(floatTensor("scales", [4], Float32Array.of(1, 1, 2, 2)));
    const large = net.add("Resize", ["x", "", scales], [makeString("mode", "nearest")]);
    const before = net.build([1, 3, 4, 4], [net.add("Mul", [large, net.weight([3, 1, 1])])]);
    const { graph, report } = lowerFloat16(before);
    expect(graph.initializers.get("scales")?.type).toBe("float32");
    expect(report.left).toEqual([]);
    expect(await largestDifference(before, graph, input([1, 3, 4, 4]))).toBeLessThan(2e-3);
  });

  it("an operator that is not known, with Casts around it", async () => {
    const net = netBuilder();
    const before = net.build(
      [3],
      [net.add("Mul", [net.add("Sinh", [net.add("Neg", ["x"])]), net.weight([3])])],
    );
    const { graph, report } = lowerFloat16({
      ...before,
      values: [makeValue("t1", "float32", [3])],
    });
    expect(operators(graph)).toEqual(["Cast", "Neg", "Cast", "Sinh", "Cast", "Mul", "Cast"]);
    expect(report.left).toEqual([{ node: "t1", why: "Sinh is not known to take 16-bit floats" }]);
    expect(await largestDifference(before, graph, input([3]))).toBeLessThan(2e-3);
  });

  it("sizes that are worked out as floats", async () => {
    const net = netBuilder();
    const long = 3001;
    const size = net.add("Cast", [net.add("Shape", ["x"])], [makeInt("to", 1)]);
    const half = net.add("Div", [
      size,
      net.constant(floatTensor("two", [1], Float32Array.of(3001))),
    ]);
    const shape = net.add("Cast", [net.add("Mul", [half, "three"])], [makeInt("to", 7)]);
    net.constant(floatTensor("three", [1], Float32Array.of(3001)));
    const before = net.build(["n"], [net.add("Reshape", [net.add("Neg", ["x"]), shape])]);
    const { graph, report } = lowerFloat16(before);
    expect(report.left.map(({ why }) => why)).toContain("it computes with shapes");
    expect(await largestDifference(before, graph, input([long]))).toBeLessThan(2e-3);
  });

  it("a graph with a graph in it, as a whole", () => {
    const net = netBuilder();
    const branch = { name: "then", type: 5, g: { name: "g" } };
    const before = net.build([3], [net.add("If", ["x"], [branch])]);
    const { graph, report } = lowerFloat16(before);
    expect(graph).toBe(before);
    expect(report.refused).toBe(
      "t0 cannot be lowered: it holds a nested graph, whose types are left alone",
    );
  });
});

it("an output that others take as well keeps its name, and they take the half", async () => {
  const net = netBuilder();
  const first = net.add("Relu", ["x"]);
  const before = net.build([2, 3], [first, net.add("Neg", [first])]);
  const { graph } = lowerFloat16(before);
  expect(graph.outputs.map(({ name }) => name)).toEqual(before.outputs.map(({ name }) => name));
  expect(operators(graph).filter((opType) => opType === "Cast")).toHaveLength(3);
  expect(await largestDifference(before, graph, input([2, 3]))).toBeLessThan(1e-3);
});

describe("every operator that is lowered", () => {
  const ints = (name: string, values: number[]) => int64Tensor(name, values);
  const dims = [1, 4, 6, 6];
  type Net = ReturnType<typeof netBuilder>;
  const unary = (opType: string) => (net: Net) => net.add(opType, ["x"]);
  const positive = (opType: string) => (net: Net) => net.add(opType, [net.add("Exp", ["x"])]);
  const cases: Record<string, (net: Net) => string> = {
    ...Object.fromEntries(
      ["Relu", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Selu"]
        .concat("Softplus", "Softmax", "LogSoftmax", "Exp", "Abs", "Neg", "Floor", "Ceil", "Erf")
        .concat("Identity", "Dropout", "Flatten", "GlobalAveragePool", "GlobalMaxPool", "ReduceMax")
        .concat("ReduceMin", "ReduceMean", "ReduceSum", "Transpose")
        .map((opType) => [opType, unary(opType)]),
    ),
    Sqrt: positive("Sqrt"),
    Log: positive("Log"),
    PRelu: (net) => net.add("PRelu", ["x", net.weight([4, 1, 1])]),
    Pow: (net) => net.add("Pow", [net.add("Exp", ["x"]), net.weight([1], () => 2)]),
    Sub: (net) => net.add("Sub", ["x", net.weight([4, 1, 1])]),
    Div: (net) => net.add("Div", ["x", net.weight([4, 1, 1], (v) => 2 + v)]),
    ConvTranspose: (net) =>
      net.add("ConvTranspose", ["x", net.weight([4, 2, 2, 2])], convAttributes(2, 2)),
    InstanceNormalization: (net) =>
      net.add("InstanceNormalization", ["x", net.weight([4]), net.weight([4])]),
    LayerNormalization: (net) =>
      net.add("LayerNormalization", ["x", net.weight([6]), net.weight([6])]),
    LRN: (net) => net.add("LRN", ["x"], [makeInt("size", 3)]),
    MatMul: (net) => net.add("MatMul", ["x", net.weight([6, 5])]),
    Concat: (net) => net.add("Concat", ["x", "x"], [makeInt("axis", 1)]),
    Split: (net) => {
      const first = net.add("Split", ["x"], [makeInt("axis", 1)], 2);
      return net.add("Add", [first, `${first}_1`]);
    },
    Slice: (net) =>
      net.add(
        "Slice",
        ["x", net.constant(ints("a", [1])), net.constant(ints("b", [3]))].concat(
          net.constant(ints("c", [2])),
        ),
      ),
    Reshape: (net) => net.add("Reshape", ["x", net.constant(ints("a", [4, 36]))]),
    Squeeze: (net) => net.add("Squeeze", ["x", net.constant(ints("a", [0]))]),
    Unsqueeze: (net) => net.add("Unsqueeze", ["x", net.constant(ints("a", [0]))]),
    Gather: (net) =>
      net.add("Gather", ["x", net.constant(ints("a", [2, 0]))], [makeInt("axis", 1)]),
    Expand: (net) => net.add("Expand", ["x", net.constant(ints("a", [2, 4, 6, 6]))]),
    Pad: (net) => net.add("Pad", ["x", net.constant(ints("a", [0, 0, 1, 1, 0, 0, 1, 1]))]),
    Tile: (net) => net.add("Tile", ["x", net.constant(ints("a", [1, 1, 2, 1]))]),
    MaxPool: (net) => net.add("MaxPool", ["x"], [makeInts("kernel_shape", [2, 2])]),
    AveragePool: (net) => net.add("AveragePool", ["x"], [makeInts("kernel_shape", [2, 2])]),
    Where: (net) => {
      const condition = makeTensor({
        name: "c",
        type: "bool",
        dims: [6],
        data: Uint8Array.of(1, 0, 1, 1, 0, 0),
      });
      return net.add("Where", [net.constant(condition), "x", net.weight([1])]);
    },
    DepthToSpace: (net) => net.add("DepthToSpace", ["x"], [makeInt("blocksize", 2)]),
    SpaceToDepth: (net) => net.add("SpaceToDepth", ["x"], [makeInt("blocksize", 2)]),
    Gemm: (net) =>
      net.add("Gemm", [net.add("Flatten", ["x"]), net.weight([144, 3])], [makeFloat("alpha", 0.5)]),
  };

  it.each(Object.keys(cases))("%s", async (opType) => {
    const net = netBuilder({ opset: 17 });
    const before = net.build(dims, [net.add("Add", [cases[opType]!(net), net.weight([1])])]);
    const { graph, report } = lowerFloat16(before);
    expect(report.left).toEqual([]);
    expect(new Set(typesOf(graph))).not.toContain("float32");
    const feeds = input(dims);
    const name = before.outputs[0]!.name;
    for (const optimise of [false, true]) {
      const [exact, found] = [
        await runGraph(before, feeds),
        await runGraph(graph, feeds, optimise),
      ];
      const values = floatsOf(found[name]!);
      const size = Math.max(1, ...floatsOf(exact[name]!).map(Math.abs));
      floatsOf(exact[name]!).forEach((value, i) => {
        // A whole step where Floor or Ceil stand on the edge.
        const most = opType === "Floor" || opType === "Ceil" ? 1.01 : 0.01 * size;
        expect(Math.abs(value - values[i]!)).toBeLessThan(most);
      });
    }
  });
});

it("a random network runs in halves and stays near the one in floats", async () => {
  await fc.assert(
    fc.asyncProperty(randomNets(), async ({ graph: given, input: x }) => {
      const { graph } = await cleanGraph(given);
      const lowered = lowerFloat16(graph);
      expect(lowered.report.refused).toBeNull();
      const [exact, found] = [
        await runGraph(graph, { x }),
        await runGraph(lowered.graph, { x }, true),
      ];
      for (const { name } of graph.outputs) {
        const [a, b] = [floatsOf(exact[name]!), floatsOf(found[name]!)];
        const size = Math.max(1, ...a.map(Math.abs));
        a.forEach((value, i) => {
          if (Math.abs(value - b[i]!) > 0.05 * size) expect.fail(`${name}: ${value}, not ${b[i]}`);
        });
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);
