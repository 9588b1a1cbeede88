/**
 * Raises a model of an old operator set to set 13, the first in which 8-bit weights may have a scale
 * per channel. The table is the whole list of operators whose meaning is known on both sides; a
 * model with any other keeps its set.
 */
import {
  attributeOf,
  floatOf,
  floatsOf,
  intOf,
  intsOf,
  makeString,
  stringOf,
} from "@fieldloop/shared-node/onnx/attributes";
import { edit, namer } from "@fieldloop/shared-node/onnx/edit";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { labelOf, type Node } from "@fieldloop/shared-node/onnx/node";
import { type ModelProto, revise, toNumber } from "@fieldloop/shared-node/onnx/proto";
import { type Inference, inferTypes } from "@fieldloop/shared-node/onnx/shapes/infer";
import {
  floatTensor,
  int64Tensor,
  type Tensor,
  floatsOf as valuesOf,
} from "@fieldloop/shared-node/onnx/tensor";
import type { PassResult } from "./pass.ts";

const target = 13;
/** The version of the format that came with the target set. */
const irVersionMin = 7;

interface Site {
  readonly node: Node;
  readonly graph: Graph;
  readonly inference: Inference;
  /** Adds a constant and gives its name. */
  readonly integers: (name: string, values: readonly number[]) => string;
  readonly scalar: (name: string, value: number) => string;
}
/** The node as set 13 writes it, or the reason why it cannot be written. */
type Raise = (site: Site) => Node | string;

const same: Raise = ({ node }) => node;

const clip: Raise = ({ node, graph, scalar }) => {
  if (graph.opset >= 11) return node;
  const bound = (name: string): string =>
    attributeOf(node, name) === undefined ? "" : scalar(name, floatOf(node, name, 0));
  return withInputs(node, [bound("min"), bound("max")], ["min", "max"]);
};

const slice: Raise = ({ node, graph, integers }) => {
  if (graph.opset >= 10) return node;
  const starts = intsOf(node, "starts", []);
  const axes = intsOf(node, "axes", undefined) ?? starts.map((_, i) => i);
  const inputs = [
    integers("starts", starts),
    integers("ends", intsOf(node, "ends", [])),
    integers("axes", axes),
  ];
  return withInputs(node, inputs, ["starts", "ends", "axes"]);
};

const pad: Raise = ({ node, graph, integers, scalar }) => {
  if (graph.opset >= 11) return node;
  const inputs = [
    integers("pads", intsOf(node, "pads", [])),
    scalar("value", floatOf(node, "value", 0)),
  ];
  return withInputs(node, inputs, ["pads", "value"]);
};

const dropout: Raise = ({ node, graph }) =>
  graph.opset >= 12 ? node : withInputs(node, [], ["ratio"]);

/** A list that was an attribute and is the second input now. */
const listInput =
  (name: string): Raise =>
  ({ node, integers }) => {
    const list = intsOf(node, name, undefined);
    return list === undefined ? node : withInputs(node, [integers(name, list)], [name]);
  };

/** Up to set 12 the axes from the named one on were taken together; from 13 it is that one axis. */
const softmax: Raise = ({ node, inference }) => {
  const shape = inference.types.get(node.inputs[0] ?? "")?.shape ?? undefined;
  const axis = intOf(node, "axis", 1);
  if (shape === undefined) return "it takes several axes together, and its shape is not known";
  const from = axis < 0 ? axis + shape.length : axis;
  if (!shape.slice(from + 1).every((dim) => dim === 1)) return "it takes several axes together";
  const attribute = { name: "axis", i: from, type: 2 };
  return { ...node, attributes: [attribute] };
};

/** Upsample, and Resize as set 10 had it, pick the pixel at or before the place. */
const upsample: Raise = ({ node, graph }) => {
  if (node.opType === "Resize" && graph.opset >= 11) return node;
  const scales = graph.initializers.get(node.inputs[1] ?? "");
  const enlarges = scales !== undefined && valuesOf(scales).every((scale) => scale >= 1);
  if (!enlarges || floatsOf(node, "scales") !== undefined)
    return "its scales are no constants of 1 or more";
  return {
    ...node,
    opType: "Resize",
    inputs: [node.inputs[0] ?? "", "", node.inputs[1] ?? ""],
    attributes: [
      makeString("mode", stringOf(node, "mode", "nearest")),
      makeString("coordinate_transformation_mode", "asymmetric"),
      makeString("nearest_mode", "floor"),
    ],
  };
};

