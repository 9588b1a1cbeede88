/** Operators with weights: where channels are made and used up. */
import { intOf } from "@fieldloop/shared-node/onnx/attributes";
import { labelOf } from "@fieldloop/shared-node/onnx/node";
import type { Lane } from "./lanes.ts";
import { type ChannelRule, type ChannelRules, isGiven, noteSlice, type Site } from "./rule.ts";

const notConstant = (site: Site): string => `the weights of ${labelOf(site.node)} are no constants`;

/** Takes the lane as the inputs of a layer's weights. */
function consume(site: Site, lane: Lane | undefined, input: number, axis: number): void {
  if (lane === undefined) return;
  if (!lane.zero)
    site.book.lock(
      lane.atoms,
      `an operator before ${labelOf(site.node)} makes something else than zero of a missing channel`,
    );
  noteSlice(site, input, axis, lane.atoms, "follows");
}

/** Notes a bias of one number per channel. @returns whether there is none, or it is such a one */
function noteBias(site: Site, input: number, atoms: readonly number[]): boolean {
  if (!isGiven(site, input)) return true;
  const bias = site.constant(input);
  const axis = (bias?.dims.length ?? 0) - 1;
  if (bias === undefined || axis < 0 || bias.dims[axis] !== atoms.length) return false;
  noteSlice(site, input, axis, atoms, "offset");
  return true;
}

const conv: ChannelRule = (site) => {
  const weight = site.constant(1);
  if (weight === undefined) return notConstant(site);
  const [first = 0, second = 0] = weight.dims;
  const lane = site.lane(0);
  if (lane !== undefined && lane.axis !== 1)
    return `${labelOf(site.node)} has no channels at axis 1`;
  const transposed = site.node.opType === "ConvTranspose";
  const groups = intOf(site.node, "group", 1);
  if (groups > 1) return depthwise(site, lane, { groups, first, second, transposed });
  const atoms = site.book.fresh(site.node, transposed ? second : first);
  consume(site, lane, 1, transposed ? 0 : 1);
  noteSlice(site, 1, transposed ? 1 : 0, atoms, "filter");
  if (!noteBias(site, 2, atoms)) return notConstant(site);
  return [{ axis: 1, atoms, zero: true }];
};

/** Each channel has filters of its own, so output channels go with their input channel. */
function depthwise(
  site: Site,
  lane: Lane | undefined,
  weight: { groups: number; first: number; second: number; transposed: boolean },
): readonly Lane[] | string {
  const { groups, first, second, transposed } = weight;
  const channels = transposed ? first : (lane?.atoms.length ?? 0);
  const single = second === 1 && groups === channels && (!transposed || first === groups);
  if (lane === undefined || lane.atoms.length !== groups || !single)
    return `${labelOf(site.node)} works in ${groups} groups of several channels`;
  const times = first / groups;
  const atoms = site.book.fresh(site.node, first);
  site.book.unite(
    atoms,
    atoms.map((_, i) => lane.atoms[Math.floor(i / times)] ?? 0),
  );
  noteSlice(site, 1, 0, atoms, "filter");
  if (!noteBias(site, 2, atoms)) return notConstant(site);
  site.note({ kind: "group", node: site.node, atoms: lane.atoms });
  return [{ axis: 1, atoms, zero: true }];
}

const gemm: ChannelRule = (site) => {
  const weight = site.constant(1);
  if (weight === undefined) return notConstant(site);
  const lane = site.lane(0);
  if (intOf(site.node, "transA", 0) === 1 || (lane !== undefined && lane.axis !== 1))
    return `${labelOf(site.node)} turns its input round`;
  const turned = intOf(site.node, "transB", 0) === 1;
  const atoms = site.book.fresh(site.node, weight.dims[turned ? 0 : 1] ?? 0);
  consume(site, lane, 1, turned ? 1 : 0);
  noteSlice(site, 1, turned ? 0 : 1, atoms, "filter");
  // One number for all channels stays when a filter goes.
  const own = noteBias(site, 2, atoms);
  if (!own && !site.constant(2)) return notConstant(site);
  return [{ axis: 1, atoms, zero: own }];
};

const matMul: ChannelRule = (site) => {
  const weight = site.constant(1);
  if (weight === undefined || weight.dims.length !== 2) return notConstant(site);
  const lane = site.lane(0);
  const rank = site.shape(0)?.length;
  if (rank === undefined || rank < 2 || (lane !== undefined && lane.axis !== rank - 1))
    return `${labelOf(site.node)} multiplies along another axis`;
  const atoms = site.book.fresh(site.node, weight.dims[1] ?? 0);
  consume(site, lane, 1, 0);
  noteSlice(site, 1, 1, atoms, "filter");
  return [{ axis: rank - 1, atoms, zero: true }];
};

/** @param count of the inputs after the first, one number per channel each */
const normalisation =
  (count: number): ChannelRule =>
  (site) => {
    const lane = site.lane(0);
    const inputs = Array.from({ length: count }, (_, i) => i + 1);
    if (lane === undefined || lane.axis !== 1 || !inputs.every((i) => site.constant(i)))
      return `the numbers of ${labelOf(site.node)} are no constants`;
    // With scale and bias gone, nothing of the channel is left.
    for (const i of inputs) noteSlice(site, i, 0, lane.atoms, i <= 2 ? "offset" : "follows");
    return [{ ...lane, zero: true }];
  };

export const layerRules: ChannelRules = {
  Conv: conv,
  ConvTranspose: conv,
  Gemm: gemm,
  MatMul: matMul,
  BatchNormalization: normalisation(4),
  InstanceNormalization: normalisation(2),
};
