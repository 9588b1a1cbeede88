/**
 * Initialisers that old exporters also list as inputs become constants: as inputs a caller might
 * replace them, so nothing that depends on them could be worked out beforehand.
 */
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { revise, toNumber } from "@fieldloop/shared-node/onnx/proto";
import type { PassResult } from "./pass.ts";

/** The first version of the format in which a constant need not be an input. */
const irVersionMin = 4;

export function bareInputs(graph: Graph): PassResult {
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
  const changed = graph.inputs.length - inputs.length;
  const irVersion = Math.max(irVersionMin, toNumber(graph.model.irVersion));
  return {
    graph: changed === 0 ? graph : { ...graph, inputs, model: revise(graph.model, { irVersion }) },
    report: { pass: "bare-inputs", changed, left: [] },
  };
}
