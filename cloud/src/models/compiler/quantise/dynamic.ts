/**
 * Dynamic quantisation, for models that spend their time in large matrices: weights are signed bytes with
 * a scale per column, and what comes in is measured and quantised anew in every run, so nothing has to
 * be calibrated.
 *
 * The nodes are exactly those that ONNX Runtime fuses to DynamicQuantizeMatMul, and to MatMulIntegerToFloat
 * where several nodes share what comes in (its dynamic_quantize_matmul_fusion.cc and
 * matmul_integer_to_float.cc): DynamicQuantizeLinear, MatMulInteger, Cast, Mul by both scales, Add.
 *
 * Convolutions stay in float: the runtime has no such fusion for ConvInteger, and on a processor it is
 * slower than the float Conv (decision 21).
 */
import { floatOf, intOf, makeInt } from "@fieldloop/shared-node/onnx/attributes";
import { edit, namer } from "@fieldloop/shared-node/onnx/edit";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { makeNode, type Node } from "@fieldloop/shared-node/onnx/node";
import { type Inference, inferTypes } from "@fieldloop/shared-node/onnx/shapes/infer";
import { floatsOf, floatTensor, makeTensor, type Tensor } from "@fieldloop/shared-node/onnx/tensor";
import { removeUnused } from "../passes/remove-unused.ts";
import { roleOf } from "./operators.ts";
import { keyOf } from "./place.ts";
import { quantiseWeights } from "./scale.ts";
import { named } from "./static.ts";

/** The first operator set with DynamicQuantizeLinear. */
const opsetMin = 11;

export interface DynamicOptions {
  /** Keys (`keyOf`) of nodes that stay in float. */
  readonly excluded?: ReadonlySet<string>;
  /** 7-bit weights, for x86 processors without VNNI. */
  readonly reduced?: boolean;
}

export interface DynamicallyQuantised {
  readonly graph: Graph;
  /** Keys of the nodes that multiply in 8 bits; their names are those of the MatMulIntegers. */
  readonly quantised: ReadonlySet<string>;
  /** Nodes with weights that stay in float, with the reason. */
  readonly left: readonly {
    readonly node: string;
    readonly opType: string;
    readonly why: string;
  }[];
}

/** Quantises the matrices of a cleaned graph; it has the same inputs and outputs afterwards. */
export function quantiseDynamic(given: Graph, options: DynamicOptions = {}): DynamicallyQuantised {
  const graph = named(given);
  const inference = inferTypes(graph);
  const draft: Draft = {
    graph,
    options,
    name: namer(graph),
    add: [],
    tensors: [],
    taken: new Map(),
  };
  const replace = new Map<Node, readonly Node[]>();
  const left: { node: string; opType: string; why: string }[] = [];
  for (const node of graph.nodes) {
    if (roleOf(node) !== "weighted") continue;
    const key = keyOf(node);
    const product = options.excluded?.has(key)
      ? "it is excluded"
      : productOf(graph, inference, node);
    if (typeof product === "string") left.push({ node: key, opType: node.opType, why: product });
    else replace.set(node, rewrite(draft, node, product));
  }
  const { add, tensors } = draft;
  const edited = edit(graph, { replace, add, initializers: tensors });
  const quantised = new Set([...replace.keys()].map(keyOf));
  return { graph: removeUnused(edited).graph, quantised, left };
}

/** x · weight + bias, whatever node it was. */
interface Product {
  readonly x: string;
  /** [inner, columns] */
  readonly weight: Float32Array;
  readonly inner: number;
  readonly columns: number;
  /** Added afterwards: a constant of the graph, another one, or nothing. */
  readonly bias: string | Float32Array | null;
  /** Of the bias where it is another one. */
  readonly biasDims: readonly number[];
}

/** @returns the reason where the node cannot be quantised */
function productOf(graph: Graph, inference: Inference, node: Node): Product | string {
  if (graph.opset < opsetMin) return `operator set ${graph.opset} knows no DynamicQuantizeLinear`;
  if (node.opType === "Conv" || node.opType === "ConvTranspose")
    return "a convolution that quantises at run time is slower than in float";
  const [x = "", weightName = ""] = node.inputs;
  const weight = constant(graph, weightName);
  if (weight === undefined)
    return constant(graph, x) === undefined
      ? "its weight is no constant"
      : "its weight stands on the left";
  if (weight.type !== "float32") return `its weight is of ${weight.type}`;
  if (weight.dims.length !== 2) return `its weight has ${weight.dims.length} axes`;
  const type = inference.types.get(x)?.type ?? "";
  if (type !== "" && type !== "float32") return `its input is of ${type}`;
  return node.opType === "Gemm" ? gemmProduct(graph, node, weight) : matMulProduct(x, weight);
}

