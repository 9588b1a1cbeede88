import { readFileSync } from "node:fs";
import { makeFloat, makeInt } from "@fieldloop/shared-node/onnx/attributes";
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { type Graph, makeGraph, makeValue, modelOf } from "@fieldloop/shared-node/onnx/graph";
import { makeNode } from "@fieldloop/shared-node/onnx/node";
import { dataOf, floatsOf, floatTensor, makeTensor } from "@fieldloop/shared-node/onnx/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  convAttributes,
  netBuilder,
  randomNumbers,
  randomTensor,
  runGraph,
} from "../../../../../shared/node/test/nets.ts";
import { randomNets } from "../../../../../shared/node/test/random-nets.ts";
import { cleanGraph } from "../passes/clean.ts";
import { notFused, readOperators } from "../verify-fusion.ts";
import { type DynamicOptions, quantiseDynamic } from "./dynamic.ts";
import { isMatrixHeavy, matrixShare } from "./matrix-heavy.ts";
import { named } from "./static.ts";

/** Computed with numpy; see golden.py beside the file. */
const golden: {
  readonly dynamic: readonly {
    readonly dims: [number, number, number];
    readonly reduced: boolean;
    readonly x: number[];
    readonly w: number[];
    readonly bias: number[];
    readonly scale: number[];
    readonly zeroPoint: number;
    readonly quantised: number[];
    readonly weightScales: number[];
    readonly quantisedWeights: number[];
    readonly y: number[];
  }[];
} = JSON.parse(
  readFileSync(
    new URL("../../../../../test/conformance/quantise/vectors.json", import.meta.url),
    "utf8",
  ),
);
const floats = (bits: number[]): Float32Array => new Float32Array(Uint32Array.from(bits).buffer);

type Net = ReturnType<typeof netBuilder>;

async function operatorsOf(graph: Graph, dims: readonly number[], options?: DynamicOptions) {
  const result = quantiseDynamic(graph, options);
  const bytes = encodeModel(modelOf(result.graph));
  const operators = await readOperators(bytes, { name: "x", type: "float32", dims });
  expect(notFused(named(graph), result.quantised, operators)).toEqual([]);
  return { ...result, operators };
}

describe("numbers", () => {
  it.each(golden.dynamic.map((vector, i) => ({ i, ...vector })))(
    "are those of vector $i, $dims",
    async ({ dims: [rows, inner, columns], reduced, ...vector }) => {
      const graph = makeGraph({
        opset: 13,
        inputs: [makeValue("x", "float32", [rows, inner])],
        outputs: [makeValue("y", "float32", null)],
        nodes: [makeNode("Gemm", ["x", "w", "b"], ["y"])],
        initializers: [
          floatTensor("w", [inner, columns], floats(vector.w)),
          floatTensor("b", [columns], floats(vector.bias)),
        ],
      });
      const { graph: after } = quantiseDynamic(graph, { reduced });
      expect([...dataOf(after.initializers.get("y_weight")!)]).toEqual(vector.quantisedWeights);
      expect(floatsOf(after.initializers.get("y_weight_scale")!)).toEqual(
        floats(vector.weightScales),
      );
      const seen = [
        makeValue("x_bytes", "uint8", null),
        makeValue("x_scale", "float32", null),
        makeValue("x_zero_point", "uint8", null),
      ];
      const x = floatTensor("x", [rows, inner], floats(vector.x));
      const made = await runGraph({ ...after, outputs: [...after.outputs, ...seen] }, { x });
      expect([...dataOf(made.x_bytes!)]).toEqual(vector.quantised);
      expect(floatsOf(made.x_scale!)).toEqual(floats(vector.scale));
      expect([...dataOf(made.x_zero_point!)]).toEqual([vector.zeroPoint]);
      const expected = floats(vector.y);
      for (const optimise of [false, true]) {
        const found = floatsOf((await runGraph(after, { x }, optimise)).y!);
        found.forEach((value, i) => {
          expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5 * (1 + Math.abs(expected[i]!)));
        });
      }
    },
  );
});

