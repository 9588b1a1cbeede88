/**
 * Types and shapes of every tensor of a graph, as far as they are certain. An operator without a rule
 * (the table below is the whole list) is reported and its outputs stay unknown, unless the file itself
 * says what they are.
 */
import { attributeOf, floatOf, floatsOf, intOf, intsOf } from "../attributes.ts";
import type { Graph, Value } from "../graph.ts";
import { labelOf, type Node } from "../node.ts";
import { countOf, dataOf, integersOf, type Tensor, tensorOf } from "../tensor.ts";
import { elementwiseRules } from "./elementwise.ts";
import { layoutRules } from "./layout.ts";
import { matrixRules } from "./matrix.ts";
import { resizeRules } from "./resize.ts";
import type { Inferred, Rules, Shape } from "./rule.ts";
import { typedRules } from "./typed.ts";
import { windowRules } from "./window.ts";

const rules: Rules = {
  ...elementwiseRules,
  ...windowRules,
  ...matrixRules,
  ...layoutRules,
  ...resizeRules,
  ...typedRules,
};

/** Tensors of at most this many values are followed by value: shapes, axes, scales. */
const valuesMax = 1024;

/** A node whose outputs could not be worked out. */
export interface UnknownNode {
  readonly node: string;
  readonly opType: string;
  /** `operator` has no rule, `inputs` are not known well enough. */
  readonly why: "operator" | "inputs";
}

export interface Inference {
  /** By tensor. */
  readonly types: ReadonlyMap<string, Inferred>;
  readonly unknown: readonly UnknownNode[];
}

/** Works through the graph once, in its order. */
export function inferTypes(graph: Graph): Inference {
  const types = new Map<string, Inferred>();
  const unknown: UnknownNode[] = [];
  const said = new Map([...graph.values, ...graph.outputs].map((value) => [value.name, value]));
  for (const value of graph.inputs) types.set(value.name, { type: value.type, shape: value.shape });
  for (const [name, tensor] of graph.initializers) types.set(name, constantType(tensor));
  for (const node of graph.nodes) {
    const outputs = inferNode(graph, node, types);
    if (outputs === "no rule" || outputs === undefined) {
      const why = outputs === undefined ? "inputs" : "operator";
      unknown.push({ node: labelOf(node), opType: qualified(node), why });
    }
    const known = outputs === "no rule" ? [] : (outputs ?? []);
    node.outputs.forEach((name, i) => {
      const result = merge(known[i], said.get(name));
      if (name !== "" && result !== undefined) types.set(name, result);
    });
  }
  return { types, unknown };
}

/** Operator sets other than the default one are named with it. */
function qualified(node: Node): string {
  return node.domain === "" ? node.opType : `${node.domain}.${node.opType}`;
}

function inferNode(
  graph: Graph,
  node: Node,
  types: ReadonlyMap<string, Inferred>,
): readonly (Inferred | undefined)[] | undefined | "no rule" {
  const known = node.domain === "" && Object.hasOwn(rules, node.opType);
  const rule = known ? rules[node.opType] : undefined;
  if (rule === undefined) return "no rule";
  const inputs = node.inputs.map((name) => types.get(name));
  const constant = node.opType === "Constant" ? constantTensor(node) : undefined;
  return rule({
    node,
    opset: graph.opset,
    inputs,
    ...(constant === undefined ? {} : { constant: constantType(constant) }),
  });
}

/** The tensor that a Constant node stands for; `undefined` for strings and sparse ones. */
export function constantTensor(node: Node): Tensor | undefined {
  const name = node.outputs[0] ?? "";
  const value = attributeOf(node, "value")?.t;
  if (value !== undefined) return { ...tensorOf({ ...value, name }) };
  const floats = floatsOf(node, "value_floats");
  if (floats !== undefined) return numbers(name, "float32", [floats.length], floats);
  const ints = intsOf(node, "value_ints", undefined);
  if (ints !== undefined) return numbers(name, "int64", [ints.length], ints);
  if (attributeOf(node, "value_float"))
    return numbers(name, "float32", [], [floatOf(node, "value_float", 0)]);
  if (attributeOf(node, "value_int"))
    return numbers(name, "int64", [], [intOf(node, "value_int", 0)]);
  return undefined;
}

function numbers(
  name: string,
  type: "float32" | "int64",
  dims: readonly number[],
  list: readonly number[],
): Tensor {
  const data =
    type === "float32" ? { dataType: 1, floatData: list } : { dataType: 7, int64Data: list };
  return tensorOf({ name, dims, ...data });
}

function constantType(tensor: Tensor): Inferred {
  const { type, dims } = tensor;
  const small = countOf(dims) <= valuesMax && tensor.proto.dataLocation !== 1;
  if (!small) return { type, shape: dims };
  if (type === "int64" || type === "int32")
    return { type, shape: dims, values: integersOf(tensor) };
  // Scales of Resize are floats.
  if (type === "float32" && dims.length === 1 && countOf(dims) <= 8) {
    return { type, shape: dims, values: Array.from(dataOf(tensor) as Float32Array) }; // its type says so
  }
  return { type, shape: dims };
}

/** What was worked out, filled up with what the file says where that fits. */
function merge(found: Inferred | undefined, said: Value | undefined): Inferred | undefined {
  if (found === undefined) return said && { type: said.type, shape: said.shape };
  const type = found.type === "" ? (said?.type ?? "") : found.type;
  const stated = said?.shape;
  if (found.shape === null) return { ...found, type, shape: stated ?? null };
  if (stated?.length !== found.shape.length) return { ...found, type };
  const shape: Shape = found.shape.map((dim, i) => (dim === null ? (stated[i] ?? null) : dim));
  return { ...found, type, shape };
}
