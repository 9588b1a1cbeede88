/** How each operator takes part in quantisation, as ONNX Runtime's CPU kernels fuse it. */
import { floatOf, intOf } from "@fieldloop/shared-node/onnx/attributes";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import type { Node } from "@fieldloop/shared-node/onnx/node";
import { floatsOf } from "@fieldloop/shared-node/onnx/tensor";

/** Operators with weights: they are worth quantising for their own sake. */
const weighted = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);

/** Each input and output has a scale of its own, and there is an 8-bit kernel (QLinearAdd, …). */
const ownScales = new Set(["Add", "Mul", "Concat", "GlobalAveragePool", "Sigmoid", "LeakyRelu"]);

/** They only move or choose values, so the 8-bit numbers pass through with the scale they have. */
const passing = new Set([
  "MaxPool",
  "AveragePool",
  "Reshape",
  "Flatten",
  "Transpose",
  "Squeeze",
  "Unsqueeze",
  "Slice",
  "Split",
  "Gather",
  "Resize",
]);

export type Role = "weighted" | "own-scales" | "passing" | "other";

export function roleOf({ domain, opType }: Node): Role {
  if (domain !== "") return "other";
  if (weighted.has(opType)) return "weighted";
  if (ownScales.has(opType)) return "own-scales";
  return passing.has(opType) ? "passing" : "other";
}

/** How the weight of an operator is quantised. */
export interface WeightShape {
  /** The output channels' axis; each has a scale of its own. */
  readonly axis: number;
}

/** Why a node with weights cannot be computed in 8 bits, or how its weight is quantised. */
export function weightOf(graph: Graph, node: Node): WeightShape | string {
  const weight = constant(graph, node.inputs[1]);
  if (weight === undefined) return "its weight is no constant";
  if (weight.type !== "float32") return `its weight is of ${weight.type}`;
  const bias = node.inputs[2] ?? "";
  const hasBias = bias !== "";
  const biasTensor = constant(graph, bias);
  if (hasBias && biasTensor === undefined) return "its bias is no constant";
  const rank = weight.dims.length;
  switch (node.opType) {
    case "Conv":
      return { axis: 0 };
    case "ConvTranspose":
      // It would run between conversions, slower than before. (Read back from ONNX Runtime 1.27.)
      return "ONNX Runtime computes it in float on a processor";
    case "Gemm": {
      if (intOf(node, "transA", 0) !== 0) return "its first input is transposed";
      if (floatOf(node, "alpha", 1) !== 1 || floatOf(node, "beta", 1) !== 1)
        return "its alpha or beta is not 1";
      const axis = intOf(node, "transB", 0) === 1 ? 0 : 1;
      const width = weight.dims[axis] ?? 0;
      const count = biasTensor?.dims.reduce((product, dim) => product * dim, 1) ?? width;
      return count === width ? { axis } : "its bias is not one number per output";
    }
    default:
      return rank === 2 ? { axis: 1 } : `its weight has ${rank} axes`;
  }
}

/**
 * Whether a node only cuts off values in a way that the range of an 8-bit tensor does too. That range
 * always contains 0, so the bounds must.
 */
export function isAbsorbable(graph: Graph, node: Node): boolean {
  if (node.domain !== "") return false;
  if (node.opType === "Relu") return true;
  if (node.opType !== "Clip") return false;
  const least = bound(graph, node, 1, "min", Number.NEGATIVE_INFINITY);
  const most = bound(graph, node, 2, "max", Number.POSITIVE_INFINITY);
  return least !== undefined && most !== undefined && least <= 0 && most >= 0;
}

function bound(
  graph: Graph,
  node: Node,
  index: number,
  attribute: string,
  otherwise: number,
): number | undefined {
  const name = node.inputs[index] ?? "";
  if (name === "") return graph.opset < 11 ? floatOf(node, attribute, otherwise) : otherwise;
  const tensor = constant(graph, name);
  return tensor?.type === "float32" ? floatsOf(tensor)[0] : undefined;
}

function constant(graph: Graph, name: string | undefined) {
  const isInput = graph.inputs.some((input) => input.name === name);
  return isInput ? undefined : graph.initializers.get(name ?? "");
}
