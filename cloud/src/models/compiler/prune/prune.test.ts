import { makeInt, makeInts } from "@fieldloop/shared-node/onnx/attributes";
import { edit, namer } from "@fieldloop/shared-node/onnx/edit";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import type { Node } from "@fieldloop/shared-node/onnx/node";
import { inferTypes } from "@fieldloop/shared-node/onnx/shapes/infer";
import { countOf, floatsOf, floatTensor, int64Tensor } from "@fieldloop/shared-node/onnx/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  convAttributes,
  netBuilder,
  randomTensor,
  runGraph,
} from "../../../../../shared/node/test/nets.ts";
import { randomNets } from "../../../../../shared/node/test/random-nets.ts";
import { cleanGraph } from "../passes/clean.ts";
import { applyPruning, type Removed } from "./apply.ts";
import { type ChooseOptions, chooseChannels, filterNorms } from "./choose.ts";
import { layerCosts, totalOf } from "./costs.ts";
import { magnitudes } from "./magnitude.ts";
import { type Trace, traceChannels } from "./trace.ts";

/** The graph with the filters and biases of these channels at zero. */
function silence(graph: Graph, trace: Trace, removed: Removed): Graph {
  const name = namer(graph);
  const replace = new Map<Node, readonly Node[]>();
  const initializers = [];
  for (const node of graph.nodes) {
    const inputs = [...node.inputs];
    for (const member of trace.members) {
      if (member.node !== node || member.kind !== "slice" || member.role === "follows") continue;
      const tensor = graph.initializers.get(node.inputs[member.input]!)!;
      const inner = countOf(tensor.dims.slice(member.axis + 1));
      const data = floatsOf(tensor).map((value, i) =>
        removed.has(member.atoms[Math.floor(i / inner) % member.atoms.length]!) ? 0 : value,
      );
      inputs[member.input] = name("silent");
      initializers.push(floatTensor(inputs[member.input]!, tensor.dims, data));
    }
    replace.set(node, [{ ...node, inputs }]);
  }
  return edit(graph, { replace, initializers });
}

const kinds = [
  "Conv",
  "Depthwise",
  "Multiplied",
  "Relu",
  "HardSwish",
  "Sigmoid",
  "Bias",
  "Add",
  "Mul",
  "Concat",
  "Split",
  "Gate",
  "Norm",
  "MaxPool",
  "Pad",
  "Softmax",
] as const;
type Step = readonly [kind: (typeof kinds)[number], other: number];

/** Heights and widths stay; numbers of channels change with the steps. */
function build(steps: readonly Step[], seed: number, shown: boolean): Graph {
  const net = netBuilder({ seed, opset: 14 });
  const made: { name: string; channels: number }[] = [];
  const conv = (name: string, channels: number, from: number) =>
    net.add(
      "Conv",
      [name, net.weight([channels, from, 3, 3], (v) => v / 3), net.weight([channels])],
      convAttributes(3, 1, 1),
    );
  let name = conv("x", 5, 3);
  let channels = 5;
  for (const [kind, pick] of steps) {
    made.push({ name, channels });
    const other = made[pick % made.length]!;
    if (kind === "Conv") {
      const count = 3 + (pick % 5);
      name = conv(name, count, channels);
      channels = count;
    } else if (kind === "Depthwise" || kind === "Multiplied") {
      const times = kind === "Multiplied" ? 2 : 1;
      const weight = net.weight([times * channels, 1, 3, 3]);
      const bias = net.weight([times * channels]);
      name = net.add("Conv", [name, weight, bias], convAttributes(3, 1, 1, channels));
      channels *= times;
    } else if (kind === "Add" || kind === "Mul") {
      const side =
        other.channels === channels ? other.name : conv(other.name, channels, other.channels);
      name = net.add(kind, [name, side]);
    } else if (kind === "Bias")
      name = net.add(pick % 2 ? "Add" : "Sub", [name, net.weight([channels, 1, 1])]);
    else if (kind === "Concat") {
      name = net.add("Concat", [name, other.name], [makeInt("axis", 1)]);
      channels += other.channels;
    } else if (kind === "Split") {
      const sizes = net.constant(int64Tensor(`s${made.length}`, [2, channels - 2]));
      const first = net.add("Split", [name, sizes], [makeInt("axis", 1)], 2);
      name = net.add("Concat", [`${first}_1`, first], [makeInt("axis", 1)]);
    } else if (kind === "Gate") {
      const mean = net.add("GlobalAveragePool", [name]);
      const squeezed = net.add("Conv", [mean, net.weight([channels, channels, 1, 1])]);
      name = net.add("Mul", [name, net.add("Sigmoid", [squeezed])]);
    } else if (kind === "Norm") {
      const [scale, shift] = [net.weight([channels]), net.weight([channels])];
      name = net.add("InstanceNormalization", [name, scale, shift]);
    } else if (kind === "MaxPool")
      name = net.add(
        "MaxPool",
        [name],
        [makeInts("kernel_shape", [3, 3]), makeInts("pads", [1, 1, 1, 1])],
      );
    else if (kind === "Pad") {
      const pads = net.constant(int64Tensor(`p${made.length}`, [0, 0, 0, 0, 0, 0, 0, 0]));
      name = net.add("Pad", [name, pads]);
    } else if (kind === "Softmax") name = net.add(kind, [name], [makeInt("axis", 1)]);
    else name = net.add(kind, [name]);
  }
  const last = conv(name, 4, channels);
  const flat = net.add("Flatten", [seed % 2 ? net.add("GlobalAveragePool", [last]) : last]);
  const columns = seed % 2 ? 4 : 4 * 36;
  const hidden = net.add("Gemm", [flat, net.weight([columns, 6]), net.weight([6])]);
  const scores = net.add("Gemm", [hidden, net.weight([3, 6])], [makeInt("transB", 1)]);
  return net.build([1, 3, 6, 6], shown ? [scores, made.at(-1)?.name ?? scores] : [scores]);
}

