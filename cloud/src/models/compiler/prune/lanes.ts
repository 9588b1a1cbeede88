/**
 * Which channels hang together. Every channel that a layer makes is an *atom*; a tensor's *lane* says
 * which atom lies at each index of its channel axis. Where a graph forces two channels to live or go
 * together (the sides of an Add), their atoms are united; a joined tensor simply has the atoms of its
 * parts one after the other, so offsets take care of themselves.
 */
import type { Node } from "@fieldloop/shared-node/onnx/node";

export interface Lane {
  /** The tensor's channel axis, from the front. */
  readonly axis: number;
  /** One per index of that axis. */
  readonly atoms: readonly number[];
  /** Whether a channel whose filters and biases are zero is zero here. */
  readonly zero: boolean;
}

/** What has to change in a node when atoms go. */
export type Member =
  /** An axis of a constant input. */
  | {
      readonly kind: "slice";
      readonly node: Node;
      readonly input: number;
      readonly axis: number;
      readonly atoms: readonly number[];
      /** `filter` makes the channel and is ranked, `offset` adds to it, `follows` only takes it. */
      readonly role: "filter" | "offset" | "follows";
    }
  /** A number of channels in a list of integers. */
  | {
      readonly kind: "entry";
      readonly node: Node;
      readonly input: number;
      readonly position: number;
      readonly atoms: readonly number[];
    }
  /** The number of groups of a depthwise convolution. */
  | { readonly kind: "group"; readonly node: Node; readonly atoms: readonly number[] }
  /** The sizes of the pieces. */
  | {
      readonly kind: "split";
      readonly node: Node;
      readonly pieces: readonly (readonly number[])[];
    };

/** The atoms of a graph while it is walked through. */
export interface Book {
  /** @param source the layer that makes them */
  fresh(source: Node, count: number): readonly number[];
  /** Pairwise; both lists have one length. */
  unite(a: readonly number[], b: readonly number[]): void;
  /** These may not go. The first reason counts. */
  lock(atoms: readonly number[], why: string): void;
  /** Atoms that stay or go together, by group of layers. */
  groups(): readonly Group[];
}

/** Layers whose output channels hang together. */
export interface Group {
  readonly sources: readonly Node[];
  readonly channels: readonly Channel[];
}

export interface Channel {
  readonly atoms: readonly number[];
  /** Why it may not go; `null` where it may. */
  readonly locked: string | null;
}

export function openBook(): Book {
  const atoms = openSets();
  const sources = openSets();
  const nodes: Node[] = [];
  const sourceOf: number[] = [];
  const locks = new Map<number, string>();
  return {
    fresh: (source, count) => {
      const id = sources.add();
      nodes.push(source);
      return Array.from({ length: count }, () => {
        sourceOf.push(id);
        return atoms.add();
      });
    },
    unite: (a, b) => {
      for (const [i, one] of a.entries()) {
        const other = b[i] ?? one;
        atoms.unite(one, other);
        sources.unite(sourceOf[one] ?? 0, sourceOf[other] ?? 0);
      }
    },
    lock: (list, why) => {
      for (const atom of list) if (!locks.has(atom)) locks.set(atom, why);
    },
    groups: () => {
      const found = new Map<number, { sources: Set<Node>; channels: Map<number, number[]> }>();
      for (const [atom, source] of sourceOf.entries()) {
        const key = sources.root(source);
        const group = found.get(key) ?? { sources: new Set(), channels: new Map() };
        found.set(key, group);
        const node = nodes[source];
        if (node) group.sources.add(node);
        const channel = group.channels.get(atoms.root(atom)) ?? [];
        channel.push(atom);
        group.channels.set(atoms.root(atom), channel);
      }
      return [...found.values()].map((group) => ({
        sources: [...group.sources],
        channels: [...group.channels.values()].map((list) => ({
          atoms: list,
          locked: list.flatMap((atom) => locks.get(atom) ?? [])[0] ?? null,
        })),
      }));
    },
  };
}

/** Disjoint sets of numbers (union-find with path halving). */
function openSets() {
  const parents: number[] = [];
  const root = (start: number): number => {
    let item = start;
    for (let up = parents[item] ?? item; up !== item; up = parents[item] ?? item) {
      parents[item] = parents[up] ?? up;
      item = up;
    }
    return item;
  };
  return {
    add: () => parents.push(parents.length) - 1,
    root,
    unite: (a: number, b: number): void => {
      parents[root(b)] = root(a);
    },
  };
}
