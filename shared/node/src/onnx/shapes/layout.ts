/** Shapes of operators that rearrange a tensor without computing on it. */
import { intOf, intsOf } from "../attributes.ts";
import type { Dim } from "../graph.ts";
import {
  areNumbers,
  axesOf,
  axisOf,
  isGiven,
  likeFirst,
  numbersAt,
  productOf,
  type Rule,
  type Rules,
  type Shape,
  type Site,
  shapeAt,
} from "./rule.ts";

const reshape: Rule = (site) => {
  const x = shapeAt(site, 0);
  const wanted = site.inputs[1]?.values;
  if (x === undefined || wanted === undefined) return undefined;
  const copiesZero = intOf(site.node, "allowzero", 0) === 0;
  const copied = wanted.map((dim) => dim === 0 && copiesZero);
  const shape = wanted.map((dim, i) => (copied[i] === true ? (x[i] ?? null) : dim));
  const open = wanted.indexOf(-1);
  if (open >= 0) {
    const total = productOf(x.filter((_, i) => copied[i] !== true));
    const rest = productOf(wanted.filter((_, i) => i !== open && copied[i] !== true));
    shape[open] = total !== undefined && rest !== undefined && rest > 0 ? total / rest : null;
  }
  return likeFirst(site, shape, site.inputs[0]?.values);
};

const flatten: Rule = (site) => {
  const x = shapeAt(site, 0);
  if (x === undefined) return undefined;
  const axis = intOf(site.node, "axis", 1);
  const from = axis < 0 ? axis + x.length : axis;
  const side = (dims: Shape): Dim =>
    dims.length === 1 ? (dims[0] ?? null) : (productOf(dims) ?? null);
  return likeFirst(site, [side(x.slice(0, from)), side(x.slice(from))]);
};

const transpose: Rule = (site) => {
  const x = shapeAt(site, 0);
  if (x === undefined) return undefined;
  const perm = intsOf(site.node, "perm", undefined) ?? x.map((_, i) => x.length - 1 - i);
  if (perm.length !== x.length) return undefined;
  return likeFirst(
    site,
    perm.map((axis) => x[axis] ?? null),
  );
};

/** Axes of Squeeze and Unsqueeze: an attribute up to operator set 12, an input from 13. */
function statedAxes(site: Site): readonly number[] | undefined | "unknown" {
  if (isGiven(site, 1)) return numbersAt(site, 1) ?? "unknown";
  return intsOf(site.node, "axes", undefined);
}

const squeeze: Rule = (site) => {
  const x = shapeAt(site, 0);
  const stated = statedAxes(site);
  if (x === undefined || stated === "unknown") return undefined;
  if (stated === undefined && !areNumbers(x)) return undefined;
  const axes = stated === undefined ? undefined : axesOf(stated, x.length);
  if (stated !== undefined && axes === undefined) return undefined;
  const shape = x.filter((dim, i) => (axes === undefined ? dim !== 1 : !axes.includes(i)));
  return likeFirst(site, shape, site.inputs[0]?.values);
};

const unsqueeze: Rule = (site) => {
  const x = shapeAt(site, 0);
  const stated = statedAxes(site);
  if (x === undefined || stated === undefined || stated === "unknown") return undefined;
  const rank = x.length + stated.length;
  const axes = axesOf(stated, rank);
  if (axes === undefined) return undefined;
  const rest = [...x];
  const shape = Array.from(
    { length: rank },
    (_, i): Dim => (axes.includes(i) ? 1 : (rest.shift() ?? null)),
  );
  return likeFirst(site, shape, site.inputs[0]?.values);
};

const concat: Rule = (site) => {
  const shapes = site.node.inputs.map((_, i) => shapeAt(site, i));
  const first = shapes[0];
  if (first === undefined || !shapes.every((shape) => shape?.length === first.length)) {
    return undefined;
  }
  const known = shapes as readonly Shape[]; // each has a length, as just checked
  const axis = axisOf(intOf(site.node, "axis", 0), first.length);
  if (axis === undefined) return undefined;
  const shape = first.map((dim, i): Dim => {
    const sizes: Shape = known.map((other) => other[i] ?? null);
    if (i === axis) return areNumbers(sizes) ? sizes.reduce((sum, size) => sum + size, 0) : null;
    return sizes.find((size) => typeof size === "number") ?? dim;
  });
  const lists = site.inputs.map((input) => input?.values);
  const complete = first.length === 1 && lists.every((list) => list !== undefined);
  return likeFirst(site, shape, complete ? lists.flat() : undefined);
};

