/** Puts nodes into an order in which every node's inputs come before it. */
import { AppError } from "@fieldloop/shared/errors";
import { capturedBy } from "./links.ts";
import type { Node } from "./node.ts";

/** The nodes in topological order; those that are in order already keep it. */
export function sortNodes(graph: { readonly nodes: readonly Node[] }): readonly Node[] {
  const producers = new Map<string, Node>();
  for (const node of graph.nodes) {
    for (const name of node.outputs) {
      if (name === "") continue;
      if (producers.has(name)) throw damaged(`two of its nodes make the tensor ${name}`);
      producers.set(name, node);
    }
  }
  const needs = new Map(graph.nodes.map((node) => [node, needsOf(node, producers)]));
  const seen = new Set<Node>();
  const inOrder = graph.nodes.every((node) => {
    seen.add(node);
    return [...(needs.get(node) ?? [])].every((other) => other !== node && seen.has(other));
  });
  return inOrder ? graph.nodes : kahn(graph.nodes, needs);
}

function needsOf(node: Node, producers: ReadonlyMap<string, Node>): ReadonlySet<Node> {
  const found = new Set<Node>();
  for (const name of [...node.inputs, ...capturedBy(node)]) {
    const producer = producers.get(name);
    if (producer !== undefined) found.add(producer);
  }
  return found;
}

function kahn(
  nodes: readonly Node[],
  needs: ReadonlyMap<Node, ReadonlySet<Node>>,
): readonly Node[] {
  const waiting = new Map([...needs].map(([node, others]) => [node, others.size]));
  const followers = new Map<Node, Node[]>();
  for (const [node, others] of needs) {
    for (const other of others) followers.set(other, [...(followers.get(other) ?? []), node]);
  }
  const ready = nodes.filter((node) => waiting.get(node) === 0);
  const sorted: Node[] = [];
  for (let node = ready.shift(); node !== undefined; node = ready.shift()) {
    sorted.push(node);
    for (const follower of followers.get(node) ?? []) {
      const left = (waiting.get(follower) ?? 0) - 1;
      waiting.set(follower, left);
      if (left === 0) ready.push(follower);
    }
  }
  if (sorted.length < nodes.length) throw damaged("its nodes wait for each other in a circle");
  return sorted;
}

function damaged(what: string): AppError {
  return new AppError({
    code: "model-unreadable",
    message: `The model is damaged: ${what}`,
    status: 422,
  });
}
