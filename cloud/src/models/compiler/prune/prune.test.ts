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
import { chooseChannels, filterNorms } from "./choose.ts";
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
async function check(graph: Graph, share: number, dims: readonly number[]): Promise<number> {
  const trace = traceChannels(graph);
  const removed = chooseChannels(trace, filterNorms(graph, trace), { share });
  const silent = silence(graph, trace, removed);
  const pruned = applyPruning(graph, trace, removed);
  const feeds = { x: randomTensor("x", dims, netBuilder({ seed: 7 }).random) };
  const before = await runGraph(silent, feeds);
  const after = await runGraph(pruned, feeds, true);
  const types = inferTypes(pruned).types;
  for (const { name } of graph.outputs) {
    expect(after[name]!.dims).toEqual(before[name]!.dims);
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
        async (steps, seed, shown, share) => {
          if ((await check(build(steps, seed, shown), share, [1, 3, 6, 6])) > 0) pruned++;
        },
      ),
      { numRuns: 150 },
    );
    expect(pruned).toBeGreaterThan(100);
  }, 60_000);

  it("and so do networks of any operators, once they are cleaned", async () => {
    await fc.assert(
      fc.asyncProperty(randomNets(7), async ({ graph }) => {
        await check((await cleanGraph(graph)).graph, 0.5, [1, 3, 7, 6]);
      }),
      { numRuns: 80 },
    );
  }, 60_000);
});
