/** Operators that move channels about: pools, joints, pieces, shapes. */
import { floatOf, intOf, intsOf, stringOf } from "@fieldloop/shared-node/onnx/attributes";
import { labelOf } from "@fieldloop/shared-node/onnx/node";
import { axisOf, productOf } from "@fieldloop/shared-node/onnx/shapes/rule";
import { floatsOf, integersOf } from "@fieldloop/shared-node/onnx/tensor";
import type { Lane } from "./lanes.ts";
import { type ChannelRule, type ChannelRules, isGiven, type Site } from "./rule.ts";

const pool: ChannelRule = (site) => {
  const lane = site.lane(0);
  if (lane?.axis !== 1) return `${labelOf(site.node)} has no channels at axis 1`;
  if (site.node.outputs.length > 1) return `${labelOf(site.node)} says where its values were`;
  return [lane];
};

/** Axes given as an attribute or as a constant input; `undefined` where they are not certain. */
function axesOf(site: Site, input: number): readonly number[] | undefined {
  const attribute = intsOf(site.node, "axes", undefined);
  const tensor = site.constant(input);
  return attribute ?? (tensor && integersOf(tensor));
}

const reduce: ChannelRule = (site) => {
  const [lane, rank] = [site.lane(0), site.shape(0)?.length];
  const axes = rank === undefined ? [] : axesOf(site, 1)?.map((axis) => axisOf(axis, rank));
  if (lane === undefined || !axes?.length || axes.includes(lane.axis))
    return `${labelOf(site.node)} takes all channels together`;
  if (intOf(site.node, "keepdims", 1) === 1) return [lane];
  const before = axes.filter((axis) => axis !== undefined && axis < lane.axis).length;
  return [{ ...lane, axis: lane.axis - before }];
};

const squeeze: ChannelRule = (site) => {
  const [lane, rank] = [site.lane(0), site.shape(0)?.length];
  const axes = rank === undefined ? undefined : axesOf(site, 1)?.map((axis) => axisOf(axis, rank));
  if (lane === undefined || axes === undefined || axes.includes(lane.axis))
    return `what ${labelOf(site.node)} does to the channels is not certain`;
  const before = axes.filter((axis) => axis !== undefined && axis < lane.axis).length;
  return [{ ...lane, axis: lane.axis - before }];
};

const unsqueeze: ChannelRule = (site) => {
  const [lane, rank] = [site.lane(0), site.outputShape(0)?.length];
  const axes = rank === undefined ? undefined : axesOf(site, 1)?.map((axis) => axisOf(axis, rank));
  if (lane === undefined || axes === undefined || rank === undefined)
    return `what ${labelOf(site.node)} does to the channels is not certain`;
  const old = Array.from({ length: rank }, (_, i) => i).filter((axis) => !axes.includes(axis));
  return [{ ...lane, axis: old[lane.axis] ?? 0 }];
};

const transpose: ChannelRule = (site) => {
  const [lane, rank] = [site.lane(0), site.shape(0)?.length];
  if (lane === undefined || rank === undefined)
    return `the shape at ${labelOf(site.node)} is not known`;
  const turned = Array.from({ length: rank }, (_, i) => rank - 1 - i);
  return [{ ...lane, axis: intsOf(site.node, "perm", turned).indexOf(lane.axis) }];
};

const concat: ChannelRule = (site) => {
  const rank = site.outputShape(0)?.length;
  const axis = rank === undefined ? undefined : axisOf(intOf(site.node, "axis", 0), rank);
  const lanes = site.node.inputs.flatMap((_, i) => site.lane(i) ?? []);
  const [first] = lanes;
  const label = labelOf(site.node);
  if (axis === undefined) return `the shape at ${label} is not known`;
  if (first === undefined || lanes.length < site.node.inputs.length)
    return `${label} joins them with something that has no channels`;
  if (lanes.some((lane) => lane.axis !== first.axis)) return `${label} joins different axes`;
  const zero = lanes.every((lane) => lane.zero);
  if (axis === first.axis) return [{ axis, atoms: lanes.flatMap((lane) => lane.atoms), zero }];
  if (lanes.some((lane) => lane.atoms.length !== first.atoms.length))
    return `numbers of channels do not fit at ${label}`;
  for (const lane of lanes) site.book.unite(first.atoms, lane.atoms);
  return [{ ...first, zero }];
};

const split: ChannelRule = (site) => {
  const [lane, rank] = [site.lane(0), site.shape(0)?.length];
  if (lane === undefined || rank === undefined)
    return `the shape at ${labelOf(site.node)} is not known`;
  const { node } = site;
  if (axisOf(intOf(node, "axis", 0), rank) !== lane.axis) return node.outputs.map(() => lane);
  const sizes = node.outputs.map((_, i) => site.outputShape(i)?.[lane.axis]);
  let from = 0;
  const pieces: number[][] = [];
  for (const size of sizes) {
    if (typeof size !== "number") return `the pieces of ${labelOf(node)} are not known`;
    pieces.push(lane.atoms.slice(from, from + size));
    from += size;
  }
  site.note({ kind: "split", node, pieces });
  return pieces.map((atoms): Lane => ({ ...lane, atoms }));
};

