/** What a rule of shape inference sees and says; and the arithmetic of dimensions. */
import type { Dim, ValueType } from "../graph.ts";
import type { Node } from "../node.ts";

export type Shape = readonly Dim[];

/** A tensor's type and, for small tensors of integers such as shapes, its values. */
export interface Inferred extends ValueType {
  /** As one flat list; a dimension that is not known stands in it as in a shape. */
  readonly values?: Shape;
}

/** A node with what is known of its inputs. */
export interface Site {
  readonly node: Node;
  readonly opset: number;
  /** `undefined` where the input is left out or nothing is known of it. */
  readonly inputs: readonly (Inferred | undefined)[];
  /** The tensor behind an attribute (Constant). */
  readonly constant?: Inferred;
}

/** One entry per output; `undefined` (for one or all) is "not known", never a guess. */
export type Rule = (site: Site) => readonly (Inferred | undefined)[] | undefined;
export type Rules = Readonly<Record<string, Rule>>;

export function shapeAt(site: Site, index: number): Shape | undefined {
  return site.inputs[index]?.shape ?? undefined;
}

/** Whether the input is given, known or not. */
export function isGiven(site: Site, index: number): boolean {
  return (site.node.inputs[index] ?? "") !== "";
}

/** Values of an integer input of which each is known. */
export function numbersAt(site: Site, index: number): readonly number[] | undefined {
  const values = site.inputs[index]?.values;
  return values !== undefined && areNumbers(values) ? values : undefined;
}

export function areNumbers(dims: readonly Dim[]): dims is readonly number[] {
  return dims.every((dim) => typeof dim === "number");
}

/** One output of the first input's type. */
export function likeFirst(site: Site, shape: Shape | null, values?: Shape): readonly Inferred[] {
  const type = site.inputs[0]?.type ?? "";
  return [{ type, shape, ...(values === undefined ? {} : { values }) }];
}

/** @returns the axis counted from the front; `undefined` where there is none such */
export function axisOf(axis: number, rank: number): number | undefined {
  const positive = axis < 0 ? axis + rank : axis;
  return positive >= 0 && positive < rank ? positive : undefined;
}

/** The axes counted from the front, or `undefined` where one does not exist. */
export function axesOf(axes: readonly number[], rank: number): readonly number[] | undefined {
  const found = axes.map((axis) => axisOf(axis, rank));
  return found.every((axis) => axis !== undefined) ? found : undefined;
}

export function productOf(dims: readonly Dim[]): number | undefined {
  return areNumbers(dims) ? dims.reduce((product, dim) => product * dim, 1) : undefined;
}

/** The shape that two shapes broadcast to; `undefined` where they cannot. */
export function broadcast(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const at = (shape: Shape, i: number): Dim => {
    const index = i - rank + shape.length;
    return index < 0 ? 1 : (shape[index] ?? null);
  };
  const dims = Array.from({ length: rank }, (_, i) => broadcastDim(at(a, i), at(b, i)));
  return dims.every((dim) => dim !== undefined) ? dims : undefined;
}

function broadcastDim(a: Dim, b: Dim): Dim | undefined {
  if (a === b) return a;
  if (a === 1) return b;
  if (b === 1) return a;
  if (typeof a === "number" && typeof b === "number") return undefined;
  if (typeof a === "number") return a; // the open one is 1 or the same: anything else fails to run
  return typeof b === "number" ? b : null;
}
