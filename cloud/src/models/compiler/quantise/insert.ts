/** Carries a plan out: pairs, 8-bit constants and 32-bit biases in the graph. */
import { makeInt } from "@fieldloop/shared-node/onnx/attributes";
import { edit, namer } from "@fieldloop/shared-node/onnx/edit";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { linksOf } from "@fieldloop/shared-node/onnx/links";
import { makeNode, type Node } from "@fieldloop/shared-node/onnx/node";
import { floatTensor, makeTensor, type Tensor } from "@fieldloop/shared-node/onnx/tensor";
import { roleOf } from "./operators.ts";
import type { PixelInput } from "./pixel-input.ts";
import { keyOf, type Placement } from "./place.ts";

/** Scale and zero point of an activation, unsigned 8 bits. */
export interface ActivationScale {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** A constant as it is stored. */
export interface StoredConstant {
  readonly dims: readonly number[];
  readonly values: Int8Array | Uint8Array | Int32Array;
  /** One scale per channel of `axis`, or one for all where `axis` is `null`. */
  readonly scales: Float32Array;
  readonly zeroPoint: number;
  readonly axis: number | null;
}

/** The numbers of a plan. */
export interface PlacementNumbers {
  /** By the tensor that a pair takes its range from. */
  readonly activations: ReadonlyMap<string, ActivationScale>;
  /** By `slot(node, input)`: weights, biases, constant operands. */
  readonly constants: ReadonlyMap<string, StoredConstant>;
}

export const slot = (node: string, input: number): string => `${input} of ${node}`;

interface Parts {
  readonly add: Node[];
  readonly initializers: Tensor[];
  readonly name: (base: string) => string;
}

export interface Inserted {
  readonly graph: Graph;
  /** By tensor with a pair: the float tensor behind the pair. */
  readonly dequantised: ReadonlyMap<string, string>;
}

/** The graph with everything of the plan in it; nodes that stay in float are as they were. */
export function insertPairs(
  graph: Graph,
  plan: Placement,
  numbers: PlacementNumbers,
  pixels?: PixelInput,
): Inserted {
  const parts: Parts = { add: [], initializers: [], name: namer(graph) };
  const absorbed = new Set(plan.absorbed.values());
  const { producers } = linksOf(graph);
  const isOutput = new Set(graph.outputs.map(({ name }) => name));
  /** What quantised nodes (and after a quantised one, all nodes) take in place of a tensor. */
  const read = new Map<string, string>();
  /** What the producer writes in place of a tensor. */
  const write = new Map<string, string>();
  const forAll = new Set<string>();
  for (const [tensor, like] of plan.pairs) {
    const scale = numbers.activations.get(like);
    if (scale === undefined) throw new Error(`${like} has no scale`);
    const producer = producers.get(tensor);
    const output = isOutput.has(tensor);
    const made = output ? parts.name(`${tensor}_float`) : tensor;
    const taken = output ? tensor : parts.name(`${tensor}_dequantised`);
    if (tensor === pixels?.tensor) {
      const taken = parts.name(`${tensor}_dequantised`);
      read.set(tensor, taken);
      const inputs = addScale(parts, tensor, scale);
      parts.add.push(pairNode(parts, "DequantizeLinear", [pixels.bytes, ...inputs], [taken]));
      continue;
    }
    if (output) write.set(tensor, made);
    read.set(tensor, taken);
    if (
      producer !== undefined &&
      (plan.quantised.has(keyOf(producer)) || absorbed.has(keyOf(producer)) || output)
    )
      forAll.add(tensor);
    addPair(parts, { tensor, made, taken }, scale);
  }
  const nodes = new Map<Node, readonly Node[]>();
  for (const node of graph.nodes) {
    if (absorbed.has(keyOf(node))) nodes.set(node, []);
    else nodes.set(node, [rewire(node, { plan, numbers, parts, producers, read, write, forAll })]);
  }
  const { add, initializers } = parts;
  return { graph: edit(graph, { replace: nodes, add, initializers }), dequantised: read };
}

interface Wiring {
  readonly plan: Placement;
  readonly numbers: PlacementNumbers;
  readonly parts: Parts;
  readonly producers: ReadonlyMap<string, Node>;
  readonly read: ReadonlyMap<string, string>;
  readonly write: ReadonlyMap<string, string>;
  readonly forAll: ReadonlySet<string>;
}

function rewire(node: Node, how: Wiring): Node {
  const { plan, numbers, parts, read, write, forAll } = how;
  const key = keyOf(node);
  const inBytes = plan.quantised.has(key);
  const inputs = node.inputs.map((name, input) => {
    const constant = numbers.constants.get(slot(key, input));
    if (constant !== undefined) return addConstant(parts, `${key}_input${input}`, constant);
    const pair = read.get(name);
    const taken = pair !== undefined && (inBytes || forAll.has(name)) ? pair : name;
    const guarded = !inBytes && input === 0 && roleOf(node) === "weighted";
    return guarded && comesFromPair(name, how) ? addBarrier(parts, taken) : taken;
  });
  const extraBias = numbers.constants.get(slot(key, 2));
  if (node.inputs.length === 2 && extraBias !== undefined)
    inputs.push(addConstant(parts, `${key}_input2`, extraBias));
  const outputs = node.outputs.map((name) => {
    const last = plan.absorbed.get(name) ?? name;
    return write.get(last) ?? last;
  });
  return { ...node, inputs, outputs };
}

/** Whether ONNX Runtime can pull a Dequantize down to the tensor, past nodes that only move values. */
function comesFromPair(
  name: string,
  { read, producers }: Pick<Wiring, "read" | "producers">,
): boolean {
  let at = name;
  for (let node = producers.get(at); !read.has(at); node = producers.get(at)) {
    if (node === undefined || roleOf(node) !== "passing") return false;
    at = node.inputs[0] ?? "";
  }
  return true;
}

/**
 * A Clip without bounds, which changes nothing, in front of a float node with weights. Without it ONNX
 * Runtime would quantise the weights itself, with one scale for the whole tensor, wherever such a
 * node stands between a Dequantize and a Quantize (its WeightBiasQuantization).
 */
function addBarrier(parts: Parts, tensor: string): string {
  const passed = parts.name(`${tensor}_float`);
  parts.add.push(pairNode(parts, "Clip", [tensor], [passed]));
  return passed;
}

function addPair(
  parts: Parts,
  names: { readonly tensor: string; readonly made: string; readonly taken: string },
  scale: ActivationScale,
): void {
  const { tensor, made, taken } = names;
  const bytes = parts.name(`${tensor}_quantised`);
  const inputs = addScale(parts, tensor, scale);
  parts.add.push(
    pairNode(parts, "QuantizeLinear", [made, ...inputs], [bytes]),
    pairNode(parts, "DequantizeLinear", [bytes, ...inputs], [taken]),
  );
}

/** A node whose name no other has: its tensor may be called as a node of the model is. */
function pairNode(parts: Parts, ...made: Parameters<typeof makeNode>): Node {
  const node = makeNode(...made);
  return { ...node, name: parts.name(`${node.name}_${node.opType}`) };
}

/** @returns the names of scale and zero point */
function addScale(
  parts: Parts,
  tensor: string,
  { scale, zeroPoint }: ActivationScale,
): readonly [string, string] {
  const scaleName = parts.name(`${tensor}_scale`);
  const zeroName = parts.name(`${tensor}_zero_point`);
  parts.initializers.push(
    floatTensor(scaleName, [], Float32Array.of(scale)),
    makeTensor({ name: zeroName, type: "uint8", dims: [], data: Uint8Array.of(zeroPoint) }),
  );
  return [scaleName, zeroName];
}

/** @returns the name of the float tensor that the constant stands for */
function addConstant(parts: Parts, base: string, constant: StoredConstant): string {
  const { dims, values, scales, zeroPoint, axis } = constant;
  const stored = parts.name(`${base}_quantised`);
  const scaleName = parts.name(`${base}_scale`);
  const zeroName = parts.name(`${base}_zero_point`);
  const taken = parts.name(`${base}_dequantised`);
  const scaleDims = axis === null ? [] : [scales.length];
  const zeros = filled(values, axis === null ? 1 : scales.length, zeroPoint);
  const type = typeOf(values);
  parts.initializers.push(
    makeTensor({ name: stored, type, dims, data: own(values) }),
    floatTensor(scaleName, scaleDims, scales),
    makeTensor({ name: zeroName, type, dims: scaleDims, data: zeros }),
  );
  const attributes = axis === null ? [] : [makeInt("axis", axis)];
  parts.add.push(
    pairNode(parts, "DequantizeLinear", [stored, scaleName, zeroName], [taken], attributes),
  );
  return taken;
}

type Stored = Int8Array<ArrayBuffer> | Uint8Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

function own(values: StoredConstant["values"]): Stored {
  if (values instanceof Int8Array) return Int8Array.from(values);
  return values instanceof Uint8Array ? Uint8Array.from(values) : Int32Array.from(values);
}

function filled(like: StoredConstant["values"], length: number, value: number): Stored {
  const make = own(like).subarray(0, 0);
  if (make instanceof Int8Array) return new Int8Array(length).fill(value);
  if (make instanceof Uint8Array) return new Uint8Array(length).fill(value);
  return new Int32Array(length).fill(value);
}

function typeOf(values: StoredConstant["values"]): string {
  if (values instanceof Int8Array) return "int8";
  return values instanceof Uint8Array ? "uint8" : "int32";
}
