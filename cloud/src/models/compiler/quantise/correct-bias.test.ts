import { makeInt, makeInts } from "@fieldloop/shared-node/onnx/attributes";
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { type Graph, makeGraph, makeValue, modelOf } from "@fieldloop/shared-node/onnx/graph";
import { makeNode } from "@fieldloop/shared-node/onnx/node";
import { runModel } from "@fieldloop/shared-node/onnx/run-model";
import { dataOf, floatsOf, floatTensor, type Tensor } from "@fieldloop/shared-node/onnx/tensor";
import { describe, expect, it } from "vitest";
import { randomNumbers, randomTensor } from "../../../../../shared/node/test/nets.ts";
import type { Range } from "../calibrate/range.ts";
import { addNoise, sqnrDb } from "../sqnr.ts";
import { notFused, readOperators } from "../verify-fusion.ts";
import { correctBias } from "./correct-bias.ts";
import { lookInside } from "./expose.ts";
import { calibratedTensors, named, type Quantised, quantiseStatic } from "./static.ts";

const input = { name: "x", dims: [1, 8, 10, 10], type: "float32" } as const;
const pads = [makeInts("pads", [1, 1, 1, 1])];

/** Values that are mostly positive, as behind a rectifier: then rounded weights move the mean. */
function sample(seed: number): Float32Array {
  const random = randomNumbers(seed);
  return Float32Array.from({ length: 800 }, () => 1 + random());
}
const fills = [1, 2, 3, 4, 5, 6].map((seed) => (data: { set(values: Float32Array): void }) => {
  data.set(sample(seed));
});

/** One large weight per channel, so the others take few steps and are rounded coarsely. */
function coarse(name: string, dims: readonly number[], seed: number): Tensor {
  const tensor = randomTensor(name, dims, randomNumbers(seed));
  const each = dims.slice(1).reduce((product, dim) => product * dim, 1);
  const values = floatsOf(tensor).map((value, i) => (i % each === 0 ? value / 2 : value / 60));
  return floatTensor(name, dims, values);
}

function deep(layers = 5): Graph {
  const nodes = Array.from({ length: layers }, (_, i) => [
    makeNode("Conv", [i === 0 ? "x" : `r${i - 1}`, `w${i}`, `b${i}`], [`c${i}`], pads),
    makeNode("Relu", [`c${i}`], [`r${i}`]),
  ]).flat();
  return makeGraph({
    opset: 13,
    inputs: [makeValue("x", "float32", input.dims)],
    outputs: [makeValue("y", "float32", null)],
    nodes: [
      ...nodes,
      makeNode("GlobalAveragePool", [`r${layers - 1}`], ["g"]),
      makeNode("Flatten", ["g"], ["f"]),
      makeNode("Gemm", ["f", "wg"], ["y"], [makeInt("transB", 1)]),
    ],
    initializers: [
      ...Array.from({ length: layers }, (_, i) => [
        coarse(`w${i}`, [8, 8, 3, 3], i + 1),
        randomTensor(`b${i}`, [8], randomNumbers(i + 50)),
      ]).flat(),
      randomTensor("wg", [6, 8], randomNumbers(70)),
    ],
  });
}

async function rangesOf(graph: Graph): Promise<ReadonlyMap<string, Range>> {
  const ranges = new Map<string, Range>();
  await lookInside({
    graph,
    input,
    tensors: calibratedTensors(graph),
    fills,
    see: (tensor, values) => {
      const old = ranges.get(tensor) ?? { min: 0, max: 0 };
      const [min, max] = [Math.min(old.min, ...values), Math.max(old.max, ...values)];
      ranges.set(tensor, { min, max });
    },
  });
  return ranges;
}

const correct = (graph: Graph, ranges: ReadonlyMap<string, Range>, reduced = true) =>
  correctBias({ prepared: { graph, graphInput: input }, ranges, options: { reduced }, fills });

/** Of the output on samples that had no part in the correction. */
async function noiseOf(graph: Graph, quantised: Quantised): Promise<number> {
  const sum = { signal: 0, noise: 0 };
  for (const seed of [21, 22, 23, 24]) {
    const feeds = { x: floatTensor("x", input.dims, sample(seed)) };
    const exact = await runModel(encodeModel(modelOf(graph)), { feeds });
    const found = await runModel(encodeModel(modelOf(quantised.graph)), { feeds, optimise: true });
    addNoise(sum, floatsOf(exact.y!), floatsOf(found.y!));
  }
  return sqnrDb(sum);
}