/** Takes a share out and compares with the same channels at zero; shapes are what inference says. */
async function check(
  graph: Graph,
  { share, block = 1 }: ChooseOptions,
  dims: readonly number[],
): Promise<number> {
  const trace = traceChannels(graph);
  const removed = chooseChannels(trace, filterNorms(graph, trace), { share, block });
  const silent = silence(graph, trace, removed);
  const pruned = applyPruning(graph, trace, removed);
  const feeds = { x: randomTensor("x", dims, netBuilder({ seed: 7 }).random) };
  const before = await runGraph(silent, feeds);
  const after = await runGraph(pruned, feeds);
  // Loads, with the right shapes. Its values are no measure: ONNX Runtime draws a Pad of zeros into a
  // MaxPool, which pads with less than any number, and refuses where two Pads make more than the pool
  // is wide, in unpruned networks too.
  const loads = await runGraph(silent, feeds, true).then(
    () => true,
    () => false,
  );
  const optimised = loads ? await runGraph(pruned, feeds, true) : after;
  const types = inferTypes(pruned).types;
  for (const { name } of graph.outputs) {
    expect(after[name]!.dims).toEqual(before[name]!.dims);
    expect(optimised[name]!.dims).toEqual(before[name]!.dims);
    const said = types.get(name)?.shape;
    if (said?.every((dim) => typeof dim === "number")) expect(after[name]!.dims).toEqual(said);
    const values = floatsOf(after[name]!);
    const size = Math.max(1, ...floatsOf(before[name]!).map(Math.abs));
    floatsOf(before[name]!).forEach((value, i) => {
      const same = Object.is(value, values[i]) || Math.abs(value - values[i]!) <= 1e-4 * size;
      if (!same) expect.fail(`${name}: ${value} became ${values[i]}`);
    });
  }
  return removed.size;
}

describe("pruned networks", () => {
  it("compute what they did with those filters and biases at zero", async () => {
    let pruned = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...kinds), fc.nat(11)), { maxLength: 7 }),
        fc.nat(1000),
        fc.boolean(),
        fc.double({ min: 0.2, max: 0.95, noNaN: true }),
        fc.constantFrom(1, 2),
        async (steps, seed, shown, share, block) => {
          const graph = build(steps, seed, shown);
          if ((await check(graph, { share, block }, [1, 3, 6, 6])) > 0) pruned++;
        },
      ),
      { numRuns: 150 },
    );
    expect(pruned).toBeGreaterThan(100);
  }, 60_000);

  it("and so do networks of any operators, once they are cleaned", async () => {
    await fc.assert(
      fc.asyncProperty(randomNets(7), async ({ graph }) => {
        await check((await cleanGraph(graph)).graph, { share: 0.5 }, [1, 3, 7, 6]);
      }),
      { numRuns: 80 },
    );
  }, 60_000);
});

