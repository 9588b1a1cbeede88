/**
 * Which single weights matter little, and what leaving them out would save. It is a figure only:
 * ONNX Runtime's kernels multiply a zero as they do any other weight, and its files store zeros in
 * full, so nothing is gained here without a runtime for sparse weights.
 */
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { labelOf } from "@fieldloop/shared-node/onnx/node";
import { floatsOf } from "@fieldloop/shared-node/onnx/tensor";
import { layersOf } from "./costs.ts";

/** Near zero is at most this part of the layer's largest weight. */
export const nearZeroShare = 0.01;

export interface LayerMagnitude {
  readonly node: string;
  readonly opType: string;
  readonly weights: number;
  /** Share of weights that are exactly zero. */
  readonly zero: number;
  /** Share of weights of at most one hundredth of the largest. */
  readonly nearZero: number;
  /** Of the weights stored in full. */
  readonly bytes: number;
  /** With one bit per weight and only the others' values. */
  readonly sparseBytes: number;
}

/** Weights only; biases are too few to matter. */
export function magnitudes(graph: Graph): readonly LayerMagnitude[] {
  return layersOf(graph).flatMap((node) => {
    const tensor = graph.initializers.get(node.inputs[1] ?? "");
    if (tensor === undefined) return [];
    const values = floatsOf(tensor);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    let [zero, nearZero] = [0, 0];
    for (const value of values) {
      if (value === 0) zero++;
      if (Math.abs(value) <= nearZeroShare * largest) nearZero++;
    }
    const count = Math.max(1, values.length);
    const width = tensor.type === "float16" ? 2 : 4;
    return {
      node: labelOf(node),
      opType: node.opType,
      weights: values.length,
      zero: zero / count,
      nearZero: nearZero / count,
      bytes: width * values.length,
      sparseBytes: width * (values.length - nearZero) + Math.ceil(values.length / 8),
    };
  });
}
