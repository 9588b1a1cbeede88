/**
 * Speed subjects of the sizes that people use: MobileNetV2-1.0-224 and ResNet-18 as ONNX, built from a
 * seed. The weights are random, but what follows them is as after training: while a network is built,
 * a few pictures run through it, and each BatchNormalization gets the mean and variance that it sees.
 * So signals neither die out nor explode, and folding and quantising meet realistic numbers. The
 * statistics come from ONNX Runtime, so processors of different kinds may differ in the last bits.
 */
import { bell, between, type Random, randomFrom } from "@fieldloop/demo/scene/random";
import type { ModelInput } from "@fieldloop/shared/manifest/model";
import { makeFloat, makeInt, makeInts } from "@fieldloop/shared-node/onnx/attributes";
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { makeGraph, makeValue, modelOf } from "@fieldloop/shared-node/onnx/graph";
import { makeNode, type Node } from "@fieldloop/shared-node/onnx/node";
import type { AttributeProto } from "@fieldloop/shared-node/onnx/proto";
import { runModel } from "@fieldloop/shared-node/onnx/run-model";
import { countOf, floatsOf, floatTensor, type Tensor } from "@fieldloop/shared-node/onnx/tensor";
import { naturalPixels } from "./natural-pixels.ts";

export interface Network {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** What training would adjust: weights, biases, scale and shift of normalisation. */
  readonly parameters: number;
  readonly classes: number;
  readonly input: ModelInput;
  /** Names of inner tensors with what they are made by, in order. */
  readonly layers: readonly { readonly tensor: string; readonly opType: string }[];
}

const opset = 17;
const size = 224;
const classes = 1000;
const probePictures = 4;
const epsilon = 1e-5;

export const networkInput: ModelInput = {
  name: "input",
  layout: "NCHW",
  type: "float32",
  width: size,
  height: size,
  fit: "stretch",
  colour: "rgb",
  mean: [123.675, 116.28, 103.53],
  std: [58.395, 57.12, 57.375],
};

/** A tensor of the network, and what it holds for the probe pictures. */
interface Flow {
  readonly name: string;
  readonly tensor: Tensor;
}

interface Draft {
  readonly random: Random;
  readonly nodes: Node[];
  readonly initializers: Tensor[];
}

interface ConvShape {
  readonly outputs: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly groups?: number;
  /** Factor of the normalisation's scale: small on a branch that is added to its own input. */
  readonly gain?: number;
}

/** Sandler et al. 2018, width 1.0: expansion, channels, repeats and stride of each stage. */
const mobileStages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** MobileNetV2 of width 1.0 for 224 x 224 pixels and 1000 classes: 3 504 872 parameters. */
export function mobileNetV2(seed = 1): Promise<Network> {
  return build("mobilenet-v2", seed, async (draft, pictures) => {
    let x = await relu6(draft, await convNorm(draft, pictures, convOf(32, 3, 2)));
    for (const [expansion, channels, repeats, stride] of mobileStages)
      for (let i = 0; i < repeats; i++)
        x = await invertedResidual(draft, x, { expansion, channels, stride: i === 0 ? stride : 1 });
    return relu6(draft, await convNorm(draft, x, convOf(1280, 1)));
  });
}

/** ResNet-18 (He et al. 2015) for 224 x 224 pixels and 1000 classes: 11 689 512 parameters. */
export function resNet18(seed = 1): Promise<Network> {
  return build("resnet-18", seed, async (draft, pictures) => {
    const stem = await relu(draft, await convNorm(draft, pictures, convOf(64, 7, 2)));
    const window = [makeInts("kernel_shape", [3, 3]), makeInts("strides", [2, 2]), pads(1)];
    let x = await add(draft, "MaxPool", [stem], { attributes: window });
    for (const channels of [64, 128, 256, 512])
      for (let i = 0; i < 2; i++)
        x = await basicBlock(draft, x, channels, i === 0 && channels > 64 ? 2 : 1);
    return x;
  });
}

function convOf(outputs: number, kernel: number, stride = 1): ConvShape {
  return { outputs, kernel, stride };
}

