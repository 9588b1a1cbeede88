/** Who makes and who takes each tensor of a graph. */
import type { Graph } from "./graph.ts";
import { type Node, nodeOf } from "./node.ts";
import type { GraphProto } from "./proto.ts";

/** Who makes and who takes each tensor. */
export interface Links {
  readonly producers: ReadonlyMap<string, Node>;
  readonly consumers: ReadonlyMap<string, readonly Node[]>;
  /** Tensors somebody outside needs by name: the graph's outputs, and what nested graphs take. */
  readonly pinned: ReadonlySet<string>;
}

export function linksOf(graph: Graph): Links {
  const producers = new Map<string, Node>();
  const consumers = new Map<string, Node[]>();
  const pinned = new Set(graph.outputs.map(({ name }) => name));
  for (const node of graph.nodes) {
    for (const name of node.outputs) if (name !== "") producers.set(name, node);
    for (const name of node.inputs) {
      if (name === "") continue;
      const list = consumers.get(name);
      if (list === undefined) consumers.set(name, [node]);
      else list.push(node);
    }
    for (const name of capturedBy(node)) pinned.add(name);
  }
  return { producers, consumers, pinned };
}

/** The one node that takes a tensor, where exactly one does and nobody outside needs it. */
export function soleConsumer(links: Links, name: string): Node | undefined {
  const consumers = links.consumers.get(name) ?? [];
  return consumers.length === 1 && !links.pinned.has(name) ? consumers[0] : undefined;
}

/** Names that the nested graphs of a node take from the graph around them. */
export function capturedBy(node: Node): ReadonlySet<string> {
  const captured = new Set<string>();
  for (const { g, graphs = [] } of node.attributes) {
    for (const graph of g === undefined ? graphs : [g, ...graphs]) collectFree(graph, captured);
  }
  return captured;
}

function collectFree(graph: GraphProto, free: Set<string>): void {
  const own = new Set<string>();
  for (const { name = "" } of [...(graph.input ?? []), ...(graph.initializer ?? [])]) own.add(name);
  for (const { values } of graph.sparseInitializer ?? []) own.add(values?.name ?? "");
  const take = (name: string): void => {
    if (name !== "" && !own.has(name)) free.add(name);
  };
  for (const node of graph.node ?? []) {
    (node.input ?? []).forEach(take);
    for (const name of capturedBy(nodeOf(node))) take(name);
    for (const name of node.output ?? []) own.add(name);
  }
  for (const { name = "" } of graph.output ?? []) take(name);
}