/** A network whose parts are named, to see which hang together. */
function residual(last: string): Graph {
  const net = netBuilder();
  const first = net.add("Conv", ["x", net.weight([8, 3, 1, 1])]); // t0
  const side = net.add("Conv", [first, net.weight([8, 8, 1, 1])]); // t1
  const sum = net.add("Add", [net.add("Relu", [first]), side]); // t2, t3
  const joined = net.add(
    "Concat",
    [sum, net.add("Conv", [sum, net.weight([4, 8, 1, 1])])],
    [makeInt("axis", 1)],
  ); // t4, t5
  const end = net.add(last, [joined], last === "LRN" ? [makeInt("size", 3)] : []);
  const flat = net.add("Flatten", [net.add("GlobalAveragePool", [end])]);
  return net.build([1, 3, 4, 4], [net.add("Gemm", [flat, net.weight([12, 2])])]);
}

describe("what hangs together", () => {
  it("is found over sums and joints, and the output stays", () => {
    const { groups } = traceChannels(residual("Relu"));
    const seen = groups.map(({ sources, channels }) => [
      sources.map(({ name }) => name),
      channels.length,
      channels.find(({ locked }) => locked !== null)?.locked ?? null,
    ]);
    expect(seen).toEqual([
      [["t0", "t1"], 8, null],
      [["t4"], 4, null],
      [["t9"], 2, "the model's output t9 shows them"],
    ]);
  });

  it("is left alone where an operator is not known, with its name", () => {
    const graph = residual("LRN");
    const trace = traceChannels(graph);
    expect(trace.groups.slice(0, 2).map(({ channels }) => channels[0]?.locked)).toEqual([
      "LRN (t6) is not known here",
      "LRN (t6) is not known here",
    ]);
    expect(chooseChannels(trace, filterNorms(graph, trace), { share: 0.9 }).size).toBe(0);
  });

  it("is left alone where a missing channel would not be zero", () => {
    const [first] = traceChannels(residual("Sigmoid")).groups;
    expect(first?.channels[0]?.locked).toMatch(/before t9 makes something else than zero/);
  });

  it("loses the channels whose filters have the smallest norms", () => {
    const net = netBuilder();
    const weight = floatTensor("", [4, 1, 1, 1], Float32Array.of(0.5, 0, -2, 0.4));
    const wide = net.add("Conv", ["x", net.constant({ ...weight, name: "w" })]);
    const graph = net.build([1, 1, 2, 2], [net.add("Conv", [wide, net.weight([1, 4, 1, 1])])]);
    const trace = traceChannels(graph);
    const removed = chooseChannels(trace, filterNorms(graph, trace), { share: 0.5 });
    const pruned = applyPruning(graph, trace, removed);
    const [kept, taken] = [...pruned.initializers.values()];
    expect(kept && [...floatsOf(kept)]).toEqual([0.5, -2]);
    expect(taken?.dims).toEqual([1, 2, 1, 1]);
    const [before, after] = [layerCosts(graph, trace), layerCosts(graph, trace, removed)];
    expect(totalOf(before.values())).toEqual({ parameters: 8, macs: 32, bytes: 32 });
    expect(totalOf(after.values())).toEqual({ parameters: 4, macs: 16, bytes: 16 });
    expect(magnitudes(graph)[0]).toMatchObject({ weights: 4, zero: 0.25, nearZero: 0.25 });
  });

  it("keeps whole blocks of channels, as near as can be to the share", () => {
    const net = netBuilder();
    const wide = net.add("Conv", ["x", net.weight([48, 3, 1, 1])]);
    const graph = net.build([1, 3, 2, 2], [net.add("Conv", [wide, net.weight([1, 48, 1, 1])])]);
    const trace = traceChannels(graph);
    const counts = [0.1, 0.2, 0.3, 0.99].map(
      (share) => 48 - chooseChannels(trace, filterNorms(graph, trace), { share, block: 8 }).size,
    );
    expect(counts).toEqual([40, 40, 32, 8]);
  });
});
