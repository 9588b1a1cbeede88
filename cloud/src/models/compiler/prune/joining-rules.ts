/** Operators that work value by value, on one tensor or on two that meet. */
import { labelOf } from "@fieldloop/shared-node/onnx/node";
import { floatsOf, type Tensor } from "@fieldloop/shared-node/onnx/tensor";
import type { Lane } from "./lanes.ts";
import { type ChannelRule, type ChannelRules, isGiven, noteSlice, type Site } from "./rule.ts";

const keeps: ChannelRule = (site) => [site.lane(0)];

const breaks: ChannelRule = (site) => {
  const lane = site.lane(0);
  return [lane && { ...lane, zero: false }];
};

const clip: ChannelRule = (site) => {
  const bound = (input: number, otherwise: number): number | undefined => {
    if (!isGiven(site, input)) return otherwise;
    const tensor = site.constant(input);
    return tensor && floats(tensor)?.[0];
  };
  const [least, most] = [bound(1, Number.NEGATIVE_INFINITY), bound(2, Number.POSITIVE_INFINITY)];
  const holdsZero = least !== undefined && most !== undefined && least <= 0 && most >= 0;
  return site.opset >= 11 && holdsZero ? keeps(site) : breaks(site);
};

/** Two operands that meet, with channels, as a constant, or as something wide on the channel axis. */
const meet: ChannelRule = (site) => {
  const { node, book } = site;
  const rank = site.outputShape(0)?.length;
  const lanes = node.inputs.map((_, i) => shifted(site, i, rank));
  const counts = lanes.flatMap((lane) => lane?.atoms.length ?? []);
  const count = Math.max(...counts);
  const main = lanes.find((lane) => lane?.atoms.length === count);
  if (main === undefined || rank === undefined) return `the shape at ${labelOf(node)} is not known`;
  const { axis, atoms } = main;
  const zeros: boolean[] = [];
  for (const [i, lane] of lanes.entries()) {
    const tensor = site.constant(i);
    const zero = lane
      ? joinLane(site, lane, main)
      : tensor
        ? joinConstant(site, i, tensor, { ...main, axis: axis - rank + tensor.dims.length })
        : joinOther(site, i, rank - axis);
    if (typeof zero === "string") return zero;
    zeros.push(zero);
  }
  if (node.opType === "Div" && !site.constant(1)) {
    for (const lane of lanes)
      if (lane) book.lock(lane.atoms, `${labelOf(node)} divides by channels`);
  }
  const some = node.opType === "Mul" || node.opType === "Div" || node.opType === "PRelu";
  return [{ axis, atoms, zero: some ? zeros.some(Boolean) : zeros.every(Boolean) }];
};

/** The lane with its axis as the output counts it. */
function shifted(site: Site, input: number, rank: number | undefined): Lane | undefined {
  const lane = site.lane(input);
  const own = site.shape(input)?.length;
  if (lane === undefined || own === undefined || rank === undefined) return undefined;
  return { ...lane, axis: lane.axis + rank - own };
}

function joinLane(site: Site, lane: Lane, main: Lane): boolean | string {
  const label = labelOf(site.node);
  if (lane.axis !== main.axis) return `the channels meet on different axes at ${label}`;
  if (lane.atoms.length === main.atoms.length) site.book.unite(main.atoms, lane.atoms);
  else if (lane.atoms.length === 1)
    site.book.lock(lane.atoms, `${label} spreads its one channel over others`);
  else return `numbers of channels do not fit at ${label}`;
  // One channel for all says nothing about a single one that is gone.
  return lane.zero && lane.atoms.length === main.atoms.length;
}

/** @returns whether zero stays zero on account of this operand */
function joinConstant(site: Site, input: number, tensor: Tensor, main: Lane): boolean | string {
  const { opType } = site.node;
  const adds = opType !== "Mul" && opType !== "Div" && opType !== "PRelu";
  if (opType === "Max" || opType === "Min") return `${labelOf(site.node)} compares with constants`;
  if (main.axis >= 0 && tensor.dims[main.axis] === main.atoms.length && main.atoms.length > 1) {
    noteSlice(site, input, main.axis, main.atoms, adds ? "offset" : "follows");
    return adds;
  }
  return adds && (floats(tensor)?.every((value) => value === 0) ?? false);
}

/** A tensor of which no channels are known: harmless where it has one for all. */
function joinOther(site: Site, input: number, fromBehind: number): boolean | string {
  const shape = site.shape(input);
  const wide = shape !== undefined && (shape.at(-fromBehind) === 1 || shape.length < fromBehind);
  return wide ? false : `${site.node.inputs[input]} meets them at ${labelOf(site.node)}`;
}

function floats(tensor: Tensor): Float32Array | undefined {
  return tensor.type.startsWith("float") ? floatsOf(tensor) : undefined;
}

function all(rule: ChannelRule, names: string): ChannelRules {
  return Object.fromEntries(names.split(" ").map((name) => [name, rule]));
}

export const joiningRules: ChannelRules = {
  ...all(
    keeps,
    "Relu LeakyRelu HardSwish Tanh Elu Selu Celu Abs Neg Sqrt Floor Ceil Round Erf Gelu Mish Softsign Identity Dropout Cast",
  ),
  ...all(breaks, "Sigmoid HardSigmoid Exp Softplus Cos"),
  ...all(meet, "Add Sub Mul Div Max Min PRelu Sum"),
  Clip: clip,
};
