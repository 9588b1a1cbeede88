/** Changes a graph: what a pass collected, at once. */
import type { Graph, Value } from "./graph.ts";
import { capturedBy } from "./links.ts";
import type { Node } from "./node.ts";
import type { AttributeProto } from "./proto.ts";
import { sortNodes } from "./sort-nodes.ts";
import type { Tensor } from "./tensor.ts";

/** What a pass wants changed. */
export interface Edit {
  readonly remove?: Iterable<Node>;
  /** In place of a node; an empty list removes it. */
  readonly replace?: ReadonlyMap<Node, readonly Node[]>;
  /** Taken as they are. */
  readonly add?: readonly Node[];
  /** Consumers of the key take the value instead: nodes of the graph and their replacements. */
  readonly rename?: ReadonlyMap<string, string>;
  /** Added, or put in place of one of the same name. */
  readonly initializers?: readonly Tensor[];
  readonly inputs?: readonly Value[];
  readonly outputs?: readonly Value[];
}

/** The graph after an edit, in topological order. */
export function edit(graph: Graph, change: Edit): Graph {
  const removed = new Set(change.remove ?? []);
  const rename = (node: Node): Node => renameInputs(node, change.rename);
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    if (removed.has(node)) continue;
    for (const next of change.replace?.get(node) ?? [node]) nodes.push(rename(next));
  }
  nodes.push(...(change.add ?? []));
  const initializers = new Map(graph.initializers);
  for (const tensor of change.initializers ?? []) initializers.set(tensor.name, tensor);
  const next: Graph = {
    ...graph,
    nodes,
    initializers,
    inputs: change.inputs ?? graph.inputs,
    outputs: change.outputs ?? graph.outputs,
  };
  return { ...next, nodes: sortNodes(next) };
}

/** Gives names that the graph does not use yet, each once: `base`, `base_1`, … */
export function namer(graph: Graph): (base: string) => string {
  const used = namesOf(graph);
  return (base) => {
    let name = base;
    for (let i = 1; used.has(name); i++) name = `${base}_${i}`;
    used.add(name);
    return name;
  };
}

function namesOf(graph: Graph): Set<string> {
  const used = new Set<string>(graph.initializers.keys());
  for (const { name } of [...graph.inputs, ...graph.outputs, ...graph.values]) used.add(name);
  for (const node of graph.nodes) {
    for (const name of [node.name, ...node.inputs, ...node.outputs, ...capturedBy(node)]) {
      used.add(name);
    }
    collectNested(node.attributes, used);
  }
  return used;
}

/** Names inside nested graphs: a new outer name must not be hidden by one of them. */
function collectNested(attributes: readonly AttributeProto[], used: Set<string>): void {
  for (const { g, graphs = [] } of attributes) {
    for (const graph of g === undefined ? graphs : [g, ...graphs]) {
      for (const { name = "" } of [...(graph.input ?? []), ...(graph.initializer ?? [])])
        used.add(name);
      for (const node of graph.node ?? []) {
        for (const name of node.output ?? []) used.add(name);
        collectNested(node.attribute ?? [], used);
      }
    }
  }
}

function renameInputs(node: Node, rename: ReadonlyMap<string, string> | undefined): Node {
  if (rename === undefined || !node.inputs.some((name) => rename.has(name))) return node;
  return { ...node, inputs: node.inputs.map((name) => followName(rename, name)) };
}

/** Where a chain of renames ends. */
function followName(rename: ReadonlyMap<string, string>, name: string): string {
  let last = name;
  for (let next = rename.get(last); next !== undefined; next = rename.get(last)) last = next;
  return last;
}
