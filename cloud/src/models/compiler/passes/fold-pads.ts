/**
 * A Pad with zeros in front of a Conv becomes part of the Conv's own pads, which are zeros as well.
 * Pools are left alone: the pads of MaxPool hold no value, those of AveragePool may not be counted.
 */
import {
  intsOf,
  makeInts,
  makeString,
  stringOf,
  withAttributes,
} from "@fieldloop/shared-node/onnx/attributes";
import { edit } from "@fieldloop/shared-node/onnx/edit";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { linksOf, soleConsumer } from "@fieldloop/shared-node/onnx/links";
import { labelOf, type Node } from "@fieldloop/shared-node/onnx/node";
import { floatsOf, integersOf } from "@fieldloop/shared-node/onnx/tensor";
import type { PassResult } from "./pass.ts";

export function foldPads(graph: Graph): PassResult {
  const left: { node: string; why: string }[] = [];
  let current = graph;
  let changed = 0;
  // One at a time: two Pads in a row both end up in the Conv, the later one first.
  for (const pad of graph.nodes.filter(isPad).reverse()) {
    const conv = soleConsumer(linksOf(current), pad.outputs[0] ?? "");
    if (conv === undefined || conv.opType !== "Conv" || conv.domain !== "") continue;
    const pads = foldedPads(current, pad, conv);
    if (typeof pads === "string") {
      left.push({ node: labelOf(pad), why: pads });
      continue;
    }
    const folded: Node = {
      ...conv,
      inputs: [pad.inputs[0] ?? "", ...conv.inputs.slice(1)],
      attributes: withAttributes(conv, [makeInts("pads", pads), makeString("auto_pad", "NOTSET")]),
    };
    current = edit(current, { remove: [pad], replace: new Map([[conv, [folded]]]) });
    changed++;
  }
  return { graph: current, report: { pass: "fold-pads", changed, left } };
}

const isPad = (node: Node): boolean => node.opType === "Pad" && node.domain === "";

/** The Conv's pads with those of the Pad, all begins before all ends, or why they do not fit. */
function foldedPads(graph: Graph, pad: Node, conv: Node): readonly number[] | string {
  const mode = stringOf(pad, "mode", "constant");
  if (mode !== "constant") return `it fills in mode ${mode}`;
  const [, amountsName = "", valueName = "", axesName = ""] = pad.inputs;
  const [amounts, value] = [graph.initializers.get(amountsName), graph.initializers.get(valueName)];
  if (amounts === undefined) return "how much it fills is no constant";
  if (valueName !== "" && (value === undefined || floatsOf(value)[0] !== 0)) {
    return "it does not fill with zeros";
  }
  if (axesName !== "") return "it names its axes";
  if (conv.inputs[0] !== pad.outputs[0]) return `it fills the weights of ${labelOf(conv)}`;
  const automatic = stringOf(conv, "auto_pad", "NOTSET");
  if (automatic !== "NOTSET" && automatic !== "VALID") return `${labelOf(conv)} pads by itself`;
  const all = integersOf(amounts);
  const rank = all.length / 2;
  const [begins, ends] = [all.slice(0, rank), all.slice(rank)];
  if ([...begins.slice(0, 2), ...ends.slice(0, 2)].some((amount) => amount !== 0)) {
    return "it fills the batch or the channels";
  }
  const added = [...begins.slice(2), ...ends.slice(2)];
  if (added.some((amount) => amount < 0)) return "it cuts instead of filling";
  const own = automatic === "VALID" ? undefined : intsOf(conv, "pads", undefined);
  return added.map((amount, i) => amount + (own?.[i] ?? 0));
}
