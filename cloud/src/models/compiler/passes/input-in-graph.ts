/**
 * Moves what happens to pixels into the graph: afterwards it takes the bytes of an RGB picture as
 * they lie in memory, uint8 [1, height, width, 3], and an agent only copies.
 *
 * Order of colours and division by `std` go into the weights of the first Conv, which is exact. The
 * mean goes into its bias only where the Conv does not pad: a Conv pads with zeros *after* the mean
 * was taken off, so at the border (x - m) padded with 0 is not x padded with 0, less m. With padding the
 * subtraction stays a node of its own.
 */

import type { ModelInput } from "@fieldloop/shared/manifest/model";
import { intOf, intsOf, makeInt, makeInts, stringOf } from "@fieldloop/shared-node/onnx/attributes";
import { edit, namer } from "@fieldloop/shared-node/onnx/edit";
import { type Graph, makeValue } from "@fieldloop/shared-node/onnx/graph";
import { type Links, linksOf, soleConsumer } from "@fieldloop/shared-node/onnx/links";
import { labelOf, makeNode, type Node } from "@fieldloop/shared-node/onnx/node";
import {
  floatsOf,
  floatTensor,
  int64Tensor,
  type Tensor,
} from "@fieldloop/shared-node/onnx/tensor";
import type { PassReport } from "./pass.ts";

export type InputInGraph =
  | {
      readonly kind: "moved";
      readonly graph: Graph;
      /** What the manifest says of the new input. */
      readonly input: ModelInput;
      readonly report: PassReport;
    }
  /** The graph stays as it was, and agents prepare pixels as before. */
  | { readonly kind: "left"; readonly why: string };

type Three = readonly [number, number, number];

/** @param input what the manifest says of the graph's input now */
export function inputInGraph(graph: Graph, input: ModelInput): InputInGraph {
  const refusal = refuse(graph, input);
  if (refusal !== undefined) return { kind: "left", why: refusal };
  const links = linksOf(graph);
  const entry = findEntry(links, input);
  const convs = firstConvs(graph, links, entry.tensor);
  const left: { node: string; why: string }[] = [];
  const build = builder(graph, input, entry);
  const folds = input.type === "float32" && entry.planar && convs !== undefined;
  const padded = convs?.find(pads);
  const hasMean = input.mean.some((mean) => mean !== 0);
  if (folds && padded !== undefined && hasMean) {
    const why = "it pads with zeros after the mean was taken off, so the subtraction stays a node";
    left.push({ node: labelOf(padded), why });
  }
  const foldMean = folds && padded === undefined;
  const replace = new Map<Node, readonly Node[]>();
  if (folds) {
    for (const conv of convs) replace.set(conv, [foldInto(graph, build, conv, input, foldMean)]);
  }
  const out = build.prepare({ colour: !folds, mean: !foldMean, std: !folds, planar: entry.planar });
  const next = edit(graph, {
    remove: entry.replaced,
    replace,
    add: build.nodes,
    initializers: build.initializers,
    rename: new Map(out === entry.tensor ? [] : [[entry.tensor, out]]),
    inputs: graph.inputs.map((value) =>
      value.name === input.name
        ? makeValue(input.name, "uint8", [1, input.height, input.width, 3])
        : value,
    ),
  });
  return {
    kind: "moved",
    graph: next,
    input: {
      ...input,
      layout: "NHWC",
      type: "uint8",
      colour: "rgb",
      mean: [0, 0, 0],
      std: [1, 1, 1],
    },
    report: { pass: "input-in-graph", changed: build.nodes.length + replace.size, left },
  };
}

function refuse(graph: Graph, input: ModelInput): string | undefined {
  const value = graph.inputs.find(({ name }) => name === input.name);
  if (value === undefined) return `the model has no input called ${input.name}`;
  if (value.type !== input.type) {
    return `the input ${input.name} is of ${value.type} and the manifest says ${input.type}`;
  }
  const plain = input.mean.every((mean) => mean === 0) && input.std.every((std) => std === 1);
  if (input.type === "uint8" && !plain) {
    return "it takes bytes that were scaled and rounded, which cannot be said in the graph exactly";
  }
  if (linksOf(graph).pinned.has(input.name)) return "its input is needed by name in the graph";
  return undefined;
}

interface Entry {
  /** What the rest of the graph takes. */
  readonly tensor: string;
  /** Whether that has its channels first. */
  readonly planar: boolean;
  /** A Transpose that is not needed once the pass brings its own. */
  readonly replaced: readonly Node[];
}

/** Where pixels enter: behind the Transpose that exporters from NHWC frameworks begin with. */
function findEntry(links: Links, input: ModelInput): Entry {
  if (input.layout === "NCHW") return { tensor: input.name, planar: true, replaced: [] };
  const first = soleConsumer(links, input.name);
  const toPlanar =
    first?.opType === "Transpose" && `${intsOf(first, "perm", undefined)}` === "0,3,1,2";
  const output = first?.outputs[0] ?? "";
  if (!toPlanar || first === undefined || links.pinned.has(output)) {
    return { tensor: input.name, planar: false, replaced: [] };
  }
  return { tensor: output, planar: true, replaced: [first] };
}

