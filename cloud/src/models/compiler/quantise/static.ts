/**
 * Static quantisation: ranges seen in calibration become scales, weights become signed bytes per
 * channel, activations unsigned bytes per tensor, biases 32-bit integers.
 */
import { AppError } from "@fieldloop/shared/errors";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { linksOf } from "@fieldloop/shared-node/onnx/links";
import { floatsOf, type Tensor } from "@fieldloop/shared-node/onnx/tensor";
import type { Range } from "../calibrate/range.ts";
import { removeUnused } from "../passes/remove-unused.ts";
import { insertPairs, type PlacementNumbers, type StoredConstant, slot } from "./insert.ts";
import { findPixelInput, type PixelInput } from "./pixel-input.ts";
import { keyOf, type PlacedWeight, type Placement, planPlacement } from "./place.ts";
import {
  type QuantParams,
  quantiseBias,
  quantiseTensor,
  quantiseWeights,
  quantParams,
  scalesForBias,
} from "./scale.ts";

export interface StaticOptions {
  /** Keys of nodes that stay in float. */
  readonly excluded?: ReadonlySet<string>;
  /** 7-bit weights, for x86 processors without VNNI. */
  readonly reduced?: boolean;
  /** Biases in place of the graph's own, by key of the node: see `correct-bias.ts`. */
  readonly biases?: ReadonlyMap<string, Float32Array>;
}

export interface Quantised {
  readonly graph: Graph;
  readonly plan: Placement;
  /** By tensor of the float graph: what it is after its way through 8 bits. */
  readonly dequantised: ReadonlyMap<string, string>;
}

/** Tensors whose ranges calibration must find, for every mix of excluded nodes. */
export function calibratedTensors(graph: Graph): readonly string[] {
  return [...planPlacement(named(graph)).pairs.keys()];
}

/**
 * Quantises a cleaned graph of operator set 13 or newer.
 * @param ranges by tensor, for all that `calibratedTensors` names
 * @throws AppError `no-range` where a range is missing or is not finite
 */
export function quantiseStatic(
  graph: Graph,
  ranges: ReadonlyMap<string, Range>,
  options: StaticOptions = {},
): Quantised {
  const source = named(graph);
  const plan = planPlacement(source, options.excluded);
  const pixels = findPixelInput(source, plan);
  const numbers = numbersOf({ graph: source, plan, ranges, pixels, ...options });
  const inserted = insertPairs(source, plan, numbers, pixels);
  const { dequantised } = inserted;
  return { graph: removeUnused(inserted.graph).graph, plan, dequantised };
}

/** The graph with a name for every node, so that it can be found again in the optimised graph. */
export function named(graph: Graph): Graph {
  const seen = new Set<string>();
  const nodes = graph.nodes.map((node) => {
    const name = node.name === "" || seen.has(node.name) ? keyOf(node) : node.name;
    seen.add(name);
    return name === node.name ? node : { ...node, name };
  });
  return { ...graph, nodes };
}

interface Numbering extends StaticOptions {
  readonly graph: Graph;
  readonly plan: Placement;
  readonly ranges: ReadonlyMap<string, Range>;
  readonly pixels: PixelInput | undefined;
}

function numbersOf(how: Numbering): PlacementNumbers {
  const { graph, plan, pixels } = how;
  const activations = new Map<string, QuantParams>();
  for (const tensor of new Set(plan.pairs.values())) {
    const scale =
      tensor === pixels?.tensor
        ? { type: "uint8" as const, scale: 1, zeroPoint: pixels.zeroPoint }
        : scaleOf(how, tensor);
    activations.set(tensor, scale);
  }
  const constants = new Map<string, StoredConstant>();
  for (const weight of plan.weights) addWeight(how, weight, activations, constants);
  for (const { node, input, tensor } of plan.constants) {
    const constant = initializer(graph, tensor);
    const data = floatsOf(constant);
    const { min, max } = rangeOf(data);
    const params = quantParams(min, max, "uint8");
    constants.set(slot(node, input), {
      dims: constant.dims,
      values: quantiseTensor(data, params),
      scales: Float32Array.of(params.scale),
      zeroPoint: params.zeroPoint,
      axis: null,
    });
  }
  return { activations, constants };
}

function addWeight(
  how: Numbering,
  weight: PlacedWeight,
  activations: ReadonlyMap<string, QuantParams>,
  constants: Map<string, StoredConstant>,
): void {
  const { graph, plan, reduced = false } = how;
  const { node, input, axis } = weight;
  const tensor = initializer(graph, weight.tensor);
  const inputScale = activations.get(plan.pairs.get(weight.activation) ?? "")?.scale;
  if (inputScale === undefined) throw new Error(`${weight.activation} has no scale`);
  const bias = biasOf(how, weight, tensor.dims[axis] ?? 0);
  const { dims } = tensor;
  const stored = quantiseWeights(floatsOf(tensor), {
    dims,
    axis,
    reduced,
    ...(bias === undefined ? {} : { scalesMin: scalesForBias(bias, inputScale) }),
  });
  const { data, scales } = stored;
  constants.set(slot(node, input), { dims, values: data, scales, zeroPoint: 0, axis });
  if (bias === undefined) return;
  const small = quantiseBias(bias, inputScale, scales);
  constants.set(slot(node, 2), {
    dims: [bias.length],
    values: small.data,
    scales: small.scales,
    zeroPoint: 0,
    axis: 0,
  });
}

/** The bias with what the input's zero point shifts; `undefined` where there is neither. */
function biasOf(
  { graph, pixels, biases }: Numbering,
  { node, bias }: PlacedWeight,
  channels: number,
): Float32Array | undefined {
  const given = bias === null ? undefined : floatsOf(initializer(graph, bias));
  const own = biases?.get(node) ?? given;
  const shift = pixels?.biasShift.get(node);
  if (shift === undefined || shift.every((value) => value === 0)) return own;
  return Float32Array.from({ length: channels }, (_, i) => (own?.[i] ?? 0) + (shift[i] ?? 0));
}

function scaleOf({ graph, ranges }: Numbering, tensor: string): QuantParams {
  const range = ranges.get(tensor);
  if (range !== undefined && Number.isFinite(range.min) && Number.isFinite(range.max))
    return quantParams(range.min, range.max, "uint8");
  const maker = linksOf(graph).producers.get(tensor);
  const made = maker === undefined ? "" : `, which ${maker.opType} ${maker.name} makes,`;
  throw new AppError({
    code: "no-range",
    message:
      range === undefined
        ? `Calibration saw nothing of the tensor ${tensor}`
        : `The tensor ${tensor}${made} takes values that are not numbers; the model is damaged, or its input is scaled wrongly`,
    status: 422,
  });
}

function rangeOf(data: Float32Array): Range {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const value of data) {
    if (value < min) min = value;
    if (value > max) max = value;
    if (Number.isNaN(value)) return { min: Number.NaN, max: Number.NaN };
  }
  return { min, max };
}

function initializer(graph: Graph, name: string): Tensor {
  const tensor = graph.initializers.get(name);
  if (tensor === undefined) throw new Error(`${name} is no constant`);
  return tensor;
}
