/** What every pass over a graph gives: the graph after it, and what it did. */
import type { Graph } from "@fieldloop/shared-node/onnx/graph";

export interface PassReport {
  readonly pass: string;
  /** Nodes, constants or inputs that were changed or taken out. */
  readonly changed: number;
  /** What it met and had to leave, with the reason. */
  readonly left: readonly { readonly node: string; readonly why: string }[];
}

export interface PassResult {
  readonly graph: Graph;
  readonly report: PassReport;
}