const split: Rule = (site) => {
  const x = shapeAt(site, 0);
  const axis = x && axisOf(intOf(site.node, "axis", 0), x.length);
  if (x === undefined || axis === undefined) return undefined;
  if (isGiven(site, 1) && numbersAt(site, 1) === undefined) return undefined;
  const count = site.node.outputs.length;
  const size = x[axis] ?? null;
  const even = typeof size === "number" ? Math.ceil(size / count) : undefined;
  const sizes = numbersAt(site, 1) ?? intsOf(site.node, "split", undefined);
  return site.node.outputs.map((_, i) => {
    // The last part is the smaller one where it does not divide evenly (operator set 18).
    const last = even !== undefined && typeof size === "number" ? size - even * (count - 1) : null;
    const own = sizes?.[i] ?? (i === count - 1 ? last : even) ?? null;
    return {
      type: site.inputs[0]?.type ?? "",
      shape: x.map((dim, at) => (at === axis ? own : dim)),
    };
  });
};

const slice: Rule = (site) => {
  const x = shapeAt(site, 0);
  const [starts, ends] = [numbersAt(site, 1), numbersAt(site, 2)];
  if (x === undefined || starts === undefined || ends === undefined) return undefined;
  if ([3, 4].some((i) => isGiven(site, i) && numbersAt(site, i) === undefined)) return undefined;
  const axes = axesOf(numbersAt(site, 3) ?? starts.map((_, i) => i), x.length);
  const steps = numbersAt(site, 4) ?? starts.map(() => 1);
  if (axes === undefined || steps.includes(0)) return undefined;
  const shape = [...x];
  axes.forEach((axis, i) => {
    const size = x[axis] ?? null;
    shape[axis] =
      typeof size === "number"
        ? picks(size, starts[i] ?? 0, ends[i] ?? 0, steps[i] ?? 1).count
        : null;
  });
  const values = site.inputs[0]?.values;
  if (values === undefined || x.length !== 1 || axes.length !== 1) return likeFirst(site, shape);
  const step = steps[0] ?? 1;
  const { first, count } = picks(values.length, starts[0] ?? 0, ends[0] ?? 0, step);
  const picked = Array.from({ length: count }, (_, i) => values[first + i * step] ?? null);
  return likeFirst(site, shape, picked);
};

/** Where a slice of an axis begins, and how many indices it takes. */
function picks(
  size: number,
  start: number,
  end: number,
  step: number,
): { readonly first: number; readonly count: number } {
  const place = (at: number, low: number, high: number): number =>
    Math.min(high, Math.max(low, at < 0 ? at + size : at));
  const first = step > 0 ? place(start, 0, size) : place(start, 0, size - 1);
  const last = step > 0 ? place(end, 0, size) : place(end, -1, size - 1);
  return { first, count: Math.max(0, Math.ceil((last - first) / step)) };
}

/** From operator set 18 the padded axes may be named. */
const pad: Rule = (site) => {
  const x = shapeAt(site, 0);
  const pads = numbersAt(site, 1);
  if (x === undefined || pads === undefined) return undefined;
  if (isGiven(site, 3) && numbersAt(site, 3) === undefined) return undefined;
  const axes = axesOf(numbersAt(site, 3) ?? x.map((_, i) => i), x.length);
  if (axes === undefined || pads.length !== 2 * axes.length) return undefined;
  const shape = [...x];
  axes.forEach((axis, i) => {
    const size = x[axis] ?? null;
    const added = (pads[i] ?? 0) + (pads[i + axes.length] ?? 0);
    shape[axis] = added === 0 ? size : typeof size === "number" ? size + added : null;
  });
  return likeFirst(site, shape);
};

const gather: Rule = (site) => {
  const [x, indices] = [shapeAt(site, 0), shapeAt(site, 1)];
  const axis = x && axisOf(intOf(site.node, "axis", 0), x.length);
  if (x === undefined || indices === undefined || axis === undefined) return undefined;
  const shape = [...x.slice(0, axis), ...indices, ...x.slice(axis + 1)];
  const values = x.length === 1 ? site.inputs[0]?.values : undefined;
  const at = numbersAt(site, 1);
  const taken = values && at?.map((i) => values[i < 0 ? i + values.length : i] ?? null);
  return likeFirst(site, shape, taken);
};

export const layoutRules: Rules = {
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Gather: gather,
};
