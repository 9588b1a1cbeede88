/**
 * Works out beforehand what depends on constants only. ONNX Runtime itself does the sums, once, so
 * the values are those that it would have got in every run.
 */

import { messageOf } from "@fieldloop/shared/errors";
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { edit } from "@fieldloop/shared-node/onnx/edit";
import { rawBytes, typeNumber } from "@fieldloop/shared-node/onnx/element-type";
import { type Graph, modelOf, type Value } from "@fieldloop/shared-node/onnx/graph";
import { linksOf } from "@fieldloop/shared-node/onnx/links";
import { labelOf, type Node } from "@fieldloop/shared-node/onnx/node";
import { runModel } from "@fieldloop/shared-node/onnx/run-model";
import { type Inference, inferTypes } from "@fieldloop/shared-node/onnx/shapes/infer";
import { countOf, int64Tensor, type Tensor } from "@fieldloop/shared-node/onnx/tensor";
import type { PassReport, PassResult } from "./pass.ts";

/** Chance has no place here, and pairs of Quantize and Dequantize mark what stays in 8 bits. */
const neverFolded = new Set([
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
  "Multinomial",
  "Bernoulli",
  "QuantizeLinear",
  "DequantizeLinear",
  "DynamicQuantizeLinear",
]);

/** A constant that is larger than this, and than what it is made from, would bloat the file. */
const foldedTensorBytesMax = 16 * 2 ** 20;

export async function foldConstants(graph: Graph): Promise<PassResult> {
  const inference = inferTypes(graph);
  const shaped = foldShapes(graph, inference);
  const constant = constantNodes(shaped, inference);
  const wanted = neededOutside(shaped, constant);
  const changed = graph.nodes.length - shaped.nodes.length + constant.size;
  const report = (left: PassReport["left"] = []): PassReport => ({
    pass: "fold-constants",
    changed: left.length === 0 ? changed : changed - constant.size,
    left,
  });
  if (wanted.length === 0) return { graph: shaped, report: report() };
  try {
    const results = await evaluate(shaped, constant, wanted);
    return {
      graph: edit(shaped, { remove: constant, initializers: results }),
      report: report(),
    };
  } catch (error) {
    // Said in the report: the nodes stay, and every run does their sums.
    const [first] = constant;
    return {
      graph: shaped,
      report: report([{ node: first === undefined ? "" : labelOf(first), why: messageOf(error) }]),
    };
  }
}

/** Shape of a tensor whose shape is certain is a constant, though the tensor is not. */
function foldShapes(graph: Graph, inference: Inference): Graph {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const found = graph.nodes.flatMap((node) => {
    const [name = ""] = node.outputs;
    const values = node.opType === "Shape" ? inference.types.get(name)?.values : undefined;
    if (outputs.has(name) || !values?.every((value) => typeof value === "number")) return [];
    return [{ node, tensor: int64Tensor(name, values) }];
  });
  return edit(graph, {
    remove: found.map(({ node }) => node),
    initializers: found.map(({ tensor }) => tensor),
  });
}

function constantNodes(graph: Graph, inference: Inference): ReadonlySet<Node> {
  const listed = new Set(graph.inputs.map(({ name }) => name));
  const known = new Set([...graph.initializers.keys()].filter((name) => !listed.has(name)));
  const constant = new Set<Node>();
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  for (const node of graph.nodes) {
    const inputs = node.inputs.filter((name) => name !== "");
    const foldable =
      node.domain === "" &&
      !neverFolded.has(node.opType) &&
      inputs.length > 0 &&
      inputs.every((name) => known.has(name)) &&
      !node.attributes.some(({ g, graphs = [] }) => g !== undefined || graphs.length > 0) &&
      !node.outputs.some((name) => outputs.has(name)) &&
      isSmall(node, graph, inference);
    if (!foldable) continue;
    constant.add(node);
    for (const name of node.outputs) known.add(name);
  }
  return constant;
}

function isSmall(node: Node, graph: Graph, inference: Inference): boolean {
  const bytes = (names: readonly string[]): number =>
    names.reduce((sum, name) => sum + bytesOf(name, graph, inference), 0);
  const made = bytes(node.outputs.filter((name) => name !== ""));
  return made <= Math.max(foldedTensorBytesMax, bytes(node.inputs));
}

/** 0 where it is not known: what a run makes then is looked at afterwards. */
function bytesOf(name: string, graph: Graph, inference: Inference): number {
  const type = graph.initializers.get(name) ?? inference.types.get(name);
  if (type === undefined || type.type === "") return 0;
  const shape = "dims" in type ? type.dims : (type.shape ?? []);
  const count = countOf(shape.map((dim) => (typeof dim === "number" ? dim : 1)));
  return rawBytes(typeNumber(type.type), count) ?? 0;
}

/** Tensors that constant nodes make and others take. */
function neededOutside(graph: Graph, constant: ReadonlySet<Node>): readonly string[] {
  const { consumers, pinned } = linksOf(graph);
  return [...constant]
    .flatMap((node) => node.outputs)
    .filter(
      (name) => pinned.has(name) || (consumers.get(name) ?? []).some((node) => !constant.has(node)),
    );
}

async function evaluate(
  graph: Graph,
  constant: ReadonlySet<Node>,
  wanted: readonly string[],
): Promise<readonly Tensor[]> {
  const taken = new Set([...constant].flatMap((node) => node.inputs));
  // ONNX Runtime works the types of outputs out by itself.
  const outputs = wanted.map((name): Value => ({ name, type: "", shape: null, proto: { name } }));
  const part: Graph = {
    ...graph,
    nodes: graph.nodes.filter((node) => constant.has(node)),
    initializers: new Map([...graph.initializers].filter(([name]) => taken.has(name))),
    inputs: [],
    outputs,
    values: [],
  };
  const results = await runModel(encodeModel(modelOf(part)));
  return wanted.flatMap((name) => {
    const tensor = results[name];
    if (tensor === undefined) throw new Error(`ONNX Runtime gave no ${name}`);
    return [tensor];
  });
}