const raises: Readonly<Record<string, Raise>> = {
  ...Object.fromEntries(
    [
      ["Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "Relu", "LeakyRelu"],
      ["HardSigmoid", "Sigmoid", "Tanh", "Elu", "Selu", "PRelu", "Softplus", "Add", "Sub", "Mul"],
      [
        "Div",
        "Pow",
        "Exp",
        "Log",
        "Sqrt",
        "Abs",
        "Neg",
        "Floor",
        "Ceil",
        "Erf",
        "Concat",
        "Reshape",
      ],
      ["Flatten", "Transpose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"],
      ["ReduceMean", "ReduceMax", "ReduceMin", "Constant", "ConstantOfShape", "Shape", "Gather"],
      ["Cast", "Identity", "LRN", "Expand", "InstanceNormalization", "Where", "Equal"],
    ]
      .flat()
      .map((opType) => [opType, same]),
  ),
  Clip: clip,
  Slice: slice,
  Pad: pad,
  Dropout: dropout,
  Split: listInput("split"),
  Squeeze: listInput("axes"),
  Unsqueeze: listInput("axes"),
  ReduceSum: listInput("axes"),
  Softmax: softmax,
  LogSoftmax: softmax,
  Upsample: upsample,
  Resize: upsample,
};

export function raiseOpset(graph: Graph): PassResult {
  if (graph.opset >= target)
    return { graph, report: { pass: "raise-opset", changed: 0, left: [] } };
  const inference = inferTypes(graph);
  const name = namer(graph);
  const initializers: Tensor[] = [];
  const left: { node: string; why: string }[] = [];
  const replace = new Map<Node, readonly Node[]>();
  for (const node of graph.nodes) {
    if (node.domain !== "") continue; // another operator set, which stays as it is
    const add = (tensor: Tensor): string => {
      initializers.push(tensor);
      return tensor.name;
    };
    const base = node.outputs[0] ?? node.opType;
    const raise = Object.hasOwn(raises, node.opType) ? raises[node.opType] : undefined;
    const raised = (raise ?? unknownOperator)({
      node,
      graph,
      inference,
      integers: (what, values) => add(int64Tensor(name(`${base}_${what}`), values)),
      scalar: (what, value) =>
        add(floatTensor(name(`${base}_${what}`), [], Float32Array.of(value))),
    });
    if (typeof raised === "string") left.push({ node: labelOf(node), why: raised });
    else if (raised !== node) replace.set(node, [raised]);
  }
  if (left.length > 0) return { graph, report: { pass: "raise-opset", changed: 0, left } };
  const raised = edit(graph, { replace, initializers });
  return {
    graph: { ...raised, opset: target, model: raisedModel(graph.model) },
    report: { pass: "raise-opset", changed: replace.size, left },
  };
}

const unknownOperator: Raise = ({ node }) =>
  `what ${node.opType} means in operator set ${target} is not known here`;

/** The node with inputs after its first, and without the attributes they stand for. */
function withInputs(node: Node, more: readonly string[], gone: readonly string[]): Node {
  const inputs = [node.inputs[0] ?? "", ...more];
  while (inputs.at(-1) === "") inputs.pop();
  const attributes = node.attributes.filter(({ name = "" }) => !gone.includes(name));
  return { ...node, inputs, attributes };
}

function raisedModel(model: ModelProto): ModelProto {
  const opsetImport = (model.opsetImport ?? []).map((set) =>
    set.domain === undefined || set.domain === "" || set.domain === "ai.onnx"
      ? revise(set, { version: target })
      : set,
  );
  const irVersion = Math.max(irVersionMin, toNumber(model.irVersion));
  return revise(model, { opsetImport, irVersion });
}
