/** Whether a model spends its time in matrices with constant weights: then it is quantised at run time. */
import { intOf } from "@fieldloop/shared-node/onnx/attributes";
import type { Dim, Graph } from "@fieldloop/shared-node/onnx/graph";
import type { Node } from "@fieldloop/shared-node/onnx/node";
import { inferTypes } from "@fieldloop/shared-node/onnx/shapes/infer";
import { roleOf } from "./operators.ts";

/** Below it, what stays in float decides how long a run takes. */
const heavyShareMin = 0.6;

export interface MatrixShare {
  /** Multiply-accumulates of one run, an open batch or length counted as 1. */
  readonly macs: number;
  /** Those in MatMul and Gemm with constant weights. */
  readonly matrixMacs: number;
}

/**
 * Counts the multiplications of a graph.
 * @returns `null` where the size of a convolution or the depth of a product is not known
 */
export function matrixShare(graph: Graph): MatrixShare | null {
  const { types } = inferTypes(graph);
  let [macs, matrixMacs] = [0, 0];
  for (const node of graph.nodes) {
    if (roleOf(node) !== "weighted") continue;
    const shapes = [...node.inputs.slice(0, 2), node.outputs[0] ?? ""].map(
      (name) => types.get(name)?.shape ?? null,
    );
    const count = macsOf(node, shapes);
    if (count === null) return null;
    macs += count;
    const isMatrix = node.opType === "MatMul" || node.opType === "Gemm";
    const isInput = graph.inputs.some(({ name }) => name === node.inputs[1]);
    if (isMatrix && !isInput && graph.initializers.has(node.inputs[1] ?? "")) matrixMacs += count;
  }
  return { macs, matrixMacs };
}

/** Whether matrices with constant weights are most of the work. */
export function isMatrixHeavy(graph: Graph, shareMin = heavyShareMin): boolean {
  const share = matrixShare(graph);
  return share !== null && share.macs > 0 && share.matrixMacs / share.macs >= shareMin;
}

type Shape = readonly Dim[] | null;

function macsOf(
  node: Node,
  [input, weight, output]: readonly (Shape | undefined)[],
): number | null {
  if (!input || !weight || !output) return null;
  switch (node.opType) {
    case "Conv":
      // Every value of the output takes a kernel: [outputs, inputs of the group, …].
      return product(closed(output, 1), closed(weight.slice(1), 0));
    case "ConvTranspose":
      return product(closed(input, 1), closed(weight.slice(1), 0));
    case "Gemm":
      return product(open(output), closed(input.slice(...depthOf(node)), 0));
    default:
      return product(open(output), closed(input.slice(-1), 0));
  }
}

/** The axis of a Gemm's first input that is summed over. */
function depthOf(node: Node): [number, number] {
  return intOf(node, "transA", 0) === 0 ? [1, 2] : [0, 1];
}

/** Sizes of which only the first few may be open: they count as 1. */
function closed(shape: readonly Dim[], openAxes: number): number | null {
  return shape.reduce<number | null>((count, dim, axis) => {
    if (typeof dim === "number") return count === null ? null : count * dim;
    return axis < openAxes ? count : null;
  }, 1);
}

/** Sizes of which all may be open. */
function open(shape: readonly Dim[]): number | null {
  return closed(shape, shape.length);
}

function product(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a * b;
}
