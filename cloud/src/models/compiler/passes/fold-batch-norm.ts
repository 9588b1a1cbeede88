/**
 * BatchNormalization behind a Conv, ConvTranspose or Gemm becomes part of its weights: with
 * f = scale / sqrt(variance + epsilon), w' = w·f and b' = (b - mean)·f + bias, per output channel.
 * The sums are done in 64 bits and rounded once.
 */
import { floatOf, intOf, makeFloat, withAttributes } from "@fieldloop/shared-node/onnx/attributes";
import { edit, namer } from "@fieldloop/shared-node/onnx/edit";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { type Links, linksOf, soleConsumer } from "@fieldloop/shared-node/onnx/links";
import { labelOf, type Node } from "@fieldloop/shared-node/onnx/node";
import { floatsOf, floatTensor, type Tensor } from "@fieldloop/shared-node/onnx/tensor";
import type { PassResult } from "./pass.ts";

const foldable = new Set(["Conv", "ConvTranspose", "Gemm"]);

export function foldBatchNorm(graph: Graph): PassResult {
  const links = linksOf(graph);
  const name = namer(graph);
  const replace = new Map<Node, readonly Node[]>();
  const initializers: Tensor[] = [];
  const left: { node: string; why: string }[] = [];
  for (const norm of graph.nodes) {
    if (norm.opType !== "BatchNormalization" || norm.domain !== "") continue;
    const result = foldOne(graph, links, norm);
    if (typeof result === "string") {
      left.push({ node: labelOf(norm), why: result });
      continue;
    }
    const { before, weight, bias } = result;
    const [weightName, biasName] = [name(`${weight.name}_bn`), name(`${norm.outputs[0]}_bias`)];
    initializers.push(floatTensor(weightName, weight.dims, weight.data));
    initializers.push(floatTensor(biasName, [bias.length], bias));
    const inputs = [before.inputs[0] ?? "", weightName, biasName];
    const attributes =
      before.opType === "Gemm" ? withAttributes(before, [makeFloat("beta", 1)]) : before.attributes;
    replace.set(before, []);
    replace.set(norm, [{ ...before, inputs, attributes, outputs: [norm.outputs[0] ?? ""] }]);
  }
  return {
    graph: edit(graph, { replace, initializers }),
    report: { pass: "fold-batch-norm", changed: initializers.length / 2, left },
  };
}

interface Folded {
  readonly before: Node;
  readonly weight: {
    readonly name: string;
    readonly dims: readonly number[];
    readonly data: Float32Array;
  };
  readonly bias: Float32Array;
}

/** @returns a reason where it cannot be done */
function foldOne(graph: Graph, links: Links, norm: Node): Folded | string {
  const before = links.producers.get(norm.inputs[0] ?? "");
  if (before === undefined || before.domain !== "" || !foldable.has(before.opType)) {
    return "it follows no Conv, ConvTranspose or Gemm";
  }
  if (soleConsumer(links, norm.inputs[0] ?? "") !== norm) {
    return `other nodes need the output of ${labelOf(before)} as well`;
  }
  if (intOf(norm, "training_mode", 0) === 1 || norm.outputs.length > 1)
    return "it is in training mode";
  const statistics = norm.inputs.slice(1, 5).map((input) => floatConstant(graph, input));
  const [scale, shift, mean, variance] = statistics;
  const weight = floatConstant(graph, before.inputs[1] ?? "");
  if (!scale || !shift || !mean || !variance || !weight)
    return "its numbers are no float32 constants";
  const epsilon = floatOf(norm, "epsilon", 1e-5);
  const channels = scale.data.length;
  const factor = Array.from(scale.data, (s, c) => s / Math.sqrt((variance.data[c] ?? 0) + epsilon));
  if (!factor.every(Number.isFinite)) return "its variance is negative or no number";
  const old = oldBias(graph, before, channels);
  if (old === undefined) return `the bias of ${labelOf(before)} is no constant per channel`;
  const channelOf = channelIndex(before, weight.dims);
  if (channelOf === undefined || outputChannels(before, weight.dims) !== channels) {
    return `it has ${channels} channels and ${labelOf(before)} another number`;
  }
  return {
    before,
    weight: {
      name: weight.name,
      dims: weight.dims,
      data: weight.data.map((w, i) => w * (factor[channelOf(i)] ?? 1)),
    },
    bias: Float32Array.from(
      old,
      (b, c) => (b - (mean.data[c] ?? 0)) * (factor[c] ?? 1) + (shift.data[c] ?? 0),
    ),
  };
}

interface Floats {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

function floatConstant(graph: Graph, name: string): Floats | undefined {
  const tensor = graph.initializers.get(name);
  if (tensor?.type !== "float32" || graph.inputs.some((input) => input.name === name)) {
    return undefined;
  }
  return { name, dims: tensor.dims, data: floatsOf(tensor) };
}

/** The bias per channel as the node applies it: zeros where there is none. */
function oldBias(graph: Graph, node: Node, channels: number): readonly number[] | undefined {
  const name = node.inputs[2] ?? "";
  if (name === "") return Array.from({ length: channels }, () => 0);
  const bias = floatConstant(graph, name);
  if (bias === undefined) return undefined;
  const beta = node.opType === "Gemm" ? floatOf(node, "beta", 1) : 1;
  const perRow = bias.dims.length === 2 && bias.dims[0] !== 1;
  if (perRow || (bias.data.length !== 1 && bias.data.length !== channels)) return undefined;
  const one = bias.data.length === 1;
  return Array.from({ length: channels }, (_, c) => beta * (bias.data[one ? 0 : c] ?? 0));
}

function outputChannels(node: Node, dims: readonly number[]): number {
  if (node.opType === "Conv") return dims[0] ?? 0;
  if (node.opType === "ConvTranspose") return (dims[1] ?? 0) * intOf(node, "group", 1);
  return dims[intOf(node, "transB", 0) === 1 ? 0 : 1] ?? 0;
}

/** Which output channel the weight at a place of the flat data belongs to. */
function channelIndex(node: Node, dims: readonly number[]): ((i: number) => number) | undefined {
  const [first = 0, second = 0] = dims;
  if (first === 0 || second === 0) return undefined;
  const rest = dims.slice(1).reduce((product, dim) => product * dim, 1);
  const byFirst = (i: number): number => Math.floor(i / rest);
  if (node.opType === "Conv") return byFirst;
  if (node.opType === "Gemm") return intOf(node, "transB", 0) === 1 ? byFirst : (i) => i % second;
  // ConvTranspose: [in, out / group, …]; a group's inputs make only its own outputs.
  const inputsPerGroup = first / intOf(node, "group", 1);
  const area = rest / second;
  return (i) => Math.floor(byFirst(i) / inputsPerGroup) * second + (Math.floor(i / area) % second);
}
