/**
 * A graph of 32-bit floats becomes one of 16-bit floats, half the size: weights, the tensors between and
 * the types that attributes name. Inputs and outputs stay as they are, with Casts at the borders, so
 * whoever feeds and reads the model sees no difference.
 *
 * It pays where the device computes in halves (a GPU), and where bytes on the way count. ONNX Runtime's
 * CPU provider has next to no kernels for halves: it puts Casts around the nodes, takes most of them out
 * again, and runs the float kernels. So there a model is half as large on disk and not faster; where
 * Clips follow convolutions it is slower, since the two are no longer fused. (Read back and measured
 * with 1.27, see decision 21; every operator below runs.)
 *
 * What stays in 32 bits: operators that are not in the list, inputs that are float32 by definition (the
 * scales of Resize), and numbers that are worked out from shapes, where a half would be off by one from
 * 2048 on.
 */
import { intOf, makeInt, withAttributes } from "@fieldloop/shared-node/onnx/attributes";
import { edit, namer } from "@fieldloop/shared-node/onnx/edit";
import { typeNumber } from "@fieldloop/shared-node/onnx/element-type";
import { type Graph, makeValue } from "@fieldloop/shared-node/onnx/graph";
import { toHalves } from "@fieldloop/shared-node/onnx/half";
import { linksOf } from "@fieldloop/shared-node/onnx/links";
import { labelOf, makeNode, type Node } from "@fieldloop/shared-node/onnx/node";
import { inferTypes } from "@fieldloop/shared-node/onnx/shapes/infer";
import { countOf, floatsOf, makeTensor, type Tensor } from "@fieldloop/shared-node/onnx/tensor";
import { constantNodes } from "./constant-nodes.ts";
import type { PassReport, PassResult } from "./pass.ts";
import { removeUnused } from "./remove-unused.ts";

const half = typeNumber("float16");
const float = typeNumber("float32");

