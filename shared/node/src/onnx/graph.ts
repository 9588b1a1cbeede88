/**
 * A model as a small graph that passes can read and change. Everything is immutable: a pass collects
 * what it wants changed and asks `edit` for the new graph once.
 *
 * Nested graphs (the branches of If, the bodies of Loop and Scan) are left untouched; the names they
 * take from outside count as uses, so nothing they need is renamed or dropped.
 */
import { opsetOf } from "./codec.ts";
import { typeName, typeNumber } from "./element-type.ts";
import { type Node, nodeOf, nodeProto } from "./node.ts";
import {
  type GraphProto,
  type ModelProto,
  revise,
  toNumber,
  type ValueInfoProto,
} from "./proto.ts";
import { sortNodes } from "./sort-nodes.ts";
import { type Tensor, tensorOf } from "./tensor.ts";

/** A number, the name of a dimension that is left open, or `null` where even the name is. */
export type Dim = number | string | null;

/** What is known of a tensor's type; `shape` is `null` where not even the rank is known. */
export interface ValueType {
  readonly type: string;
  readonly shape: readonly Dim[] | null;
}

export interface Value extends ValueType {
  readonly name: string;
  readonly proto: ValueInfoProto;
}

export interface Graph {
  readonly opset: number;
  /** Always in an order in which every node's inputs come before it. */
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, Tensor>;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** What the file says about tensors in between. */
  readonly values: readonly Value[];
  /** The model it was read from. */
  readonly model: ModelProto;
}

/**
 * The graph of a model.
 * @throws AppError `model-unreadable` where nodes wait for each other or two make the same tensor
 */
export function graphOf(model: ModelProto): Graph {
  const proto = model.graph ?? {};
  const nodes = (proto.node ?? []).map(nodeOf);
  const graph: Graph = {
    opset: opsetOf(model) ?? 0,
    nodes,
    initializers: new Map((proto.initializer ?? []).map((t) => [t.name ?? "", tensorOf(t)])),
    inputs: (proto.input ?? []).map(readValue),
    outputs: (proto.output ?? []).map(readValue),
    values: (proto.valueInfo ?? []).map(readValue),
    model,
  };
  return { ...graph, nodes: sortNodes(graph) };
}

/** A new graph, of the default operator set only. */
export function makeGraph(parts: {
  readonly opset: number;
  readonly nodes: readonly Node[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly initializers?: readonly Tensor[];
}): Graph {
  const { opset, nodes, inputs, outputs, initializers = [] } = parts;
  const constants = new Map(initializers.map((tensor) => [tensor.name, tensor]));
  const model: ModelProto = {
    irVersion: 8,
    producerName: "fieldloop",
    opsetImport: [{ domain: "", version: opset }],
    graph: { name: "graph" },
  };
  return {
    opset,
    nodes: sortNodes({ nodes }),
    inputs,
    outputs,
    initializers: constants,
    values: [],
    model,
  };
}

/** The model of a graph; what the graph does not cover is as it was in the file. */
export function modelOf(graph: Graph): ModelProto {
  const made = new Set(graph.nodes.flatMap((node) => node.outputs));
  return revise(graph.model, {
    graph: revise<GraphProto>(graph.model.graph ?? {}, {
      node: graph.nodes.map(nodeProto),
      initializer: [...graph.initializers.values()].map((tensor) => tensor.proto),
      input: graph.inputs.map((value) => value.proto),
      output: graph.outputs.map((value) => value.proto),
      valueInfo: graph.values
        .filter(({ name }) => made.has(name) || isExtra(graph, name))
        .map((v) => v.proto),
    }),
  });
}

/** A description of a tensor for a graph's inputs, outputs or values. */
export function makeValue(name: string, type: string, shape: readonly Dim[] | null): Value {
  const dim = shape?.map((size) => {
    if (typeof size === "number") return { dimValue: size };
    return size === null ? {} : { dimParam: size };
  });
  const tensorType = {
    elemType: typeNumber(type),
    ...(dim === undefined ? {} : { shape: { dim } }),
  };
  return { name, type, shape, proto: { name, type: { tensorType } } };
}

export function readValue(proto: ValueInfoProto): Value {
  const tensor = proto.type?.tensorType;
  const shape = tensor?.shape && (tensor.shape.dim ?? []).map(dimOf);
  const type = tensor === undefined ? "" : typeName(tensor.elemType ?? 0);
  return { name: proto.name ?? "", type, shape: shape ?? null, proto };
}

/** A size of 0 or less stands for "open" with some exporters. */
function dimOf(dim: {
  readonly dimValue?: Parameters<typeof toNumber>[0];
  readonly dimParam?: string;
}): Dim {
  if (Object.hasOwn(dim, "dimValue") && toNumber(dim.dimValue) > 0) return toNumber(dim.dimValue);
  return dim.dimParam === undefined || dim.dimParam === "" ? null : dim.dimParam;
}

/** Whether a note in the file is about something other than a node's output: it is then kept. */
function isExtra(graph: Graph, name: string): boolean {
  return (
    graph.initializers.has(name) ||
    [...graph.inputs, ...graph.outputs].some((value) => value.name === name)
  );
}
