/**
 * Walks through a graph and works out which channels hang together and what changes when they go.
 * The rules are the whole list of operators that channels may pass; what goes into any other stays
 * as it is, and so does what the model's outputs or nested graphs show.
 */
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { linksOf } from "@fieldloop/shared-node/onnx/links";
import { labelOf, type Node } from "@fieldloop/shared-node/onnx/node";
import { type Inference, inferTypes } from "@fieldloop/shared-node/onnx/shapes/infer";
import { joiningRules } from "./joining-rules.ts";
import { type Book, type Group, type Lane, type Member, openBook } from "./lanes.ts";
import { layerRules } from "./layer-rules.ts";
import { layoutRules } from "./layout-rules.ts";
import type { ChannelRules, Site } from "./rule.ts";

const rules: ChannelRules = { ...layerRules, ...joiningRules, ...layoutRules };

/** The others take channels as their first input only. */
const joins = new Set([...Object.keys(joiningRules), "Concat"]);

export interface Trace {
  /** By tensor. */
  readonly lanes: ReadonlyMap<string, Lane>;
  readonly members: readonly Member[];
  readonly groups: readonly Group[];
  readonly inference: Inference;
}

/** @param graph cleaned: BatchNormalization is folded, constants are initialisers */
export function traceChannels(graph: Graph): Trace {
  const inference = inferTypes(graph);
  const book = openBook();
  const lanes = new Map<string, Lane>();
  const members: Member[] = [];
  for (const node of graph.nodes) walk(graph, node, { book, lanes, members, inference });
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  for (const name of linksOf(graph).pinned) {
    const why = outputs.has(name)
      ? `the model's output ${name} shows them`
      : `a nested graph takes ${name}`;
    book.lock(lanes.get(name)?.atoms ?? [], why);
  }
  return { lanes, members, groups: book.groups(), inference };
}

interface Walk {
  readonly book: Book;
  readonly lanes: Map<string, Lane>;
  readonly members: Member[];
  readonly inference: Inference;
}

function walk(graph: Graph, node: Node, { book, lanes, members, inference }: Walk): void {
  const name = (input: number): string => node.inputs[input] ?? "";
  const noted: Member[] = [];
  const site: Site = {
    node,
    opset: graph.opset,
    book,
    lane: (input) => lanes.get(name(input)),
    shape: (input) => inference.types.get(name(input))?.shape ?? undefined,
    outputShape: (output) => inference.types.get(node.outputs[output] ?? "")?.shape ?? undefined,
    constant: (input) =>
      graph.inputs.some((value) => value.name === name(input))
        ? undefined
        : graph.initializers.get(name(input)),
    note: (member) => noted.push(member),
  };
  const known = node.domain === "" && Object.hasOwn(rules, node.opType);
  const touched = node.inputs.flatMap((input) => lanes.get(input)?.atoms ?? []);
  // Without channels coming in only a layer has something to say.
  if (touched.length === 0 && !Object.hasOwn(layerRules, node.opType)) return;
  const rule = known ? rules[node.opType] : undefined;
  const said = rule?.(site) ?? `${node.opType} (${labelOf(node)}) is not known here`;
  const fits = noted.every((member) => member.kind !== "slice" || isSliceable(site, member));
  const result = fits ? said : `the sizes at ${labelOf(node)} do not fit together`;
  if (typeof result === "string") {
    book.lock(touched, result);
    // What the rule noted before it gave up is about channels that stay; atoms it made are its own.
    book.lock(
      noted.flatMap((member) => (member.kind === "split" ? member.pieces.flat() : member.atoms)),
      result,
    );
    return;
  }
  members.push(...noted);
  if (!joins.has(node.opType))
    for (const input of node.inputs.slice(1))
      book.lock(lanes.get(input)?.atoms ?? [], `they steer ${labelOf(node)}`);
  node.outputs.forEach((output, i) => {
    const lane = result[i];
    if (output !== "" && lane !== undefined) lanes.set(output, lane);
  });
}

function isSliceable(site: Site, { input, axis, atoms }: Extract<Member, { kind: "slice" }>) {
  return site.constant(input)?.dims[axis] === atoms.length;
}
