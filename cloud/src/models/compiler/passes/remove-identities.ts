/**
 * Takes out nodes that pass their input on as it is: Identity, Dropout (which does nothing once a
 * model is trained), and Cast to the type that the tensor already has. torch 1.13 hides equal
 * initialisers behind Identity, and passes that look weights up by name must see through that.
 */
import { intOf } from "@fieldloop/shared-node/onnx/attributes";
import { edit } from "@fieldloop/shared-node/onnx/edit";
import { typeName } from "@fieldloop/shared-node/onnx/element-type";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { type Links, linksOf } from "@fieldloop/shared-node/onnx/links";
import { labelOf, type Node } from "@fieldloop/shared-node/onnx/node";
import { type Inference, inferTypes } from "@fieldloop/shared-node/onnx/shapes/infer";
import { integersOf } from "@fieldloop/shared-node/onnx/tensor";
import type { PassResult } from "./pass.ts";

export function removeIdentities(graph: Graph): PassResult {
  const inference = inferTypes(graph);
  const links = linksOf(graph);
  const plain = graph.nodes.filter((node) => passesOn(graph, links, inference, node));
  // Consumers of the output take the input instead, unless somebody outside knows it by name.
  const free = plain.filter((node) => !links.pinned.has(node.outputs[0] ?? ""));
  let next = edit(graph, {
    remove: free,
    rename: new Map(free.map((node) => [node.outputs[0] ?? "", node.inputs[0] ?? ""])),
  });
  const names = new Set(
    plain.filter((node) => !free.includes(node)).map((node) => node.outputs[0]),
  );
  const left: { node: string; why: string }[] = [];
  for (const name of names) {
    const node = next.nodes.find((candidate) => candidate.outputs[0] === name);
    const without = node && nameProducer(next, node);
    if (without !== undefined) next = without;
    else
      left.push({
        node: node === undefined ? (name ?? "") : labelOf(node),
        why: "its input and its output are both needed by name",
      });
  }
  return {
    graph: next,
    report: { pass: "remove-identities", changed: plain.length - left.length, left },
  };
}

function passesOn(graph: Graph, links: Links, inference: Inference, node: Node): boolean {
  if (node.domain !== "") return false;
  if (node.opType === "Identity") return true;
  if (node.opType === "Cast") {
    const type = inference.types.get(node.inputs[0] ?? "")?.type;
    return type !== undefined && type !== "" && type === typeName(intOf(node, "to", 0));
  }
  if (node.opType !== "Dropout") return false;
  const mask = node.outputs[1] ?? "";
  const maskUsed = mask !== "" && (links.consumers.has(mask) || links.pinned.has(mask));
  return !maskUsed && !trains(graph, node);
}

/** Whether a Dropout really drops: its third input may ask for it. */
function trains(graph: Graph, node: Node): boolean {
  const name = node.inputs[2] ?? "";
  if (name === "") return false;
  const mode = graph.initializers.get(name);
  return mode === undefined || integersOf(mode).some((value) => value !== 0);
}

/** The node's input gets the name of its output, which is needed; `undefined` where that cannot be. */
function nameProducer(graph: Graph, node: Node): Graph | undefined {
  const [from = ""] = node.inputs;
  const [to = ""] = node.outputs;
  const links = linksOf(graph);
  const producer = links.producers.get(from);
  if (producer === undefined || links.pinned.has(from)) return undefined;
  const outputs = producer.outputs.map((name) => (name === from ? to : name));
  const removed = edit(graph, { remove: [node], rename: new Map([[from, to]]) });
  const current = removed.nodes.find((candidate) => candidate.outputs.includes(from));
  return current && edit(removed, { replace: new Map([[current, [{ ...current, outputs }]]]) });
}
