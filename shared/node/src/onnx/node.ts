/** The nodes of a graph. */
import { type AttributeProto, type NodeProto, revise } from "./proto.ts";

/** An operation. An empty string among inputs or outputs is an optional one left out. */
export interface Node {
  readonly name: string;
  readonly opType: string;
  /** `""` is the default operator set. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly AttributeProto[];
  /** The message it was read from, if any: what the graph does not model stays in it. */
  readonly proto?: NodeProto;
}

/** What to call a node in a report: many exporters give no names. */
export function labelOf(node: Pick<Node, "name" | "outputs" | "opType">): string {
  return node.name || node.outputs[0] || node.opType;
}

/** A node of the default operator set. */
export function makeNode(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: readonly AttributeProto[] = [],
): Node {
  return { name: outputs[0] ?? opType, opType, domain: "", inputs, outputs, attributes };
}

export function nodeOf(proto: NodeProto): Node {
  return {
    name: proto.name ?? "",
    opType: proto.opType ?? "",
    domain: proto.domain === "ai.onnx" ? "" : (proto.domain ?? ""),
    inputs: proto.input ?? [],
    outputs: proto.output ?? [],
    attributes: proto.attribute ?? [],
    proto,
  };
}

export function nodeProto(node: Node): NodeProto {
  const old = node.proto ?? {};
  const sameDomain = nodeOf(old).domain === node.domain;
  return revise<NodeProto>(old, {
    input: node.inputs,
    output: node.outputs,
    attribute: node.attributes,
    ...((old.opType ?? "") === node.opType ? {} : { opType: node.opType }),
    ...((old.name ?? "") === node.name ? {} : { name: node.name }),
    ...(sameDomain ? {} : { domain: node.domain }),
  });
}
