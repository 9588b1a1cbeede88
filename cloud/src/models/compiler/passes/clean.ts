/** The clean-up every model goes through before anything else: the passes in the order that helps. */
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { bareInputs } from "./bare-inputs.ts";
import { constantNodes } from "./constant-nodes.ts";
import { foldBatchNorm } from "./fold-batch-norm.ts";
import { foldConstants } from "./fold-constants.ts";
import { foldPads } from "./fold-pads.ts";
import type { PassReport, PassResult } from "./pass.ts";
import { raiseFloat16 } from "./raise-float16.ts";
import { raiseOpset } from "./raise-opset.ts";
import { removeIdentities } from "./remove-identities.ts";
import { removeUnused } from "./remove-unused.ts";

type Pass = (graph: Graph) => PassResult | Promise<PassResult>;

export interface Cleaned {
  readonly graph: Graph;
  readonly reports: readonly PassReport[];
}

/** @param options.raiseFloat16 whether 16-bit floats become 32-bit ones */
export async function cleanGraph(
  graph: Graph,
  options: { readonly raiseFloat16?: boolean } = {},
): Promise<Cleaned> {
  const passes: readonly Pass[] = [
    bareInputs,
    ...(options.raiseFloat16 === true ? [raiseFloat16] : []),
    constantNodes,
    removeIdentities,
    raiseOpset,
    foldConstants,
    foldBatchNorm,
    foldPads,
    removeUnused,
  ];
  const reports: PassReport[] = [];
  let current = graph;
  for (const pass of passes) {
    const result = await pass(current);
    current = result.graph;
    reports.push(result.report);
  }
  return { graph: current, reports };
}