function matMulProduct(x: string, weight: Tensor): Product {
  const [inner = 0, columns = 0] = weight.dims;
  return { x, weight: floatsOf(weight), inner, columns, bias: null, biasDims: [] };
}

/** alpha · x · w + beta · c, with alpha in the weights and beta in the bias. */
function gemmProduct(graph: Graph, node: Node, weight: Tensor): Product | string {
  if (intOf(node, "transA", 0) !== 0) return "its first input is transposed";
  const alpha = floatOf(node, "alpha", 1);
  const beta = floatOf(node, "beta", 1);
  const turned = intOf(node, "transB", 0) !== 0;
  const [rows = 0, width = 0] = weight.dims;
  const [inner, columns] = turned ? [width, rows] : [rows, width];
  const given = floatsOf(weight);
  const values = turned ? transposed(given, rows, width) : given;
  const product = {
    x: node.inputs[0] ?? "",
    weight: alpha === 1 ? values : values.map((value) => value * alpha),
    inner,
    columns,
  };
  const name = node.inputs[2] ?? "";
  if (name === "" || beta === 0) return { ...product, bias: null, biasDims: [] };
  const bias = constant(graph, name);
  if (beta === 1) return { ...product, bias: name, biasDims: bias?.dims ?? [] };
  if (bias?.type !== "float32") return "its bias is no constant, and its beta is not 1";
  const scaled = floatsOf(bias).map((value) => value * beta);
  return { ...product, bias: scaled, biasDims: bias.dims };
}

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      out[column * rows + row] = values[row * columns + column] ?? 0;
  return out;
}

interface Draft {
  readonly graph: Graph;
  readonly options: DynamicOptions;
  readonly name: (base: string) => string;
  readonly add: Node[];
  readonly tensors: Tensor[];
  /** By float tensor: bytes, scale and zero point; all that take a tensor share them. */
  readonly taken: Map<string, readonly [string, string, string]>;
}

function rewrite(draft: Draft, node: Node, product: Product): readonly Node[] {
  const { name, tensors } = draft;
  const { inner, columns, bias } = product;
  const key = keyOf(node);
  const [bytes, inputScale, zeroPoint] = takeBytes(draft, product.x);
  const { data, scales } = quantiseWeights(product.weight, {
    dims: [inner, columns],
    axis: 1,
    reduced: draft.options.reduced ?? false,
  });
  const make = (what: string): string => name(`${key}_${what}`);
  const constants = {
    weight: make("weight"),
    scale: make("weight_scale"),
    zero: make("weight_zero"),
  };
  tensors.push(
    makeTensor({ name: constants.weight, type: "int8", dims: [inner, columns], data }),
    floatTensor(constants.scale, [columns], scales),
    makeTensor({
      name: constants.zero,
      type: "int8",
      dims: [columns],
      data: new Int8Array(columns),
    }),
  );
  const made = { whole: make("int32"), float: make("float"), scale: make("scale") };
  const result = bias === null ? key : make("product");
  const step = (...parts: Parameters<typeof makeNode>): Node => ({
    ...makeNode(...parts),
    name: name(`${parts[2][0]}_${parts[0]}`),
  });
  const multiply = makeNode(
    "MatMulInteger",
    [bytes, constants.weight, zeroPoint, constants.zero],
    [made.whole],
  );
  const nodes = [
    { ...multiply, name: node.name },
    step("Cast", [made.whole], [made.float], [makeInt("to", 1)]),
    step("Mul", [inputScale, constants.scale], [made.scale]),
    step("Mul", [made.float, made.scale], [result]),
  ];
  if (bias === null) return nodes;
  return [...nodes, step("Add", [result, biasName(draft, key, product)], [key])];
}

function takeBytes({ taken, name, add }: Draft, x: string): readonly [string, string, string] {
  const known = taken.get(x);
  if (known !== undefined) return known;
  const made = [name(`${x}_bytes`), name(`${x}_scale`), name(`${x}_zero_point`)] as const;
  const node = makeNode("DynamicQuantizeLinear", [x], made);
  add.push({ ...node, name: name(`${x}_DynamicQuantizeLinear`) });
  taken.set(x, made);
  return made;
}

function biasName({ tensors, name }: Draft, key: string, { bias, biasDims }: Product): string {
  if (typeof bias === "string") return bias;
  const tensor = floatTensor(name(`${key}_bias`), biasDims, bias ?? new Float32Array());
  tensors.push(tensor);
  return tensor.name;
}

function constant(graph: Graph, name: string): Tensor | undefined {
  const isInput = graph.inputs.some((input) => input.name === name);
  return isInput ? undefined : graph.initializers.get(name);
}