/** Everything after the channel axis becomes part of it, as in Flatten before a Gemm. */
function flattened(site: Site, lane: Lane): Lane | string {
  const rest = productOf(site.shape(0)?.slice(lane.axis + 1) ?? [null]);
  if (rest === undefined) return `the shape at ${labelOf(site.node)} is not known`;
  const atoms = lane.atoms.flatMap((atom) => Array.from({ length: rest }, () => atom));
  return { ...lane, atoms };
}

const flatten: ChannelRule = (site) => {
  const [lane, rank] = [site.lane(0), site.shape(0)?.length];
  const axis = rank === undefined ? undefined : axisOf(intOf(site.node, "axis", 1), rank);
  if (lane?.axis !== 1 || axis !== 1) return `${labelOf(site.node)} mixes channels with others`;
  const flat = flattened(site, lane);
  return typeof flat === "string" ? flat : [flat];
};

/** Only what Flatten does too: [n, c, …] to [n, c·…]. */
const reshape: ChannelRule = (site) => {
  const [lane, shape, tensor] = [site.lane(0), site.shape(0), site.constant(1)];
  const mixes = `${labelOf(site.node)} mixes channels with others`;
  if (lane?.axis !== 1 || shape === undefined || tensor === undefined) return mixes;
  const [rows, columns, ...more] = integersOf(tensor);
  const flat = flattened(site, lane);
  if (typeof flat === "string") return flat;
  const keepsRows = rows === 0 || rows === -1 || rows === shape[0];
  const fits = columns === -1 || columns === flat.atoms.length;
  // [-1] for the rows is right only where the columns are all there are.
  if (more.length > 0 || !keepsRows || !fits || (rows === -1 && columns === -1)) return mixes;
  if (columns !== -1)
    site.note({ kind: "entry", node: site.node, input: 1, position: 1, atoms: flat.atoms });
  return [flat];
};

const pad: ChannelRule = (site) => {
  const [lane, rank, pads] = [site.lane(0), site.shape(0)?.length, site.constant(1)];
  if (lane === undefined || rank === undefined || pads === undefined || isGiven(site, 3))
    return `what ${labelOf(site.node)} does to the channels is not certain`;
  const sizes = integersOf(pads);
  if (sizes[lane.axis] !== 0 || sizes[lane.axis + rank] !== 0)
    return `${labelOf(site.node)} adds channels`;
  const value = site.constant(2);
  const constant = stringOf(site.node, "mode", "constant") === "constant";
  const zero = !constant || !isGiven(site, 2) || (value !== undefined && floatsOf(value)[0] === 0);
  return [{ ...lane, zero: lane.zero && zero }];
};

const resize: ChannelRule = (site) => {
  const lane = site.lane(0);
  const unsure = `what ${labelOf(site.node)} does to the channels is not certain`;
  const { node } = site;
  if (lane === undefined || intsOf(node, "axes", undefined) !== undefined) return unsure;
  // Beyond the edges it may put a value of its own.
  if (floatOf(node, "extrapolation_value", 0) !== 0) return unsure;
  const scalesAt = node.opType === "Upsample" || site.opset < 11 ? 1 : 2;
  const [scales, sizes] = [site.constant(scalesAt), site.constant(3)];
  if (scales !== undefined && scales.dims[0] !== 0)
    return floatsOf(scales)[lane.axis] === 1 ? [lane] : unsure;
  if (sizes === undefined || integersOf(sizes)[lane.axis] !== lane.atoms.length) return unsure;
  site.note({ kind: "entry", node, input: 3, position: lane.axis, atoms: lane.atoms });
  return [lane];
};

const slice: ChannelRule = (site) => {
  const [lane, rank, axes] = [site.lane(0), site.shape(0)?.length, site.constant(3)];
  const fixed = rank !== undefined && axes !== undefined && integersOf(axes);
  if (lane === undefined || !fixed || fixed.some((axis) => axisOf(axis, rank) === lane.axis))
    return `${labelOf(site.node)} may cut channels out`;
  return [lane];
};

export const layoutRules: ChannelRules = {
  MaxPool: pool,
  AveragePool: pool,
  GlobalAveragePool: pool,
  GlobalMaxPool: pool,
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceSum: reduce,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Flatten: flatten,
  Reshape: reshape,
  Pad: pad,
  Resize: resize,
  Upsample: resize,
  Slice: slice,
};