/** Operators whose float inputs and outputs may all be halves. */
const lowered = new Set(
  [
    ["Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "InstanceNormalization"],
    ["LayerNormalization", "LRN", "Relu", "LeakyRelu", "PRelu", "Clip", "Sigmoid", "HardSigmoid"],
    ["HardSwish", "Tanh", "Elu", "Selu", "Softplus", "Softmax", "LogSoftmax", "Exp", "Log", "Sqrt"],
    ["Abs", "Neg", "Floor", "Ceil", "Erf", "Add", "Sub", "Mul", "Div", "Pow", "Concat", "Split"],
    ["Slice", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Gather", "Expand", "Pad"],
    ["Tile", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Resize", "Upsample"],
    ["ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "Where", "Identity", "Dropout", "Cast"],
    ["DepthToSpace", "SpaceToDepth"],
  ].flat(),
);

/** Inputs that are float32 by definition, whatever the others are. */
const alwaysFloat: Readonly<Record<string, readonly number[]>> = { Resize: [2], Upsample: [1] };

export interface LowerReport extends PassReport {
  /** Why nothing was changed; `null` where the graph was lowered. */
  readonly refused: string | null;
  /** Weights that became halves, and how many values they hold. */
  readonly tensors: number;
  readonly values: number;
  /** Values beyond 65504, the largest half: with any, the pass refuses. */
  readonly overflowed: number;
  /** Values other than 0 that became 0, since they are below 2^-25. */
  readonly underflowed: number;
}

export interface Lowered extends PassResult {
  readonly report: LowerReport;
}

/**
 * Lowers a cleaned graph. It is refused as a whole where a weight is too large for a half, and where a
 * nested graph takes tensors by name.
 */
export function lowerFloat16(given: Graph): Lowered {
  const { graph } = constantNodes(given);
  const nested = graph.nodes.find((node) =>
    node.attributes.some(({ g, graphs = [] }) => g !== undefined || graphs.length > 0),
  );
  if (nested !== undefined)
    return refuse(given, nested, "it holds a nested graph, whose types are left alone");
  const draft = draftOf(graph);
  for (const node of graph.nodes) {
    const why = whyFloat(draft, node);
    if (why === undefined) lowerNode(draft, node);
    else keepNode(draft, node, why);
  }
  const [first] = draft.overflows;
  if (first === undefined) return finish(draft);
  const [tensor, { node, count }] = first;
  const all = [...draft.overflows.values()].reduce((sum, { count }) => sum + count, 0);
  const why = `${count} of the values of its constant ${tensor} are beyond 65504, the largest 16-bit float`;
  return refuse(given, node, why, all);
}

interface Draft {
  readonly graph: Graph;
  readonly name: (base: string) => string;
  readonly constants: ReadonlyMap<string, Tensor>;
  /** By tensor of the graph as given; what is not in it is not known. */
  readonly types: Map<string, string>;
  /** Tensors that are worked out from shapes alone. */
  readonly fromShapes: ReadonlySet<string>;
  readonly pinned: ReadonlySet<string>;
  /** By float32 tensor of the graph as given: the tensor of halves, where there is one. */
  readonly halves: Map<string, string>;
  /** By float32 tensor of the graph as given: the tensor of 32 bits, where there is one. */
  readonly floats: Map<string, string>;
  readonly replace: Map<Node, readonly Node[]>;
  readonly casts: Node[];
  readonly tensors: Tensor[];
  readonly left: { readonly node: string; readonly why: string }[];
  /** By constant: how many of its values no half reaches. */
  readonly tooLarge: Map<string, number>;
  /** Those of them that somebody computes with. */
  readonly overflows: Map<string, { readonly node: Node; readonly count: number }>;
  underflowed: number;
}

function draftOf(graph: Graph): Draft {
  const listed = new Set(graph.inputs.map(({ name }) => name));
  const constants = new Map([...graph.initializers].filter(([name]) => !listed.has(name)));
  const types = new Map(
    [...inferTypes(graph).types].flatMap(([name, { type }]) =>
      type === "" ? [] : [[name, type] as const],
    ),
  );
  const given = [...graph.initializers.keys(), ...listed];
  return {
    graph,
    name: namer(graph),
    constants,
    types,
    fromShapes: shapeTensors(graph, constants),
    pinned: linksOf(graph).pinned,
    halves: new Map(),
    floats: new Map(given.map((name) => [name, name])),
    replace: new Map(),
    casts: [],
    tensors: [],
    left: [],
    tooLarge: new Map(),
    overflows: new Map(),
    underflowed: 0,
  };
}

function shapeTensors(graph: Graph, constants: Draft["constants"]): ReadonlySet<string> {
  const found = new Set<string>();
  for (const node of graph.nodes) {
    const variable = variableInputs(node, constants);
    if (!takesAnyType(node) && variable.length === 0) continue;
    if (takesAnyType(node) || variable.every((name) => found.has(name)))
      for (const name of node.outputs) found.add(name);
  }
  return found;
}

function variableInputs({ inputs }: Node, constants: Draft["constants"]): readonly string[] {
  return inputs.filter((name) => name !== "" && !constants.has(name));
}

function takesAnyType({ domain, opType }: Node): boolean {
  return domain === "" && (opType === "Shape" || opType === "Size");
}

/** Why a node stays in 32 bits. */
function whyFloat({ constants, types, fromShapes }: Draft, node: Node): string | undefined {
  if (node.domain !== "" || !lowered.has(node.opType))
    return `${node.opType} is not known to take 16-bit floats`;
  const variable = variableInputs(node, constants);
  if (variable.length > 0 && variable.every((name) => fromShapes.has(name)))
    return "it computes with shapes";
  const unknown = variable.find((name) => !types.has(name));
  return unknown === undefined ? undefined : `the type of ${unknown} is not known`;
}

function lowerNode(draft: Draft, node: Node): void {
  const { types, halves } = draft;
  const always = alwaysFloat[node.opType] ?? [];
  const inputs = node.inputs.map((name, input) => {
    if (types.get(name) !== "float32") return name;
    return always.includes(input) ? floatOf(draft, name) : halfOf(draft, node, name);
  });
  const outputs = node.outputs.map((name, output) => {
    if (name === "" || typeMade(draft, node, output) !== "float32") return name;
    types.set(name, "float32");
    const made = draft.pinned.has(name) ? draft.name(`${name}_half`) : name;
    halves.set(name, made);
    if (made !== name) addCast(draft, made, name, float);
    return made;
  });
  const isCast = node.opType === "Cast" && intOf(node, "to", 0) === float;
  const attributes = isCast ? withAttributes(node, [makeInt("to", half)]) : node.attributes;
  draft.replace.set(node, [{ ...node, inputs, outputs, attributes }]);
}

/** Where inference has no rule: the listed operators make what they take. */
function typeMade({ types }: Draft, node: Node, output: number): string | undefined {
  const known = types.get(node.outputs[output] ?? "");
  if (known !== undefined || node.opType === "Cast") return known;
  if (node.opType === "Dropout" && output === 1) return "bool";
  return types.get(node.inputs[node.opType === "Where" ? 1 : 0] ?? "");
}

function keepNode(draft: Draft, node: Node, why: string): void {
  const { types, halves, floats } = draft;
  const inputs = node.inputs.map((name) => {
    if (!halves.has(name)) return name;
    return takesAnyType(node) ? (halves.get(name) ?? name) : floatOf(draft, name);
  });
  for (const name of node.outputs) floats.set(name, name);
  if (inputs.some((name, i) => name !== node.inputs[i]))
    draft.replace.set(node, [{ ...node, inputs }]);
  const touched = [...node.inputs, ...node.outputs].some((name) => types.get(name) === "float32");
  if (touched && !takesAnyType(node)) draft.left.push({ node: labelOf(node), why });
}

/** The name of the tensor in halves. */
function halfOf(draft: Draft, node: Node, tensor: string): string {
  const { halves, constants } = draft;
  const constant = constants.get(tensor);
  const name = halves.get(tensor) ?? draft.name(`${tensor}_half`);
  if (!halves.has(tensor)) {
    halves.set(tensor, name);
    if (constant === undefined) addCast(draft, draft.floats.get(tensor) ?? tensor, name, half);
    else draft.tensors.push(halfTensor(draft, constant, name));
  }
  // To cut off at a number that no half reaches is not to cut off.
  const count = draft.tooLarge.get(tensor) ?? 0;
  if (count > 0 && node.opType !== "Clip") draft.overflows.set(tensor, { node, count });
  return name;
}

function halfTensor(draft: Draft, constant: Tensor, name: string): Tensor {
  const values = floatsOf(constant);
  const data = toHalves(values);
  let overflowed = 0;
  for (const [i, value] of values.entries()) {
    const size = (data[i] ?? 0) & 0x7fff;
    if (size === 0x7c00 && Number.isFinite(value)) overflowed++;
    if (size === 0 && value !== 0) draft.underflowed++;
  }
  if (overflowed > 0) draft.tooLarge.set(constant.name, overflowed);
  return makeTensor({ name, type: "float16", dims: constant.dims, data });
}

/** The name of the tensor in 32 bits. */
function floatOf(draft: Draft, tensor: string): string {
  const known = draft.floats.get(tensor);
  if (known !== undefined) return known;
  // A lowered output that somebody outside needs has its name as a float.
  const name = draft.pinned.has(tensor) ? tensor : draft.name(`${tensor}_float`);
  draft.floats.set(tensor, name);
  if (name !== tensor) addCast(draft, draft.halves.get(tensor) ?? tensor, name, float);
  return name;
}

function addCast(draft: Draft, from: string, to: string, type: number): void {
  const node = makeNode("Cast", [from], [to], [makeInt("to", type)]);
  draft.casts.push({ ...node, name: draft.name(`${to}_Cast`) });
}

function finish(draft: Draft): Lowered {
  const { graph, replace, casts, tensors, halves, left, underflowed } = draft;
  const edited = edit(graph, { replace, add: casts, initializers: tensors });
  const values = graph.values.map((value) =>
    halves.get(value.name) === value.name ? makeValue(value.name, "float16", value.shape) : value,
  );
  return {
    graph: removeUnused({ ...edited, values }).graph,
    report: {
      pass: "lower-float16",
      changed: tensors.length + replace.size,
      left,
      refused: null,
      tensors: tensors.length,
      values: tensors.reduce((sum, { dims }) => sum + countOf(dims), 0),
      overflowed: 0,
      underflowed,
    },
  };
}

function refuse(graph: Graph, node: Node, why: string, overflowed = 0): Lowered {
  const nothing = { changed: 0, tensors: 0, values: 0, overflowed, underflowed: 0 };
  const left = [{ node: labelOf(node), why }];
  const refused = `${labelOf(node)} cannot be lowered: ${why}`;
  return { graph, report: { pass: "lower-float16", ...nothing, left, refused } };
}
