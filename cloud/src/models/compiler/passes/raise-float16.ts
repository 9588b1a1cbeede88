/**
 * A graph of 16-bit floats becomes one of 32-bit floats: weights, inputs, outputs and the casts in
 * between. Every half is exactly a float, so weights lose nothing; sums become more precise.
 */
import { makeInt, withAttributes } from "@fieldloop/shared-node/onnx/attributes";
import { edit } from "@fieldloop/shared-node/onnx/edit";
import { typeNumber } from "@fieldloop/shared-node/onnx/element-type";
import { type Graph, makeValue, type Value } from "@fieldloop/shared-node/onnx/graph";
import { labelOf, type Node } from "@fieldloop/shared-node/onnx/node";
import { type AttributeProto, revise, toNumber } from "@fieldloop/shared-node/onnx/proto";
import { floatsOf, floatTensor, tensorOf } from "@fieldloop/shared-node/onnx/tensor";
import type { PassResult } from "./pass.ts";

const half = typeNumber("float16");
const float = typeNumber("float32");
/** Attributes that name the type of an output or of the sums inside. */
const typeAttributes = new Set(["to", "dtype", "output_dtype", "stash_type"]);

export function raiseFloat16(graph: Graph): PassResult {
  const nested = graph.nodes.find((node) =>
    node.attributes.some(({ g, graphs = [] }) => g !== undefined || graphs.length > 0),
  );
  if (nested !== undefined) {
    const left = [
      { node: labelOf(nested), why: "it holds a nested graph, whose types are left alone" },
    ];
    return { graph, report: { pass: "raise-float16", changed: 0, left } };
  }
  const tensors = [...graph.initializers.values()].filter(({ type }) => type === "float16");
  const replace = new Map<Node, readonly Node[]>();
  for (const node of graph.nodes) {
    const changed = node.attributes.map(raiseAttribute);
    if (changed.some((attribute, i) => attribute !== node.attributes[i])) {
      replace.set(node, [{ ...node, attributes: withAttributes(node, changed) }]);
    }
  }
  const raised = edit(graph, {
    replace,
    initializers: tensors.map((tensor) => floatTensor(tensor.name, tensor.dims, floatsOf(tensor))),
    inputs: graph.inputs.map(raiseValue),
    outputs: graph.outputs.map(raiseValue),
  });
  return {
    graph: { ...raised, values: graph.values.map(raiseValue) },
    report: { pass: "raise-float16", changed: tensors.length + replace.size, left: [] },
  };
}

function raiseAttribute(attribute: AttributeProto): AttributeProto {
  const { name = "", t } = attribute;
  if (t?.dataType === half) {
    const tensor = tensorOf(t);
    return revise(attribute, { t: floatTensor(tensor.name, tensor.dims, floatsOf(tensor)).proto });
  }
  return typeAttributes.has(name) && toNumber(attribute.i) === half
    ? makeInt(name, float)
    : attribute;
}

function raiseValue(value: Value): Value {
  return value.type === "float16" ? makeValue(value.name, "float32", value.shape) : value;
}
