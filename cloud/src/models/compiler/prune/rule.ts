/** What a rule of the channel walk sees of a node, and says. */
import type { Node } from "@fieldloop/shared-node/onnx/node";
import type { Shape } from "@fieldloop/shared-node/onnx/shapes/rule";
import type { Tensor } from "@fieldloop/shared-node/onnx/tensor";
import type { Book, Lane, Member } from "./lanes.ts";

export interface Site {
  readonly node: Node;
  readonly opset: number;
  readonly book: Book;
  /** By index of the input; `undefined` where it is left out or nothing is known of it. */
  lane(input: number): Lane | undefined;
  shape(input: number): Shape | undefined;
  outputShape(output: number): Shape | undefined;
  /** A constant that no caller can replace. */
  constant(input: number): Tensor | undefined;
  /** Notes what changes with the channels. */
  note(member: Member): void;
}

/**
 * The lanes of the outputs, or the reason why the channels that come in have to stay.
 * `undefined` for an output is "no channels that could go".
 */
export type ChannelRule = (site: Site) => readonly (Lane | undefined)[] | string;
export type ChannelRules = Readonly<Record<string, ChannelRule>>;

export function isGiven(site: Site, input: number): boolean {
  return (site.node.inputs[input] ?? "") !== "";
}

/** Notes that an axis of a constant input goes along with the atoms. */
export function noteSlice(
  site: Site,
  input: number,
  axis: number,
  atoms: readonly number[],
  role: "filter" | "offset" | "follows",
): void {
  site.note({ kind: "slice", node: site.node, input, axis, atoms, role });
}
