/** Convolutions between which channels can be levelled, and why others are left alone. */
import { floatOf, intOf } from "@fieldloop/shared-node/onnx/attributes";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { type Links, linksOf, soleConsumer } from "@fieldloop/shared-node/onnx/links";
import { labelOf, type Node } from "@fieldloop/shared-node/onnx/node";
import { floatsOf, type Tensor } from "@fieldloop/shared-node/onnx/tensor";
import type { PassReport } from "../passes/pass.ts";

export interface Pair {
  readonly from: Node;
  readonly to: Node;
  /** Of the tensor between. */
  readonly channels: number;
  /** The Clip 0..6 between the two that must become a Relu; `null` where there is none. */
  readonly clip: Node | null;
}

export interface Pairs {
  /** In the order of the graph. */
  readonly pairs: readonly Pair[];
  /** Convolutions that are the first of no pair. */
  readonly left: PassReport["left"];
}

export function findPairs(graph: Graph, relu6: "keep" | "to-relu"): Pairs {
  const links = linksOf(graph);
  const pairs: Pair[] = [];
  const left: { node: string; why: string }[] = [];
  for (const node of graph.nodes) {
    if (!isConv(node)) continue;
    const found = pairFrom(graph, links, node, relu6);
    if (typeof found === "string") left.push({ node: labelOf(node), why: found });
    else pairs.push(found);
  }
  return { pairs, left };
}

export const groupsOf = (node: Node): number => intOf(node, "group", 1);

function isConv({ domain, opType }: Node): boolean {
  return domain === "" && opType === "Conv";
}

function pairFrom(graph: Graph, links: Links, from: Node, relu6: string): Pair | string {
  const unfit = whyUnfit(graph, from);
  if (unfit !== undefined) return unfit;
  const made = from.outputs[0] ?? "";
  const next = soleConsumer(links, made);
  if (next === undefined) return whyShared(links, made, "its output");
  if (isConv(next)) return pairOf(graph, from, next, made, null);
  const activation = activationOf(graph, next);
  if (activation.kind === "other") return activation.why;
  if (activation.kind === "relu6" && relu6 === "keep")
    return `${labelOf(next)} cuts its output off at 6, and a channel that is scaled would be cut off elsewhere`;
  const activated = next.outputs[0] ?? "";
  const to = soleConsumer(links, activated);
  if (to === undefined) return whyShared(links, activated, `the output of ${labelOf(next)}`);
  if (!isConv(to)) return `${to.opType} ${labelOf(to)} takes its output, which is no convolution`;
  return pairOf(graph, from, to, activated, activation.kind === "relu6" ? next : null);
}

function pairOf(
  graph: Graph,
  from: Node,
  to: Node,
  between: string,
  clip: Node | null,
): Pair | string {
  if (to.inputs[0] !== between) return `${labelOf(to)} takes its output as weights`;
  const unfit = whyUnfit(graph, to);
  if (unfit !== undefined) return `${labelOf(to)} comes next, and ${unfit}`;
  const channels = weightOf(graph, from)?.dims[0] ?? 0;
  const taken = (weightOf(graph, to)?.dims[1] ?? 0) * groupsOf(to);
  return channels === taken && channels > 0
    ? { from, to, channels, clip }
    : `it makes ${channels} channels and ${labelOf(to)} takes ${taken}`;
}

function whyUnfit(graph: Graph, node: Node): string | undefined {
  const weight = weightOf(graph, node);
  if (weight === undefined) return "its weight is no float32 constant";
  const [outputs = 0] = weight.dims;
  if (outputs % groupsOf(node) !== 0) return "its channels do not fill its groups";
  const bias = node.inputs[2] ?? "";
  if (bias === "") return undefined;
  const tensor = constant(graph, bias);
  return tensor?.dims.length === 1 && tensor.dims[0] === outputs
    ? undefined
    : "its bias is no float32 constant per channel";
}

function whyShared({ consumers, pinned }: Links, tensor: string, what: string): string {
  if (pinned.has(tensor)) return `${what} is needed outside of the graph`;
  const takers = consumers.get(tensor)?.length ?? 0;
  return takers === 0 ? `nobody takes ${what}` : `${takers} nodes take ${what}`;
}

type Activation =
  | { readonly kind: "proportional" | "relu6" }
  | { readonly kind: "other"; readonly why: string };

/** Whether f(s·x) = s·f(x) for every s > 0. */
function activationOf(graph: Graph, node: Node): Activation {
  const other = (why: string): Activation => ({ kind: "other", why });
  if (node.domain !== "") return other(`${node.opType} ${labelOf(node)} takes its output`);
  switch (node.opType) {
    case "Relu":
      return { kind: "proportional" };
    case "LeakyRelu":
      return floatOf(node, "alpha", 0.01) >= 0
        ? { kind: "proportional" }
        : other(`the slope of ${labelOf(node)} is negative`);
    case "Clip": {
      const [least, most] = clipBounds(graph, node);
      if (least === 0 && most === Number.POSITIVE_INFINITY) return { kind: "proportional" };
      if (least === 0 && most === 6) return { kind: "relu6" };
      return other(`${labelOf(node)} cuts its output off`);
    }
    default:
      return other(`${node.opType} ${labelOf(node)} takes its output`);
  }
}

/** Least and most; `undefined` where a bound is worked out while the graph runs. */
function clipBounds(graph: Graph, node: Node): readonly [number | undefined, number | undefined] {
  const bound = (index: number, attribute: string, otherwise: number): number | undefined => {
    if (graph.opset < 11) return floatOf(node, attribute, otherwise);
    const name = node.inputs[index] ?? "";
    if (name === "") return otherwise;
    const tensor = constant(graph, name);
    return tensor && floatsOf(tensor)[0];
  };
  return [bound(1, "min", Number.NEGATIVE_INFINITY), bound(2, "max", Number.POSITIVE_INFINITY)];
}

function weightOf(graph: Graph, node: Node): Tensor | undefined {
  return constant(graph, node.inputs[1] ?? "");
}

function constant(graph: Graph, name: string): Tensor | undefined {
  const tensor = graph.initializers.get(name);
  const isInput = graph.inputs.some((input) => input.name === name);
  return isInput || tensor?.type !== "float32" ? undefined : tensor;
}
