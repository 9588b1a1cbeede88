/** What layers weigh and take, before channels go and after. */

import { rawBytes, typeNumber } from "@fieldloop/shared-node/onnx/element-type";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import type { Node } from "@fieldloop/shared-node/onnx/node";
import type { Shape } from "@fieldloop/shared-node/onnx/shapes/rule";
import { countOf } from "@fieldloop/shared-node/onnx/tensor";
import { keptCount, type Removed } from "./apply.ts";
import type { Member } from "./lanes.ts";
import type { Trace } from "./trace.ts";

export interface Cost {
  /** Weights and biases. */
  readonly parameters: number;
  /** Multiply-accumulates for one picture; `null` where shapes are open. */
  readonly macs: number | null;
  readonly bytes: number;
}

const layerTypes = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);

/** The layers with constant weights, in the graph's order. */
export function layersOf(graph: Graph): readonly Node[] {
  return graph.nodes.filter(
    (node) =>
      node.domain === "" &&
      layerTypes.has(node.opType) &&
      graph.initializers.has(node.inputs[1] ?? ""),
  );
}

/** Costs by layer. */
export function layerCosts(
  graph: Graph,
  trace: Trace,
  removed: Removed = new Set(),
): ReadonlyMap<Node, Cost> {
  const slices = new Map<Node, Slice[]>();
  for (const member of trace.members)
    if (member.kind === "slice")
      slices.set(member.node, [...(slices.get(member.node) ?? []), member]);
  return new Map(
    layersOf(graph).map((node) => [
      node,
      costOf(graph, trace, node, { slices: slices.get(node) ?? [], removed }),
    ]),
  );
}

export function totalOf(costs: Iterable<Cost>): Cost {
  let total: Cost = { parameters: 0, macs: 0, bytes: 0 };
  for (const { parameters, macs, bytes } of costs) {
    total = {
      parameters: total.parameters + parameters,
      macs: total.macs === null || macs === null ? null : total.macs + macs,
      bytes: total.bytes + bytes,
    };
  }
  return total;
}

type Slice = Extract<Member, { kind: "slice" }>;

function costOf(
  graph: Graph,
  trace: Trace,
  node: Node,
  { slices, removed }: { readonly slices: readonly Slice[]; readonly removed: Removed },
): Cost {
  let [parameters, bytes, weights] = [0, 0, 0];
  for (const [i, name] of node.inputs.entries()) {
    const tensor = graph.initializers.get(name);
    if (tensor === undefined) continue;
    const dims = [...tensor.dims];
    for (const { input, axis, atoms } of slices)
      if (input === i) dims[axis] = keptCount(atoms, removed);
    const count = countOf(dims);
    parameters += count;
    bytes += rawBytes(typeNumber(tensor.type), count) ?? 0;
    if (i === 1) weights = count;
  }
  const places = placesOf(trace, node);
  return { parameters, macs: places === null ? null : weights * places, bytes };
}

/** How often every weight is used for one picture. */
function placesOf(trace: Trace, node: Node): number | null {
  const turned = node.opType === "ConvTranspose";
  const name = (turned ? node.inputs[0] : node.outputs[0]) ?? "";
  const shape: Shape | null | undefined = trace.inference.types.get(name)?.shape;
  if (shape === null || shape === undefined) return null;
  const places = node.opType.startsWith("Conv") ? shape.slice(2) : shape.slice(1, -1);
  return places.every((dim) => typeof dim === "number") ? countOf(places as number[]) : null; // as just checked
}
