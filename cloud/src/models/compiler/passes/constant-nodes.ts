/** Constant nodes become initialisers, where every later pass looks for constants. */
import { edit } from "@fieldloop/shared-node/onnx/edit";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { labelOf } from "@fieldloop/shared-node/onnx/node";
import { constantTensor } from "@fieldloop/shared-node/onnx/shapes/infer";
import type { PassResult } from "./pass.ts";

export function constantNodes(graph: Graph): PassResult {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const left: { node: string; why: string }[] = [];
  const found = graph.nodes.flatMap((node) => {
    if (node.opType !== "Constant" || node.domain !== "") return [];
    const tensor = constantTensor(node);
    if (tensor !== undefined && !outputs.has(tensor.name)) return [{ node, tensor }];
    const why = tensor === undefined ? "it holds text or a sparse tensor" : "it is an output";
    left.push({ node: labelOf(node), why });
    return [];
  });
  return {
    graph: edit(graph, {
      remove: found.map(({ node }) => node),
      initializers: found.map(({ tensor }) => tensor),
    }),
    report: { pass: "constant-nodes", changed: found.length, left },
  };
}
