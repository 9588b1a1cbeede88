/**
 * Cross-layer equalisation (Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and
 * Bias Correction"). Between two convolutions with nothing or a rectifier in between, a channel may be
 * divided by s in the first and multiplied by s in the second: f(s·x) = s·f(x) for s > 0, so the
 * network computes what it did. With s = sqrt(r1·r2) / r2, where r1 and r2 are the largest weights
 * that make and take the channel, both become sqrt(r1·r2), and no channel of the tensor between is
 * drowned by the steps that a larger one needs.
 *
 * A depthwise layer stands in two pairs, and each moves the other's ranges, so the pairs are gone
 * through again until nothing moves. Factors are collected in 64 bits and applied once.
 */
import { edit, namer } from "@fieldloop/shared-node/onnx/edit";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { labelOf, type Node } from "@fieldloop/shared-node/onnx/node";
import { countOf, floatsOf, floatTensor, type Tensor } from "@fieldloop/shared-node/onnx/tensor";
import type { PassReport } from "../passes/pass.ts";
import { removeUnused } from "../passes/remove-unused.ts";
import { findPairs, groupsOf, type Pair } from "./equal-pairs.ts";

/** Sweeps over all pairs; a chain of depthwise layers settles within a dozen. */
const sweepsMax = 100;
/** A sweep that changes no factor by more than this share changes nothing that 8 bits can see. */
const settledShare = 1e-4;

export interface EqualiseOptions {
  /**
   * What becomes of Clip 0..6. `to-relu` takes the upper bound away where a pair stands around it, which
   * changes what the network computes: the caller must ask whether the float decisions stay.
   */
  readonly relu6?: "keep" | "to-relu";
}

/** Two convolutions that were levelled. */
export interface EqualisedPair {
  /** Names of the two. */
  readonly from: string;
  readonly to: string;
  readonly channels: number;
  /**
   * How far the channels are apart: the largest weight of the largest channel, by that of the smallest
   * living one, over both sides; 1 where all are alike.
   */
  readonly spread: { readonly before: number; readonly after: number };
}

export interface EqualiseReport extends PassReport {
  readonly pairs: readonly EqualisedPair[];
  readonly sweeps: number;
  /** Whether the last sweep changed nothing any more. */
  readonly settled: boolean;
  /** Names of Clips that lost their upper bound. */
  readonly unbounded: readonly string[];
}

export interface Equalised {
  readonly graph: Graph;
  readonly report: EqualiseReport;
}

/** Levels the channels of a cleaned graph; what cannot be levelled is reported with its reason. */
export function equalise(graph: Graph, options: EqualiseOptions = {}): Equalised {
  const { pairs, left } = findPairs(graph, options.relu6 ?? "keep");
  const layers = layersOf(graph, pairs);
  const before = pairs.map((pair) => spreadOf(layers, pair));
  const { sweeps, settled } = settle(layers, pairs);
  const after = pairs.map((pair) => spreadOf(layers, pair));
  const unbounded = pairs.flatMap(({ clip }) => (clip === null ? [] : [clip]));
  return {
    graph: pairs.length === 0 ? graph : rebuild(graph, layers, unbounded),
    report: {
      pass: "equalise",
      changed: pairs.length,
      left,
      pairs: pairs.map(({ from, to, channels }, i) => ({
        from: labelOf(from),
        to: labelOf(to),
        channels,
        spread: { before: before[i] ?? 1, after: after[i] ?? 1 },
      })),
      sweeps,
      settled,
      unbounded: unbounded.map(labelOf),
    },
  };
}

/** A convolution with the factors that it has been given so far. */
interface Layer {
  readonly node: Node;
  readonly dims: readonly number[];
  /** Largest weight per output channel and input channel of its group, row by row. */
  readonly largest: Float64Array;
  readonly bias: Float32Array | null;
  readonly columns: number;
  readonly groups: number;
  /** What output channels are divided by, and input channels multiplied with. */
  readonly divide: Float64Array;
  readonly multiply: Float64Array;
}

type Layers = ReadonlyMap<Node, Layer>;

function layersOf(graph: Graph, pairs: readonly Pair[]): Layers {
  const layers = new Map<Node, Layer>();
  for (const node of new Set(pairs.flatMap(({ from, to }) => [from, to]))) {
    const weight = constant(graph, node.inputs[1]);
    const { dims } = weight;
    const [outputs = 0, columns = 0] = dims;
    const groups = groupsOf(node);
    const bias = node.inputs[2] ?? "";
    layers.set(node, {
      node,
      dims,
      largest: largestOf(floatsOf(weight), outputs * columns),
      bias: bias === "" ? null : floatsOf(constant(graph, bias)),
      columns,
      groups,
      divide: new Float64Array(outputs).fill(1),
      multiply: new Float64Array(columns * groups).fill(1),
    });
  }
  return layers;
}

function largestOf(weights: Float32Array, kernels: number): Float64Array {
  const area = weights.length / kernels;
  const largest = new Float64Array(kernels);
  weights.forEach((value, i) => {
    const kernel = Math.floor(i / area);
    largest[kernel] = Math.max(largest[kernel] ?? 0, Math.abs(value));
  });
  return largest;
}

