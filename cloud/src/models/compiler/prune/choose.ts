/**
 * Chooses channels to take out: in every group those whose filters have the smallest L1 norm, after
 * Li et al., "Pruning Filters for Efficient ConvNets" (2017). Where several layers share a channel,
 * each layer's norm counts as a multiple of that layer's mean, so that none drowns the others.
 */
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { countOf, floatsOf, type Tensor } from "@fieldloop/shared-node/onnx/tensor";
import { atomsOf, type Removed } from "./apply.ts";
import type { Channel } from "./lanes.ts";
import type { Trace } from "./trace.ts";

/** By atom: the sum of its filters' norms, each divided by its layer's mean. */
export type Norms = ReadonlyMap<number, number>;

/** Sums of magnitudes, by index of the axis. */
export function magnitudesAlong(tensor: Tensor, axis: number): Float64Array {
  const sums = new Float64Array(tensor.dims[axis] ?? 0);
  const inner = countOf(tensor.dims.slice(axis + 1));
  for (const [i, value] of floatsOf(tensor).entries()) {
    const index = Math.floor(i / inner) % sums.length;
    sums[index] = (sums[index] ?? 0) + Math.abs(value);
  }
  return sums;
}

export function filterNorms(graph: Graph, trace: Trace): Norms {
  const norms = new Map<number, number>();
  for (const member of trace.members) {
    if (member.kind !== "slice" || member.role !== "filter") continue;
    const tensor = graph.initializers.get(member.node.inputs[member.input] ?? "");
    if (tensor === undefined) continue;
    const sums = magnitudesAlong(tensor, member.axis);
    const mean = sums.reduce((sum, value) => sum + value, 0) / sums.length;
    for (const [i, atom] of member.atoms.entries()) {
      const norm = mean === 0 ? 0 : (sums[i] ?? 0) / mean;
      norms.set(atom, (norms.get(atom) ?? 0) + norm);
    }
  }
  return norms;
}

export interface ChooseOptions {
  /** Of each group's channels that may go, 0 to below 1. */
  readonly share: number;
  /**
   * Groups keep a multiple of this many channels, as near as can be to the share. Kernels work on
   * channels in blocks: a block that is partly empty takes as long as a full one.
   */
  readonly block?: number;
}

/** Never takes the last channel of a tensor. */
export function chooseChannels(trace: Trace, norms: Norms, options: ChooseOptions): Removed {
  const removed = new Set<number>();
  for (const { channels } of trace.groups) {
    const free = channels.filter(({ locked }) => locked === null);
    const sorted = free.toSorted((a, b) => normOf(a, norms) - normOf(b, norms));
    for (const { atoms } of sorted.slice(0, countToRemove(channels.length, free.length, options)))
      for (const atom of atoms) removed.add(atom);
  }
  spareLast(trace, norms, removed);
  return removed;
}

export function normOf({ atoms }: Channel, norms: Norms): number {
  return atoms.reduce((sum, atom) => sum + (norms.get(atom) ?? 0), 0);
}

/** @param all channels of the group, of which `free` may go */
function countToRemove(all: number, free: number, { share, block = 1 }: ChooseOptions): number {
  const wanted = Math.floor(share * free);
  if (block <= 1 || wanted === 0) return Math.min(wanted, all - 1);
  const kept = Math.max(block, block * Math.round((all - share * free) / block));
  return Math.max(0, Math.min(all - kept, free));
}

/** Gives back the strongest channel of a tensor, or of a piece of one, that would lose all of them. */
function spareLast(trace: Trace, norms: Norms, removed: Set<number>): void {
  const channelOf = new Map(
    trace.groups.flatMap(({ channels }) =>
      channels.flatMap((channel) => channel.atoms.map((atom) => [atom, channel] as const)),
    ),
  );
  const pieces = trace.members.flatMap((member) =>
    member.kind === "split" ? member.pieces : [atomsOf(member)],
  );
  for (const atoms of [...[...trace.lanes.values()].map((lane) => lane.atoms), ...pieces]) {
    if (atoms.length === 0 || atoms.some((atom) => !removed.has(atom))) continue;
    const channels = atoms.flatMap((atom) => channelOf.get(atom) ?? []);
    const [best] = channels.toSorted((a, b) => normOf(b, norms) - normOf(a, norms));
    for (const atom of best?.atoms ?? []) removed.delete(atom);
  }
}
