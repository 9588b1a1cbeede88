/**
 * Bias correction (Nagel et al. 2019): rounding moves the mean of what a layer makes, and the same shift
 * on every pixel adds up along the network where noise averages out. Per channel, the mean of the
 * float layer less that of the quantised one goes into the bias, which has 32 bits and costs nothing
 * to run.
 *
 * The means are those of real samples, before the activation. (The paper works them out from the
 * statistics of normalisation, which are folded away here.) Layers are corrected one after another,
 * each behind corrected ones: all at once, every layer would also make up for what those before it
 * are being cured of, and a second sweep over that diverges. See decision 21 for figures.
 */
import { assert } from "@fieldloop/shared/errors";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import type { Node } from "@fieldloop/shared-node/onnx/node";
import { inferTypes } from "@fieldloop/shared-node/onnx/shapes/infer";
import { floatsOf } from "@fieldloop/shared-node/onnx/tensor";
import type { TensorData } from "@fieldloop/shared-node/tensor";
import type { Range } from "../calibrate/range.ts";
import { type GraphInput, lookInside } from "./expose.ts";
import { keyOf, type PlacedWeight } from "./place.ts";
import { named, type Quantised, quantiseStatic, type StaticOptions } from "./static.ts";

export interface BiasCorrection {
  /** The cleaned float graph, and how it is fed: a `Prepared` is one. */
  readonly prepared: { readonly graph: Graph; readonly graphInput: GraphInput };
  readonly ranges: ReadonlyMap<string, Range>;
  /** As for `quantiseStatic`; the correction starts from biases given here. */
  readonly options?: StaticOptions;
  /** Writes one sample each; some dozens suffice for a mean. */
  readonly fills: readonly ((input: TensorData) => void)[];
  /** Called with 0 to 1. */
  readonly progress?: (share: number) => void;
}

export interface CorrectedNode {
  /** The node's name. */
  readonly node: string;
  readonly opType: string;
  /** Root of the mean square of its channels' corrections, by that of what the float node makes. */
  readonly shift: number;
}

export interface CorrectedBias {
  /** Float biases by key of the node, for `quantiseStatic` with the same ranges and options. */
  readonly biases: ReadonlyMap<string, Float32Array>;
  /** Quantised with them. */
  readonly quantised: Quantised;
  /** In the order in which they were corrected. */
  readonly nodes: readonly CorrectedNode[];
  /** Quantised nodes with weights that were not corrected. */
  readonly left: readonly { readonly node: string; readonly why: string }[];
}

/**
 * Corrects the biases of every quantised Conv and Gemm. Runs the samples once through the float graph
 * and once per depth through the quantised one.
 * @throws AppError as `quantiseStatic` and `lookInside` do
 */
export async function correctBias(how: BiasCorrection): Promise<CorrectedBias> {
  const { ranges, options = {}, fills, progress } = how;
  assert(fills.length > 0, "a mean needs a sample");
  const graph = named(how.prepared.graph);
  const look: Means = { input: how.prepared.graphInput, fills };
  const biases = new Map(options.biases ?? []);
  let quantised = quantiseStatic(graph, ranges, { ...options, biases });
  const { layers, left } = layersOf(graph, quantised);
  const exact = await meansOf(graph, layers, look);
  const rounds = byDepth(graph, layers);
  const nodes: CorrectedNode[] = [];
  for (const [i, round] of rounds.entries()) {
    const found = await meansOf(quantised.graph, round, look);
    for (const layer of round) {
      const correction = differenceOf(exact.get(layer), found.get(layer));
      const key = keyOf(layer.node);
      const own = biases.get(key) ?? givenBias(graph, layer);
      biases.set(
        key,
        own.map((value, channel) => value + (correction[channel] ?? 0)),
      );
      const shift = relativeSize(correction, exact.get(layer));
      nodes.push({ node: layer.node.name, opType: layer.node.opType, shift });
    }
    quantised = quantiseStatic(graph, ranges, { ...options, biases });
    progress?.((i + 1) / rounds.length);
  }
  return { biases, quantised, nodes, left };
}

/** A quantised node with a bias, or with room for one. */
interface Layer {
  readonly node: Node;
  readonly weight: PlacedWeight;
  readonly channels: number;
}