function settle(layers: Layers, pairs: readonly Pair[]) {
  for (let sweeps = 1; sweeps <= sweepsMax; sweeps++) {
    let moved = 0;
    for (const pair of pairs) moved = Math.max(moved, level(layers, pair));
    if (moved <= settledShare) return { sweeps, settled: true };
  }
  return { sweeps: sweepsMax, settled: pairs.length === 0 };
}

/** @returns the largest share by which a factor changed */
function level(layers: Layers, pair: Pair): number {
  const from = at(layers, pair.from);
  const to = at(layers, pair.to);
  const makes = madeBy(from);
  const takes = takenBy(to);
  const biasMax = largestBias(from);
  let moved = 0;
  for (let channel = 0; channel < pair.channels; channel++) {
    const [r1 = 0, r2 = 0] = [makes[channel], takes[channel]];
    // A dead channel has no size: nothing is gained by moving it.
    if (r1 === 0 || r2 === 0) continue;
    const factor = Math.max(Math.sqrt(r1 / r2), leastFactor(from, channel, biasMax));
    from.divide[channel] = (from.divide[channel] ?? 1) * factor;
    to.multiply[channel] = (to.multiply[channel] ?? 1) * factor;
    moved = Math.max(moved, Math.abs(factor - 1));
  }
  return moved;
}

/**
 * A channel whose weights training left nearly dead is its bias and little else. To raise those weights
 * would raise the bias with them, and one channel would take the range of the whole tensor; so a
 * channel's bias may grow up to the largest of its layer, and not beyond.
 */
function leastFactor(layer: Layer, channel: number, biasMax: number): number {
  const bias = Math.abs(layer.bias?.[channel] ?? 0) / (layer.divide[channel] ?? 1);
  return biasMax === 0 ? 0 : Math.min(1, bias / biasMax);
}

/** Of the layer as it was given: the bound must not move with what it bounds. */
function largestBias({ bias }: Layer): number {
  return bias?.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) ?? 0;
}

function madeBy({ largest, columns, groups, divide, multiply }: Layer): Float64Array {
  const rows = divide.length / groups;
  return divide.map((divisor, row) => {
    const first = Math.floor(row / rows) * columns;
    let most = 0;
    for (let column = 0; column < columns; column++)
      most = Math.max(
        most,
        (largest[row * columns + column] ?? 0) * (multiply[first + column] ?? 1),
      );
    return most / divisor;
  });
}

function takenBy({ largest, columns, groups, divide, multiply }: Layer): Float64Array {
  const rows = divide.length / groups;
  return multiply.map((factor, channel) => {
    const group = Math.floor(channel / columns);
    const column = channel % columns;
    let most = 0;
    for (let row = group * rows; row < (group + 1) * rows; row++)
      most = Math.max(most, (largest[row * columns + column] ?? 0) / (divide[row] ?? 1));
    return most * factor;
  });
}

function spreadOf(layers: Layers, { from, to }: Pair): number {
  const sides = [madeBy(at(layers, from)), takenBy(at(layers, to))];
  const ratios = sides.map((sizes) => {
    const living = sizes.filter((size) => size > 0);
    return living.length === 0 ? 1 : living.reduce(largerOf, 0) / living.reduce(smallerOf);
  });
  return Math.max(...ratios);
}

const largerOf = (a: number, b: number): number => Math.max(a, b);
const smallerOf = (a: number, b: number): number => Math.min(a, b);

function rebuild(graph: Graph, layers: Layers, unbounded: readonly Node[]): Graph {
  const name = namer(graph);
  const initializers: Tensor[] = [];
  const replace = new Map<Node, readonly Node[]>();
  for (const clip of unbounded)
    replace.set(clip, [
      { ...clip, opType: "Relu", inputs: clip.inputs.slice(0, 1), attributes: [] },
    ]);
  for (const { node, dims, bias, columns, groups, divide, multiply } of layers.values()) {
    const [, old = "", oldBias = ""] = node.inputs;
    const area = countOf(dims.slice(2));
    const rows = divide.length / groups;
    const weights = floatsOf(constant(graph, old)).map((value, i) => {
      const kernel = Math.floor(i / area);
      const row = Math.floor(kernel / columns);
      const channel = Math.floor(row / rows) * columns + (kernel % columns);
      return (value * (multiply[channel] ?? 1)) / (divide[row] ?? 1);
    });
    // Others may share these constants, so the layer gets its own.
    const weight = floatTensor(name(`${old}_equal`), dims, weights);
    initializers.push(weight);
    const inputs = [node.inputs[0] ?? "", weight.name];
    if (bias !== null) {
      const levelled = bias.map((value, row) => value / (divide[row] ?? 1));
      const tensor = floatTensor(name(`${oldBias}_equal`), [bias.length], levelled);
      initializers.push(tensor);
      inputs.push(tensor.name);
    }
    replace.set(node, [{ ...node, inputs }]);
  }
  return removeUnused(edit(graph, { replace, initializers })).graph;
}

function at(layers: Layers, node: Node): Layer {
  const layer = layers.get(node);
  if (layer === undefined) throw new Error(`${labelOf(node)} is in no pair`);
  return layer;
}

function constant(graph: Graph, name = ""): Tensor {
  const tensor = graph.initializers.get(name);
  if (tensor === undefined) throw new Error(`${name} is no constant`);
  return tensor;
}