async function invertedResidual(
  draft: Draft,
  x: Flow,
  block: { readonly expansion: number; readonly channels: number; readonly stride: number },
): Promise<Flow> {
  const { expansion, channels, stride } = block;
  const inner = channelsOf(x) * expansion;
  const wide = expansion === 1 ? x : await relu6(draft, await convNorm(draft, x, convOf(inner, 1)));
  const depthwise = { ...convOf(inner, 3, stride), groups: inner };
  const moved = await relu6(draft, await convNorm(draft, wide, depthwise));
  const isAdded = stride === 1 && channels === channelsOf(x);
  const gain = isAdded ? 0.5 : 1;
  const narrow = await convNorm(draft, moved, { ...convOf(channels, 1), gain });
  return isAdded ? add(draft, "Add", [x, narrow]) : narrow;
}

async function basicBlock(draft: Draft, x: Flow, channels: number, stride: number): Promise<Flow> {
  const first = await relu(draft, await convNorm(draft, x, convOf(channels, 3, stride)));
  const second = await convNorm(draft, first, { ...convOf(channels, 3), gain: 0.5 });
  const past = stride === 1 ? x : await convNorm(draft, x, convOf(channels, 1, stride));
  return relu(draft, await add(draft, "Add", [second, past]));
}

/** He-initialised weights whose channels differ in size, and the normalisation that levels them. */
async function convNorm(draft: Draft, x: Flow, shape: ConvShape): Promise<Flow> {
  const { random } = draft;
  const { outputs, kernel, stride = 1, groups = 1, gain = 1 } = shape;
  const fanIn = (channelsOf(x) / groups) * kernel ** 2;
  const weight = new Float32Array(outputs * fanIn);
  for (let channel = 0; channel < outputs; channel++) {
    const deviation = Math.sqrt(2 / fanIn) * Math.exp(0.4 * bell(random));
    for (let i = 0; i < fanIn; i++) weight[channel * fanIn + i] = deviation * bell(random);
  }
  const made = await add(draft, "Conv", [x], {
    constants: [["weight", [outputs, channelsOf(x) / groups, kernel, kernel], weight]],
    attributes: [
      makeInts("kernel_shape", [kernel, kernel]),
      makeInts("strides", [stride, stride]),
      pads((kernel - 1) / 2),
      makeInts("dilations", [1, 1]),
      makeInt("group", groups),
    ],
  });
  return normalise(draft, made, gain);
}

/** Running statistics a little beside the true ones; one channel in thirty nearly dead. */
function normalise(draft: Draft, x: Flow, gain: number): Promise<Flow> {
  const { random } = draft;
  const { means, variances } = channelStatistics(x.tensor);
  const channels = means.length;
  const least = 1e-3 * (variances.reduce((sum, value) => sum + value, 0) / channels);
  const variance = variances.map((value) => Math.max(value, least) * between(random, 0.9, 1.1));
  const mean = means.map((value, i) => value + 0.05 * bell(random) * Math.sqrt(variance[i] ?? 0));
  const scale = variance.map(() =>
    random() < 1 / 30 ? 0.01 : gain * Math.exp(0.35 * bell(random)),
  );
  const shift = variance.map(() => gain * 0.4 * bell(random));
  return add(draft, "BatchNormalization", [x], {
    constants: [
      ["scale", [channels], scale],
      ["shift", [channels], shift],
      ["mean", [channels], mean],
      ["variance", [channels], variance],
    ],
    attributes: [makeFloat("epsilon", epsilon)],
  });
}

function channelStatistics({ dims, ...tensor }: Tensor) {
  const values = floatsOf({ dims, ...tensor });
  const [pictures = 1, channels = 1] = dims;
  const area = values.length / pictures / channels;
  const means = new Float32Array(channels);
  const variances = new Float32Array(channels);
  for (let channel = 0; channel < channels; channel++) {
    let sum = 0;
    let squares = 0;
    for (let picture = 0; picture < pictures; picture++) {
      const from = (picture * channels + channel) * area;
      for (const value of values.subarray(from, from + area)) {
        sum += value;
        squares += value * value;
      }
    }
    const mean = sum / (pictures * area);
    means[channel] = mean;
    variances[channel] = Math.max(0, squares / (pictures * area) - mean * mean);
  }
  return { means, variances };
}

function relu(draft: Draft, x: Flow): Promise<Flow> {
  return add(draft, "Relu", [x]);
}

/** As exporters write it. */
function relu6(draft: Draft, x: Flow): Promise<Flow> {
  return add(draft, "Clip", [x], {
    constants: [
      ["min", [], Float32Array.of(0)],
      ["max", [], Float32Array.of(6)],
    ],
  });
}