describe("what ONNX Runtime fuses to one node", () => {
  const cases: Record<string, { dims: number[]; build: (net: Net) => string }> = {
    "a MatMul": {
      dims: [3, 8],
      build: (net) => net.add("MatMul", ["x", net.weight([8, 5])]),
    },
    "a MatMul of a batch": {
      dims: [2, 3, 8],
      build: (net) => net.add("MatMul", ["x", net.weight([8, 5])]),
    },
    "a MatMul and the bias after it": {
      dims: [3, 8],
      build: (net) =>
        net.add("Add", [net.add("MatMul", ["x", net.weight([8, 5])]), net.weight([5])]),
    },
    "a Gemm with its bias": {
      dims: [3, 8],
      build: (net) => net.add("Gemm", ["x", net.weight([8, 5]), net.weight([5])]),
    },
    "a Gemm with transB, alpha and beta": {
      dims: [3, 8],
      build: (net) =>
        net.add(
          "Gemm",
          ["x", net.weight([5, 8]), net.weight([5])],
          [makeInt("transB", 1), makeFloat("alpha", 0.5), makeFloat("beta", -2)],
        ),
    },
  };

  it.each(Object.keys(cases))("%s", async (name) => {
    const net = netBuilder();
    const { dims, build } = cases[name]!;
    const { operators, quantised, left } = await operatorsOf(net.build(dims, [build(net)]), dims);
    expect(operators).toMatchObject({ int8: { DynamicQuantizeMatMul: 1 }, float: {} });
    expect(operators.conversions).toBe(0);
    expect(quantised.size).toBe(1);
    expect(left).toEqual([]);
  });

  it("several that take the same, with its bytes made once", async () => {
    const net = netBuilder();
    const x = net.add("Relu", ["x"]);
    const [a, b] = [0, 1].map(() => net.add("MatMul", [x, net.weight([8, 5])]));
    const { operators } = await operatorsOf(net.build([3, 8], [a!, b!]), [3, 8]);
    expect(operators.int8).toEqual({ DynamicQuantizeLinear: 1, MatMulIntegerToFloat: 2 });
  });

  it("every layer of a perceptron, and nothing else is quantised", async () => {
    const net = netBuilder();
    const hidden = net.add("Relu", [
      net.add("Gemm", ["x", net.weight([16, 32]), net.weight([32])]),
    ]);
    const graph = net.build([4, 16], [net.add("Gemm", [hidden, net.weight([32, 3])])]);
    const { operators } = await operatorsOf(graph, [4, 16], { reduced: true });
    expect(operators.int8).toEqual({ DynamicQuantizeMatMul: 2 });
    expect(operators.float).toEqual({ Relu: 1 });
  });
});

describe("what stays in float", () => {
  const whyOf = (build: (net: Net) => string, dims = [4, 4], options?: DynamicOptions) => {
    const net = netBuilder();
    const graph = net.build(dims, [build(net)]);
    const { left, graph: after } = quantiseDynamic(graph, options);
    expect(after.nodes.map(({ opType }) => opType)).toEqual(
      graph.nodes.map(({ opType }) => opType),
    );
    return left.map(({ why }) => why);
  };

  it("a convolution", () => {
    const conv = (net: Net) => net.add("Conv", ["x", net.weight([4, 3, 1, 1])], convAttributes(1));
    expect(whyOf(conv, [1, 3, 4, 4])).toEqual([
      "a convolution that quantises at run time is slower than in float",
    ]);
  });

  it("a Gemm that turns its input over, or scales a bias that is worked out", () => {
    const turned = (net: Net) => net.add("Gemm", ["x", net.weight([4, 4])], [makeInt("transA", 1)]);
    expect(whyOf(turned)).toEqual(["its first input is transposed"]);
    const scaled = (net: Net) =>
      net.add("Gemm", ["x", net.weight([4, 4]), net.add("Neg", ["x"])], [makeFloat("beta", 2)]);
    expect(whyOf(scaled)).toEqual(["its bias is no constant, and its beta is not 1"]);
  });

  it("a product of two activations, or with the weight on the left, or with a stack of weights", () => {
    expect(whyOf((net) => net.add("MatMul", ["x", "x"]))).toEqual(["its weight is no constant"]);
    expect(whyOf((net) => net.add("MatMul", [net.weight([4, 4]), "x"]))).toEqual([
      "its weight stands on the left",
    ]);
    expect(whyOf((net) => net.add("MatMul", ["x", net.weight([2, 4, 4])]))).toEqual([
      "its weight has 3 axes",
    ]);
  });

  it("what is excluded", () => {
    expect(
      whyOf((net) => net.add("MatMul", ["x", net.weight([4, 4])]), [4, 4], {
        excluded: new Set(["t0"]),
      }),
    ).toEqual(["it is excluded"]);
  });

  it("everything of an operator set that knows no DynamicQuantizeLinear", () => {
    const net = netBuilder({ opset: 10 });
    const graph = net.build([4, 4], [net.add("MatMul", ["x", net.weight([4, 4])])]);
    expect(quantiseDynamic(graph).left[0]?.why).toBe(
      "operator set 10 knows no DynamicQuantizeLinear",
    );
  });
});

/**
 * How far x · w may be off: half a step of each weight for every x, and a step of x (half for rounding,
 * half where its zero point was rounded) for every weight as it is stored.
 */
function bound(x: Float32Array, w: Float32Array, column: number, columns: number, steps: number) {
  const step = (Math.max(0, ...x) - Math.min(0, ...x)) / 255;
  const own = w.filter((_, i) => i % columns === column);
  const half = Math.max(...own.map(Math.abs)) / steps / 2;
  return (row: Float32Array): number =>
    row.reduce(
      (sum, value, i) => sum + Math.abs(value) * half + step * (Math.abs(own[i] ?? 0) + half),
      1e-5,
    );
}

