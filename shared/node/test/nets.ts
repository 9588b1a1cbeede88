/** Small random networks for tests of the codec and of passes. */
import { makeInt, makeInts } from "../src/onnx/attributes.ts";
import { encodeModel } from "../src/onnx/codec.ts";
import { type Graph, makeGraph, makeValue, modelOf } from "../src/onnx/graph.ts";
import { makeNode, type Node } from "../src/onnx/node.ts";
import type { AttributeProto } from "../src/onnx/proto.ts";
import { runModel } from "../src/onnx/run-model.ts";
import { countOf, floatsOf, floatTensor, type Tensor } from "../src/onnx/tensor.ts";

/** Numbers in [-1, 1), the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = (seed * 2654435761 + 1) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

export function randomTensor(name: string, dims: readonly number[], random: () => number): Tensor {
  return floatTensor(name, dims, Float32Array.from({ length: countOf(dims) }, random));
}

/** A graph under construction: each `add` gives the name of the new tensor. */
export function netBuilder(options: { readonly opset?: number; readonly seed?: number } = {}): {
  readonly random: () => number;
  add(
    opType: string,
    inputs: readonly string[],
    attributes?: readonly AttributeProto[],
    outputs?: number,
  ): string;
  weight(dims: readonly number[], of?: (value: number) => number): string;
  constant(tensor: Tensor): string;
  build(input: readonly (number | string)[], outputs: readonly string[]): Graph;
} {
  const nodes: Node[] = [];
  const initializers: Tensor[] = [];
  const random = randomNumbers(options.seed ?? 1);
  return {
    random,
    add(opType, inputs, attributes = [], outputs = 1) {
      const first = `t${nodes.length}`;
      const names = Array.from({ length: outputs }, (_, i) => (i === 0 ? first : `${first}_${i}`));
      nodes.push(makeNode(opType, inputs, names, attributes));
      return first;
    },
    weight(dims, of = (value) => value) {
      const name = `w${initializers.length}`;
      initializers.push(randomTensor(name, dims, () => of(random())));
      return name;
    },
    constant(tensor) {
      initializers.push(tensor);
      return tensor.name;
    },
    build(input, outputs) {
      return makeGraph({
        opset: options.opset ?? 13,
        nodes,
        inputs: [makeValue("x", "float32", input)],
        outputs: outputs.map((name) => makeValue(name, "float32", null)),
        initializers,
      });
    },
  };
}

/** Adds the weights and statistics of a BatchNormalization as a trained one has them. */
export function batchNorm(
  net: ReturnType<typeof netBuilder>,
  input: string,
  channels: number,
): string {
  return net.add("BatchNormalization", [
    input,
    net.weight([channels], (value) => 1 + 0.4 * value),
    net.weight([channels], (value) => 0.3 * value),
    net.weight([channels], (value) => 0.5 * value),
    net.weight([channels], (value) => 0.6 + 0.5 * value),
  ]);
}

export function convAttributes(kernel: number, stride = 1, pad = 0, group = 1): AttributeProto[] {
  return [
    makeInts("kernel_shape", [kernel, kernel]),
    makeInts("strides", [stride, stride]),
    makeInts("pads", [pad, pad, pad, pad]),
    makeInt("group", group),
  ];
}

/** Outputs of a graph, by name. */
export async function runGraph(
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
  optimise = false,
): Promise<Readonly<Record<string, Tensor>>> {
  return await runModel(encodeModel(modelOf(graph)), { feeds, optimise });
}

/** The largest difference of two graphs' outputs (in their order) on the same input. */
export async function largestDifference(
  a: Graph,
  b: Graph,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<number> {
  const [left, right] = [await runGraph(a, feeds), await runGraph(b, feeds)];
  let largest = 0;
  a.outputs.forEach(({ name }, i) => {
    const one = left[name] as Tensor; // every output comes back
    const other = right[b.outputs[i]?.name ?? name] as Tensor; // likewise
    if (`${one.dims}` !== `${other.dims}`) throw new Error(`[${one.dims}] is not [${other.dims}]`);
    const values = floatsOf(other);
    floatsOf(one).forEach((value, at) => {
      const twin = values[at] as number; // as many, as just checked
      const difference = Object.is(value, twin) ? 0 : Math.abs(value - twin);
      largest = Math.max(largest, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
    });
  });
  return largest;
}