function layersOf(graph: Graph, { plan }: Quantised) {
  const nodes = new Map(graph.nodes.map((node) => [keyOf(node), node]));
  const layers: Layer[] = [];
  const left: { node: string; why: string }[] = [];
  for (const weight of plan.weights) {
    const node = nodes.get(weight.node);
    const channels = graph.initializers.get(weight.tensor)?.dims[weight.axis] ?? 0;
    if (node === undefined || channels === 0) continue;
    if (node.opType === "MatMul") left.push({ node: node.name, why: "a MatMul has no bias" });
    else layers.push({ node, weight, channels });
  }
  return { layers, left };
}

/** Layers of which none depends on another of the same round, the first ones first. */
function byDepth(graph: Graph, layers: readonly Layer[]): readonly (readonly Layer[])[] {
  const ofNode = new Map(layers.map((layer) => [layer.node, layer]));
  const depths = new Map<string, number>();
  const rounds: Layer[][] = [];
  for (const node of graph.nodes) {
    const before = Math.max(0, ...node.inputs.map((name) => depths.get(name) ?? 0));
    const layer = ofNode.get(node);
    for (const name of node.outputs) depths.set(name, layer === undefined ? before : before + 1);
    if (layer === undefined) continue;
    const round = rounds[before] ?? [];
    round.push(layer);
    rounds[before] = round;
  }
  return rounds;
}

interface Means {
  readonly input: GraphInput;
  readonly fills: BiasCorrection["fills"];
}

/** What a layer makes, over all samples. */
interface Made {
  /** Per channel. */
  readonly sums: Float64Array;
  squares: number;
  count: number;
}

/**
 * Sums of what layers make in a graph. In the quantised one a Conv that is looked at runs in float on
 * numbers that have been through 8 bits, before its result has: just what its bias must make good.
 */
async function meansOf(
  graph: Graph,
  layers: readonly Layer[],
  { input, fills }: Means,
): Promise<ReadonlyMap<Layer, Made>> {
  const twins = new Map(graph.nodes.map((node) => [node.name, node]));
  const { types } = inferTypes(graph);
  const watched = new Map(
    layers.map((layer) => [keyOf(twins.get(layer.node.name) ?? layer.node), layer]),
  );
  const made = new Map<Layer, Made>();
  await lookInside({
    graph,
    input,
    tensors: [...watched.keys()],
    fills,
    see: (tensor, values) => {
      const layer = watched.get(tensor);
      if (layer === undefined) return;
      const { channels } = layer;
      const sums = made.get(layer) ?? { sums: new Float64Array(channels), squares: 0, count: 0 };
      const batch = types.get(tensor)?.shape?.[0];
      addValues(sums, values, typeof batch === "number" ? batch : 1);
      made.set(layer, sums);
    },
  });
  return made;
}

/** Values are [batch, channels, …]. */
function addValues(made: Made, values: Float32Array, batch: number): void {
  const { sums } = made;
  const area = Math.max(1, Math.floor(values.length / batch / sums.length));
  for (let start = 0; start < values.length; start += area) {
    let sum = 0;
    let squares = 0;
    for (let i = start; i < start + area; i++) {
      const value = values[i] ?? 0;
      sum += value;
      squares += value * value;
    }
    const channel = (start / area) % sums.length;
    sums[channel] = (sums[channel] ?? 0) + sum;
    made.squares += squares;
  }
  made.count += values.length;
}

/** Mean of the one less mean of the other, per channel; 0 where that is no number. */
function differenceOf(exact: Made | undefined, found: Made | undefined): Float64Array {
  if (exact === undefined || found === undefined) return new Float64Array();
  const each = exact.count / exact.sums.length;
  return exact.sums.map((sum, channel) => {
    const difference = (sum - (found.sums[channel] ?? 0)) / each;
    return Number.isFinite(difference) ? difference : 0;
  });
}

function relativeSize(correction: Float64Array, made: Made | undefined): number {
  const square = correction.reduce((sum, value) => sum + value * value, 0) / correction.length;
  const size = made === undefined ? 0 : made.squares / made.count;
  return size > 0 ? Math.sqrt(square / size) : 0;
}

function givenBias(graph: Graph, { weight, channels }: Layer): Float32Array {
  const tensor = weight.bias === null ? undefined : graph.initializers.get(weight.bias);
  return tensor === undefined ? new Float32Array(channels) : floatsOf(tensor);
}
