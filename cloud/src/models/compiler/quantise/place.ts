/**
 * Where QuantizeLinear and DequantizeLinear stand: exactly where ONNX Runtime fuses them with what is
 * between (its qdq_selectors.cc). A plan is plain data; `insert.ts` carries it out.
 *
 * Two rules go beyond ONNX Runtime's own quantiser. What comes after the last node with weights stays
 * in float, so the scores and boxes of a detector never share a scale; and a Gemm or MatMul whose
 * result nobody takes in 8 bits gives floats, so the logits are not rounded.
 */
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { type Links, linksOf, soleConsumer } from "@fieldloop/shared-node/onnx/links";
import type { Node } from "@fieldloop/shared-node/onnx/node";
import { inferTypes } from "@fieldloop/shared-node/onnx/shapes/infer";
import { isAbsorbable, roleOf, weightOf } from "./operators.ts";

/** A node is known by the first tensor that it makes: names of nodes may be missing. */
export const keyOf = (node: Node): string => node.outputs[0] ?? node.name;

/** One constant that is stored in 8 bits. */
export interface PlacedConstant {
  readonly node: string;
  /** Which input of the node. */
  readonly input: number;
  readonly tensor: string;
}

export interface PlacedWeight extends PlacedConstant {
  /** Axis of the output channels. */
  readonly axis: number;
  /** The activation that the node works on: a bias has the scale of the two multiplied. */
  readonly activation: string;
  readonly bias: string | null;
}

export interface Placement {
  /** Keys of nodes that compute in 8 bits. */
  readonly quantised: ReadonlySet<string>;
  /** Relu and Clip that the range takes over: output of the node before, output of the activation. */
  readonly absorbed: ReadonlyMap<string, string>;
  /** Tensors with a pair, and the tensor whose range gives the scale: mostly themselves. */
  readonly pairs: ReadonlyMap<string, string>;
  readonly weights: readonly PlacedWeight[];
  /** Constant operands of Add, Mul and the like: they have one scale each. */
  readonly constants: readonly PlacedConstant[];
  /** Nodes with weights that stay in float, with the reason. */
  readonly left: readonly {
    readonly node: string;
    readonly opType: string;
    readonly why: string;
  }[];
}

/** What placing collects on its way through the graph. */
interface Draft {
  readonly graph: Graph;
  readonly links: Links;
  readonly isFloat: (tensor: string) => boolean;
  readonly axes: ReadonlyMap<Node, number>;
  /** Nodes after which a quantised node with weights comes. */
  readonly leading: ReadonlySet<Node>;
  readonly excluded: ReadonlySet<string>;
  readonly quantised: Set<string>;
  readonly absorbed: Map<string, string>;
  readonly pairs: Map<string, string>;
  readonly weights: PlacedWeight[];
  readonly constants: PlacedConstant[];
  /** Activations that are absorbed, so they are not looked at themselves. */
  readonly gone: Set<Node>;
}

/**
 * Plans a graph of operator set 13 or newer that has been cleaned up.
 * @param excluded keys (`keyOf`) of nodes that stay in float; an activation goes with the node before it
 */
export function planPlacement(graph: Graph, excluded: ReadonlySet<string> = new Set()): Placement {
  const links = linksOf(graph);
  const { axes, left } = findWeighted(graph, excluded);
  const { types } = inferTypes(graph);
  const draft: Draft = {
    graph,
    links,
    isFloat: (tensor) => types.get(tensor)?.type === "float32",
    axes,
    leading: findLeading(graph, links, axes),
    excluded,
    quantised: new Set(),
    absorbed: new Map(),
    pairs: new Map(),
    weights: [],
    constants: [],
    gone: new Set(),
  };
  for (const node of graph.nodes) if (!draft.gone.has(node)) placeNode(draft, node);
  const { quantised, absorbed, pairs, weights, constants } = draft;
  return { quantised, absorbed, pairs, weights, constants, left };
}

function findWeighted(graph: Graph, excluded: ReadonlySet<string>) {
  const axes = new Map<Node, number>();
  const left: { node: string; opType: string; why: string }[] = [];
  for (const node of graph.nodes) {
    if (roleOf(node) !== "weighted") continue;
    const shape = excluded.has(keyOf(node)) ? "it is excluded" : weightOf(graph, node);
    if (typeof shape === "string")
      left.push({ node: keyOf(node), opType: node.opType, why: shape });
    else axes.set(node, shape.axis);
  }
  return { axes, left };
}

function findLeading(
  graph: Graph,
  links: Links,
  weighted: ReadonlyMap<Node, number>,
): ReadonlySet<Node> {
  const leading = new Set<Node>();
  for (const node of graph.nodes.toReversed()) {
    const consumers = node.outputs.flatMap((name) => links.consumers.get(name) ?? []);
    if (consumers.some((next) => weighted.has(next) || leading.has(next))) leading.add(node);
  }
  return leading;
}

function placeNode(draft: Draft, node: Node): void {
  const axis = draft.axes.get(node);
  if (axis !== undefined) {
    placeWeighted(draft, node, axis);
    return;
  }
  if (draft.excluded.has(keyOf(node)) || !draft.leading.has(node)) return;
  const role = roleOf(node);
  if (role === "passing") placePassing(draft, node);
  if (role === "own-scales") placeOwnScales(draft, node);
}

function placeWeighted(draft: Draft, node: Node, axis: number): void {
  const [x = "", tensor = "", bias = ""] = node.inputs;
  draft.quantised.add(keyOf(node));
  mark(draft, x);
  draft.weights.push({
    node: keyOf(node),
    input: 1,
    tensor,
    axis,
    activation: x,
    bias: bias === "" ? null : bias,
  });
  placeOutput(draft, node);
}

/** The output's pair; without one a Conv would be computed in float. */
function placeOutput(draft: Draft, node: Node): void {
  const name = keyOf(node);
  const activation = soleConsumer(draft.links, name);
  const absorbs = activation !== undefined && isAbsorbable(draft.graph, activation);
  const output = absorbs ? keyOf(activation) : name;
  const givesFloats = node.opType === "Gemm" || node.opType === "MatMul";
  if (givesFloats && !isTakenInBytes(draft, output)) return;
  if (absorbs) {
    draft.absorbed.set(name, output);
    draft.gone.add(activation);
  }
  mark(draft, output);
}

function isTakenInBytes({ links, axes, leading, excluded }: Draft, tensor: string): boolean {
  return (links.consumers.get(tensor) ?? []).some((node) => {
    if (axes.has(node)) return true;
    return roleOf(node) !== "other" && leading.has(node) && !excluded.has(keyOf(node));
  });
}

/** Only where the values come in 8 bits already. */
function placePassing(draft: Draft, node: Node): void {
  const like = draft.pairs.get(node.inputs[0] ?? "");
  if (like === undefined) return;
  draft.quantised.add(keyOf(node));
  for (const name of node.outputs) if (name !== "") draft.pairs.set(name, like);
}

function placeOwnScales(draft: Draft, node: Node): void {
  const { graph, pairs, isFloat } = draft;
  const inputs = node.inputs.filter((name) => name !== "");
  if (!inputs.some((name) => pairs.has(name)) || !inputs.every(isFloat)) return;
  draft.quantised.add(keyOf(node));
  node.inputs.forEach((tensor, input) => {
    if (graph.initializers.has(tensor)) draft.constants.push({ node: keyOf(node), input, tensor });
    else mark(draft, tensor);
  });
  placeOutput(draft, node);
}

function mark(draft: Draft, tensor: string): void {
  if (!draft.pairs.has(tensor)) draft.pairs.set(tensor, tensor);
}
