/** Takes out nodes whose outputs nobody needs, and constants that no node takes. */
import { edit } from "@fieldloop/shared-node/onnx/edit";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { capturedBy } from "@fieldloop/shared-node/onnx/links";
import type { PassResult } from "./pass.ts";

export function removeUnused(graph: Graph): PassResult {
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const dead = new Set(
    graph.nodes.toReversed().filter((node) => {
      if (!node.outputs.some((name) => needed.has(name))) return true;
      for (const name of [...node.inputs, ...capturedBy(node)]) needed.add(name);
      return false;
    }),
  );
  // An initialiser that is listed as an input too belongs to the model's face.
  for (const { name } of graph.inputs) needed.add(name);
  const kept = [...graph.initializers].filter(([name]) => needed.has(name));
  const changed = dead.size + graph.initializers.size - kept.length;
  if (changed === 0) return { graph, report: { pass: "remove-unused", changed, left: [] } };
  return {
    graph: { ...edit(graph, { remove: dead }), initializers: new Map(kept) },
    report: { pass: "remove-unused", changed, left: [] },
  };
}