function pads(each: number): AttributeProto {
  return makeInts("pads", [each, each, each, each]);
}

function channelsOf({ tensor }: Flow): number {
  return tensor.dims[1] ?? 1;
}

interface Parts {
  readonly constants?: readonly (readonly [string, readonly number[], Float32Array])[];
  readonly attributes?: readonly AttributeProto[];
}

/** Adds a node to the draft and works out what it gives for the probe pictures. */
async function add(
  draft: Draft,
  opType: string,
  inputs: readonly Flow[],
  { constants = [], attributes = [] }: Parts = {},
): Promise<Flow> {
  const name = `${opType}_${draft.nodes.length}`;
  const tensors = constants.map(([part, dims, data]) => floatTensor(`${name}_${part}`, dims, data));
  const names = [...inputs, ...tensors].map((input) => input.name);
  const node = makeNode(opType, names, [name], attributes);
  const graph = makeGraph({
    opset,
    nodes: [node],
    inputs: inputs.map(({ name, tensor }) => makeValue(name, "float32", tensor.dims)),
    outputs: [makeValue(name, "float32", null)],
    initializers: tensors,
  });
  const feeds = Object.fromEntries(inputs.map(({ name, tensor }) => [name, tensor]));
  const { [name]: tensor } = await runModel(encodeModel(modelOf(graph)), { feeds });
  if (tensor === undefined) throw new Error(`${name} gave nothing`);
  draft.nodes.push(node);
  draft.initializers.push(...tensors);
  return { name, tensor };
}

async function build(
  name: string,
  seed: number,
  body: (draft: Draft, pictures: Flow) => Promise<Flow>,
): Promise<Network> {
  const draft: Draft = { random: randomFrom(seed), nodes: [], initializers: [] };
  const features = await body(draft, { name: "input", tensor: probe(seed) });
  const pooled = await add(draft, "GlobalAveragePool", [features]);
  const flat = await add(draft, "Flatten", [pooled], { attributes: [makeInt("axis", 1)] });
  const logits = await classify(draft, flat);
  const { nodes, initializers } = draft;
  const graph = makeGraph({
    opset,
    nodes,
    initializers,
    inputs: [makeValue("input", "float32", [1, 3, size, size])],
    outputs: [makeValue(logits.name, "float32", [1, classes])],
  });
  const trained = initializers.filter((tensor) => /_(weight|bias|scale|shift)$/.test(tensor.name));
  return {
    name,
    bytes: encodeModel(modelOf(graph)),
    parameters: trained.reduce((sum, { dims }) => sum + countOf(dims), 0),
    classes,
    input: networkInput,
    layers: nodes.map((node) => ({ tensor: node.outputs[0] ?? "", opType: node.opType })),
  };
}

/**
 * Logits that tell pictures apart, with a deviation of about 3: as training does, it looks at what
 * sets a picture's features off from the usual ones.
 */
function classify(draft: Draft, x: Flow): Promise<Flow> {
  const { random } = draft;
  const { means, variances } = channelStatistics(x.tensor);
  const features = means.length;
  const deviation = 3 / Math.sqrt(variances.reduce((sum, value) => sum + value, 0));
  const weight = Float32Array.from({ length: classes * features }, () => deviation * bell(random));
  const bias = Float32Array.from(
    { length: classes },
    (_, row) =>
      -means.reduce((sum, value, i) => sum + value * (weight[row * features + i] ?? 0), 0),
  );
  return add(draft, "Gemm", [x], {
    constants: [
      ["weight", [classes, features], weight],
      ["bias", [classes], bias],
    ],
    attributes: [makeFloat("alpha", 1), makeFloat("beta", 1), makeInt("transB", 1)],
  });
}

/** Pictures as the network's input takes them, [N, 3, H, W]. */
function probe(seed: number): Tensor {
  const { mean, std } = networkInput;
  const area = size * size;
  const data = new Float32Array(probePictures * 3 * area);
  for (let picture = 0; picture < probePictures; picture++) {
    const pixels = naturalPixels({ width: size, height: size }, seed, 1_000_000 + picture);
    for (let i = 0; i < area; i++)
      for (const c of [0, 1, 2] as const)
        data[(picture * 3 + c) * area + i] = ((pixels[3 * i + c] ?? 0) - mean[c]) / std[c];
  }
  return floatTensor("input", [probePictures, 3, size, size], data);
}