describe("corrected biases", () => {
  it("bring the output nearer to the float one on other samples, with 7 and with 8 bits", async () => {
    const graph = deep();
    const ranges = await rangesOf(graph);
    for (const reduced of [true, false]) {
      const plain = await noiseOf(graph, quantiseStatic(graph, ranges, { reduced }));
      const { quantised, nodes, left } = await correct(graph, ranges, reduced);
      expect(await noiseOf(graph, quantised)).toBeGreaterThan(plain + 3);
      expect(nodes.map(({ node }) => node)).toEqual(["c0", "c1", "c2", "c3", "c4", "y"]);
      for (const { shift } of nodes) expect(shift).toBeGreaterThan(0);
      expect(left).toEqual([]);
    }
  });

  it("make every layer's means those of the float one", async () => {
    const graph = deep();
    const { quantised, nodes } = await correct(graph, await rangesOf(graph));
    const before = Math.max(...nodes.map(({ shift }) => shift));
    const sums = new Map<string, Float64Array>();
    const collect = async (of: Graph, tensors: string[], sign: number): Promise<void> => {
      const look = { graph: of, input, tensors, fills };
      await lookInside({
        ...look,
        see: (tensor, values) => {
          const key = tensor.replace("r", "c");
          const sum = sums.get(key) ?? new Float64Array(8);
          values.forEach((value, i) => {
            const channel = Math.floor(i / 100);
            sum[channel] = sum[channel]! + (sign * value) / 100 / fills.length;
          });
          sums.set(key, sum);
        },
      });
    };
    await collect(graph, ["c0", "c1", "c2", "c3", "c4"], 1);
    // In the quantised graph a Conv writes what its Relu did.
    await collect(quantised.graph, ["r0", "r1", "r2", "r3", "r4"], -1);
    for (const sum of sums.values())
      for (const value of sum) expect(Math.abs(value)).toBeLessThan(before / 20);
  });

  it("give the same model with `quantiseStatic`, in other mixes too", async () => {
    const graph = deep(2);
    const ranges = await rangesOf(graph);
    const { biases, quantised } = await correct(graph, ranges);
    const again = quantiseStatic(graph, ranges, { reduced: true, biases });
    expect(encodeModel(modelOf(again.graph))).toEqual(encodeModel(modelOf(quantised.graph)));
    const mixed = quantiseStatic(graph, ranges, { biases, excluded: new Set(["c1"]) });
    expect(mixed.graph.initializers.get("b1")).toBe(graph.initializers.get("b1"));
  });

  it("are given to layers without one, and fuse as before", async () => {
    const graph = deep(2);
    const { biases, quantised } = await correct(graph, await rangesOf(graph));
    expect(biases.get("y")).toHaveLength(6);
    const operators = await readOperators(encodeModel(modelOf(quantised.graph)), input);
    expect(notFused(named(graph), quantised.plan.quantised, operators)).toEqual([]);
    expect(operators.float).toEqual({});
    expect(operators.int8).toMatchObject({ QLinearConv: 2, QGemm: 1 });
  });

  it("fit into 32 bits where a channel is nearly dead", async () => {
    const graph = deep(2);
    const w0 = floatsOf(graph.initializers.get("w0")!);
    w0.fill(1e-12, 0, 72);
    const initializers = new Map(graph.initializers).set("w0", floatTensor("w0", [8, 8, 3, 3], w0));
    const dead = { ...graph, initializers };
    const { biases, quantised } = await correct(dead, await rangesOf(dead));
    const node = quantised.graph.nodes.find(({ name }) => name === "c0");
    const dequantise = quantised.graph.nodes.find(({ outputs }) => outputs[0] === node?.inputs[2]);
    const [stored = "", scale = ""] = dequantise?.inputs ?? [];
    const whole = dataOf(quantised.graph.initializers.get(stored)!) as Int32Array;
    const steps = floatsOf(quantised.graph.initializers.get(scale)!);
    biases.get("c0")?.forEach((value, i) => {
      expect(Math.abs(whole[i]!)).toBeLessThan(2 ** 31 - 1);
      expect(whole[i]! * steps[i]!).toBeCloseTo(value, 4);
    });
  });

  it("are none for a MatMul, which is said", async () => {
    const base = deep(1);
    const last = base.nodes.at(-1)!;
    const graph = {
      ...base,
      nodes: [...base.nodes.slice(0, -1), { ...last, opType: "MatMul", attributes: [] }],
      initializers: new Map(base.initializers).set(
        "wg",
        randomTensor("wg", [8, 6], randomNumbers(1)),
      ),
    };
    const { left, nodes } = await correct(graph, await rangesOf(graph));
    expect(left).toEqual([{ node: "y", why: "a MatMul has no bias" }]);
    expect(nodes.map(({ node }) => node)).toEqual(["c0"]);
  });

  it("tell how far they are", async () => {
    const graph = deep(2);
    const seen: number[] = [];
    await correctBias({
      prepared: { graph, graphInput: input },
      ranges: await rangesOf(graph),
      fills,
      progress: (share) => seen.push(share),
    });
    expect(seen).toEqual([1 / 3, 2 / 3, 1]);
  });
});
