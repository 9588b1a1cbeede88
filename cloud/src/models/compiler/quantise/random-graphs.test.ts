/** Any mix of nodes in 8 bits and in float, of any small network, runs and stays near the float one. */
import { makeInt, makeInts } from "@fieldloop/shared-node/onnx/attributes";
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { type Graph, makeGraph, makeValue, modelOf } from "@fieldloop/shared-node/onnx/graph";
import { makeNode, type Node } from "@fieldloop/shared-node/onnx/node";
import { runModel } from "@fieldloop/shared-node/onnx/run-model";
import { floatsOf, floatTensor, type Tensor } from "@fieldloop/shared-node/onnx/tensor";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Range } from "../calibrate/range.ts";
import { notFused, readOperators } from "../verify-fusion.ts";
import { lookInside } from "./expose.ts";
import { calibratedTensors, named, quantiseStatic } from "./static.ts";

const input = { name: "x", dims: [1, 4, 8, 8], type: "float32" } as const;
const kinds = [
  "Conv",
  "Depthwise",
  "Relu",
  "Clip",
  "Add",
  "Mul",
  "Concat",
  "MaxPool",
  "Sigmoid",
  "HardSwish",
  "Transpose",
] as const;
type Kind = (typeof kinds)[number];

/** A step takes the last tensor and, where it needs a second, one of those before. */
interface Step {
  readonly kind: Kind;
  readonly other: number;
}

function values(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898 + seed * 78.233) * 0.7);
}

/** All tensors have the shape of the input, so any two of them can be joined. */
function build(steps: readonly Step[], outputs: number): Graph {
  const nodes: Node[] = [];
  const initializers: Tensor[] = [
    floatTensor("least", [], Float32Array.of(-0.5)),
    floatTensor("most", [], Float32Array.of(0.8)),
  ];
  const made = ["x"];
  const conv = (from: string, to: string, channels: number, group: number): Node => {
    const seed = nodes.length + 1;
    const dims = [4, channels / group, 3, 3];
    const count = dims.reduce((product, dim) => product * dim, 1);
    initializers.push(
      floatTensor(
        `w_${to}`,
        dims,
        values(count, seed).map((w) => w / 3),
      ),
    );
    initializers.push(floatTensor(`b_${to}`, [4], values(4, seed)));
    const attributes = [makeInts("pads", [1, 1, 1, 1]), makeInt("group", group)];
    return makeNode("Conv", [from, `w_${to}`, `b_${to}`], [to], attributes);
  };
  steps.forEach(({ kind, other }, i) => {
    const last = made.at(-1) ?? "x";
    const second = made[other % made.length] ?? "x";
    const to = `t${i}`;
    if (kind === "Conv") nodes.push(conv(last, to, 4, 1));
    else if (kind === "Depthwise") nodes.push(conv(last, to, 4, 4));
    else if (kind === "Clip") nodes.push(makeNode("Clip", [last, "least", "most"], [to]));
    else if (kind === "Add" || kind === "Mul") nodes.push(makeNode(kind, [last, second], [to]));
    else if (kind === "Concat") {
      nodes.push(makeNode("Concat", [last, second], [`${to}_joined`], [makeInt("axis", 1)]));
      nodes.push(conv(`${to}_joined`, to, 8, 1));
    } else if (kind === "MaxPool") {
      const shape = [makeInts("kernel_shape", [3, 3]), makeInts("pads", [1, 1, 1, 1])];
      nodes.push(makeNode("MaxPool", [last], [to], shape));
    } else if (kind === "Transpose")
      nodes.push(makeNode("Transpose", [last], [to], [makeInts("perm", [0, 1, 3, 2])]));
    else nodes.push(makeNode(kind, [last], [to]));
    made.push(to);
  });
  nodes.push(conv(made.at(-1) ?? "x", "end", 4, 1));
  const names = new Set(["end", ...made.slice(1).slice(-outputs)]);
  return makeGraph({
    opset: 14,
    inputs: [makeValue("x", "float32", [1, 4, 8, 8])],
    outputs: [...names].map((name) => makeValue(name, "float32", [1, 4, 8, 8])),
    nodes,
    initializers,
  });
}

const step = fc.record({ kind: fc.constantFrom(...kinds), other: fc.nat(9) });

it("a random network in a random mix runs as planned, near the float one", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 9 }),
      fc.nat(2),
      fc.array(fc.nat(12), { maxLength: 4 }),
      async (steps, outputs, left) => {
        const graph = build(steps, outputs);
        const ranges = new Map<string, Range>();
        const x = values(256, 99);
        await lookInside({
          graph,
          input,
          tensors: calibratedTensors(graph),
          fills: [(data) => data.set(x)],
          see: (tensor, seen) =>
            ranges.set(tensor, { min: Math.min(...seen), max: Math.max(...seen) }),
        });
        const keys = graph.nodes.map(({ outputs: [name = ""] }) => name);
        const excluded = new Set(left.map((i) => keys[i % keys.length] ?? ""));
        const quantised = quantiseStatic(graph, ranges, { excluded });
        const bytes = encodeModel(modelOf(quantised.graph));
        const feeds = { x: floatTensor("x", input.dims, x) };
        const exact = await runModel(encodeModel(modelOf(graph)), { feeds });
        const found = await runModel(bytes, { feeds, optimise: true });
        for (const { name } of graph.outputs) {
          const [a, b] = [floatsOf(exact[name]!), floatsOf(found[name]!)];
          const size = Math.max(0.1, ...a.map(Math.abs));
          a.forEach((value, i) => {
            if (Math.abs(value - b[i]!) > 0.25 * size)
              expect.fail(`${name}: ${value}, not ${b[i]}`);
          });
        }
        const operators = await readOperators(bytes, input);
        expect(notFused(named(graph), quantised.plan.quantised, operators)).toEqual([]);
        expect(operators.int8.QLinearConv ?? 0).toBe(quantised.plan.weights.length);
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);