/** The Convs that take the tensor, where nothing else does and all have weights that can be changed. */
function firstConvs(graph: Graph, links: Links, tensor: string): readonly Node[] | undefined {
  const consumers = [...new Set(links.consumers.get(tensor) ?? [])];
  const plain = consumers.every((node) => {
    const weight = graph.initializers.get(node.inputs[1] ?? "");
    const bias = graph.initializers.get(node.inputs[2] ?? "");
    return (
      node.opType === "Conv" &&
      node.domain === "" &&
      node.inputs[0] === tensor &&
      intOf(node, "group", 1) === 1 &&
      weight?.type === "float32" &&
      weight.dims[1] === 3 &&
      ((node.inputs[2] ?? "") === "" || bias?.type === "float32")
    );
  });
  return plain && consumers.length > 0 ? consumers : undefined;
}

function pads(conv: Node): boolean {
  const mode = stringOf(conv, "auto_pad", "NOTSET");
  if (mode.startsWith("SAME")) return true;
  return mode !== "VALID" && intsOf(conv, "pads", []).some((pad) => pad !== 0);
}

interface Builder {
  readonly nodes: Node[];
  readonly initializers: Tensor[];
  readonly name: (base: string) => string;
  /** Adds the nodes that stay in front of the graph, and gives the tensor they end in. */
  prepare(wanted: Wanted): string;
}

interface Wanted {
  readonly colour: boolean;
  readonly mean: boolean;
  readonly std: boolean;
  readonly planar: boolean;
}

function builder(graph: Graph, input: ModelInput, entry: Entry): Builder {
  const nodes: Node[] = [];
  const initializers: Tensor[] = [];
  const name = namer(graph);
  let last = input.name;
  const add = (opType: string, inputs: readonly string[], attributes: Node["attributes"]): void => {
    const output = name(`${input.name}_${opType.toLowerCase()}`);
    nodes.push(makeNode(opType, [last, ...inputs], [output], attributes));
    last = output;
  };
  const perChannel = (values: Three, planar: boolean): string => {
    const tensor = floatTensor(
      name(`${input.name}_per_channel`),
      planar ? [3, 1, 1] : [3],
      Float32Array.from(values),
    );
    initializers.push(tensor);
    return tensor.name;
  };
  const prepare = ({ colour, mean, std, planar }: Wanted): string => {
    const swap = colour && input.colour === "bgr";
    // Bytes are moved before they grow to floats.
    if (planar) add("Transpose", [], [makeInts("perm", [0, 3, 1, 2])]);
    if (swap) {
      const order = int64Tensor(name(`${input.name}_bgr`), [2, 1, 0]);
      initializers.push(order);
      add("Gather", [order.name], [makeInt("axis", planar ? 1 : 3)]);
    }
    if (input.type === "float32") add("Cast", [], [makeInt("to", 1)]);
    // The mean follows the order of colours that the tensor has here.
    const turned = !colour && input.colour === "bgr";
    if (mean && input.mean.some((value) => value !== 0)) {
      add("Sub", [perChannel(inOrder(input.mean, turned), planar)], []);
    }
    if (std && input.std.some((value) => value !== 1)) {
      add("Div", [perChannel(input.std, planar)], []);
    }
    if (nodes.length > 0) return last;
    // Nothing is to be done, but the rest of the graph takes another name than the input's.
    if (entry.tensor !== input.name) add("Identity", [], []);
    return last;
  };
  return { nodes, initializers, name, prepare };
}

function inOrder(values: Three, turned: boolean): Three {
  return turned ? [values[2], values[1], values[0]] : values;
}

/** The Conv with order of colours, `std` and perhaps the mean in its weights. */
function foldInto(
  graph: Graph,
  build: Builder,
  conv: Node,
  input: ModelInput,
  foldMean: boolean,
): Node {
  const weight = graph.initializers.get(conv.inputs[1] ?? "");
  const bias = graph.initializers.get(conv.inputs[2] ?? "");
  if (weight === undefined) return conv;
  const old = floatsOf(weight);
  const [outputs = 0] = weight.dims;
  const area = old.length / outputs / 3;
  const data = new Float32Array(old.length);
  const offsets = Array.from(bias === undefined ? new Float32Array(outputs) : floatsOf(bias));
  for (let i = 0; i < old.length; i++) {
    const channel = Math.floor(i / area) % 3;
    const scaled = (old[i] ?? 0) / (input.std[channel] ?? 1);
    const turned = input.colour === "bgr" ? i + (2 - 2 * channel) * area : i;
    data[turned] = scaled;
    const output = Math.floor(i / area / 3);
    offsets[output] = (offsets[output] ?? 0) - scaled * (input.mean[channel] ?? 0);
  }
  const changed = floatTensor(build.name(`${weight.name}_pixels`), weight.dims, data);
  build.initializers.push(changed);
  if (!foldMean)
    return { ...conv, inputs: [conv.inputs[0] ?? "", changed.name, ...conv.inputs.slice(2)] };
  const moved = floatTensor(
    build.name(`${weight.name}_pixels_bias`),
    [outputs],
    Float32Array.from(offsets),
  );
  build.initializers.push(moved);
  return { ...conv, inputs: [conv.inputs[0] ?? "", changed.name, moved.name] };
}
