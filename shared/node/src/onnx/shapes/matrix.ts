/** Shapes of matrix products and of means over axes. */
import { intOf, intsOf } from "../attributes.ts";
import {
  axesOf,
  broadcast,
  isGiven,
  likeFirst,
  numbersAt,
  type Rule,
  type Rules,
  shapeAt,
} from "./rule.ts";

const gemm: Rule = (site) => {
  const [a, b] = [shapeAt(site, 0), shapeAt(site, 1)];
  if (a?.length !== 2 || b?.length !== 2) return undefined;
  const rows = a[intOf(site.node, "transA", 0) === 1 ? 1 : 0] ?? null;
  const columns = b[intOf(site.node, "transB", 0) === 1 ? 0 : 1] ?? null;
  return likeFirst(site, [rows, columns]);
};

const matMul: Rule = (site) => {
  const [a, b] = [shapeAt(site, 0), shapeAt(site, 1)];
  if (a === undefined || b === undefined || a.length === 0 || b.length === 0) return undefined;
  // A vector is a matrix of one row (left) or one column (right), and that axis goes again.
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  const stack = broadcast(left.slice(0, -2), right.slice(0, -2));
  if (stack === undefined) return undefined;
  const rows = a.length === 1 ? [] : [left.at(-2) ?? null];
  const columns = b.length === 1 ? [] : [right.at(-1) ?? null];
  return likeFirst(site, [...stack, ...rows, ...columns]);
};

/** Axes are an attribute up to operator set 17 and an input from 18. */
const reduceMean: Rule = (site) => {
  const x = shapeAt(site, 0);
  if (x === undefined) return undefined;
  if (isGiven(site, 1) && numbersAt(site, 1) === undefined) return undefined;
  const named = numbersAt(site, 1) ?? intsOf(site.node, "axes", []);
  if (named.length === 0 && intOf(site.node, "noop_with_empty_axes", 0) === 1) {
    return likeFirst(site, x);
  }
  const axes = named.length === 0 ? x.map((_, axis) => axis) : axesOf(named, x.length);
  if (axes === undefined) return undefined;
  const keep = intOf(site.node, "keepdims", 1) === 1;
  const shape = x.flatMap((dim, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [dim]));
  return likeFirst(site, shape);
};

export const matrixRules: Rules = { Gemm: gemm, MatMul: matMul, ReduceMean: reduceMean };