it("any product is off by no more than its steps allow", async () => {
  const size = fc.integer({ min: 1, max: 12 });
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        seed: fc.nat(10_000),
        rows: size,
        inner: size,
        columns: size,
        shift: fc.double({ min: -3, max: 3, noNaN: true }),
        reduced: fc.boolean(),
        alpha: fc.constantFrom(1, 0.25, -2),
        turned: fc.boolean(),
      }),
      async ({ seed, rows, inner, columns, shift, reduced, alpha, turned }) => {
        const net = netBuilder({ seed });
        const weight = net.weight(turned ? [columns, inner] : [inner, columns]);
        const attributes = [makeFloat("alpha", alpha), makeInt("transB", turned ? 1 : 0)];
        const graph = net.build(
          [rows, inner],
          [net.add("Gemm", ["x", weight, net.weight([columns])], attributes)],
        );
        const random = randomNumbers(seed + 1);
        const x = randomTensor("x", [rows, inner], () => random() * 2 + shift);
        const after = quantiseDynamic(graph, { reduced }).graph;
        const [exact, found] = [await runGraph(graph, { x }), await runGraph(after, { x }, true)];
        const [a, b] = [floatsOf(exact.t0!), floatsOf(found.t0!)];
        const given = floatsOf(graph.initializers.get(weight)!);
        const w = Float32Array.from({ length: given.length }, (_, i) => {
          const [row, column] = [Math.floor(i / columns), i % columns];
          return alpha * given[turned ? column * inner + row : i]!;
        });
        const values = floatsOf(x);
        for (let column = 0; column < columns; column++) {
          const most = bound(values, w, column, columns, reduced ? 64 : 127);
          for (let row = 0; row < rows; row++) {
            const at = row * columns + column;
            const limit = most(values.subarray(row * inner, (row + 1) * inner));
            if (Math.abs(a[at]! - b[at]!) > limit)
              expect.fail(`${a[at]} became ${b[at]}, more than ${limit} away`);
          }
        }
      },
    ),
    { numRuns: 200 },
  );
}, 60_000);

it("any network runs and stays near the float one", async () => {
  await fc.assert(
    fc.asyncProperty(randomNets(), async ({ graph: given, input: x }) => {
      const { graph } = await cleanGraph(given);
      const { graph: after } = quantiseDynamic(graph);
      const [exact, found] = [await runGraph(graph, { x }), await runGraph(after, { x }, true)];
      for (const { name } of graph.outputs) {
        const [a, b] = [floatsOf(exact[name]!), floatsOf(found[name]!)];
        const largest = Math.max(1, ...a.map(Math.abs));
        a.forEach((value, i) => {
          if (Math.abs(value - b[i]!) > 0.1 * largest) expect.fail(`${value}, not ${b[i]}`);
        });
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);

it("an input of zeros gives the bias", async () => {
  const net = netBuilder();
  const bias = net.weight([5]);
  const graph = net.build([3, 8], [net.add("Gemm", ["x", net.weight([8, 5]), bias])]);
  const x = makeTensor({ name: "x", type: "float32", dims: [3, 8], data: new Float32Array(24) });
  const made = floatsOf((await runGraph(quantiseDynamic(graph).graph, { x }, true)).t0!);
  expect(made.subarray(0, 5)).toEqual(floatsOf(graph.initializers.get(bias)!));
});

describe("the share of matrices", () => {
  it("is counted in multiplications", () => {
    const net = netBuilder();
    const conv = net.add("Conv", ["x", net.weight([4, 1, 3, 3])], convAttributes(3, 1, 1, 2));
    const flat = net.add("Flatten", [conv]);
    const graph = net.build([1, 2, 5, 5], [net.add("Gemm", [flat, net.weight([100, 10])])]);
    expect(matrixShare(graph)).toEqual({ macs: 4 * 25 * 9 + 1000, matrixMacs: 1000 });
    expect(isMatrixHeavy(graph)).toBe(false);
    expect(isMatrixHeavy(graph, 0.5)).toBe(true);
  });

  it("counts a product of activations as work, but as none that can be quantised", () => {
    const net = netBuilder();
    const y = net.add("MatMul", ["x", net.weight([8, 8])]);
    const graph = net.build(["batch", 8, 8], [net.add("MatMul", [y, y])]);
    expect(matrixShare(graph)).toEqual({ macs: 1024, matrixMacs: 512 });
  });

  it("is not known where a picture's size is open, and 0 where there is nothing to count", () => {
    const net = netBuilder();
    const conv = net.add("Conv", ["x", net.weight([4, 2, 3, 3])], convAttributes(3));
    expect(matrixShare(net.build([1, 2, "height", "width"], [conv]))).toBeNull();
    const plain = netBuilder();
    const relu = plain.build([3], [plain.add("Relu", ["x"])]);
    expect(matrixShare(relu)).toEqual({ macs: 0, matrixMacs: 0 });
    expect(isMatrixHeavy(relu)).toBe(false);
  });
});
