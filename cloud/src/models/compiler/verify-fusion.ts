/**
 * Reads back what ONNX Runtime makes of a quantised graph. A plan is a hope: only the optimised graph
 * tells which nodes really compute in 8 bits, and a Conv that stayed float costs more than it did
 * before, since its inputs are now converted back first.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeModel } from "@fieldloop/shared-node/onnx/codec";
import { type Graph, graphOf } from "@fieldloop/shared-node/onnx/graph";
import { linksOf } from "@fieldloop/shared-node/onnx/links";
import type { Node } from "@fieldloop/shared-node/onnx/node";
import { runModel } from "@fieldloop/shared-node/onnx/run-model";
import { makeTensor } from "@fieldloop/shared-node/onnx/tensor";
import { bufferOf, type GraphInput } from "./quantise/expose.ts";

/** How often each operator occurs in the graph that really runs. */
export interface Operators {
  readonly int8: Readonly<Record<string, number>>;
  readonly float: Readonly<Record<string, number>>;
  /** Between the two. */
  readonly conversions: number;
  /** Nodes with weights that compute in float, by name. */
  readonly floatWeighted: readonly string[];
}

const in8Bits = /^(QLinear|QGemm|QAttention|MatMulInteger|ConvInteger|DynamicQuantize)/;
const weighted = /^(Nchwc|Fused|Nhwc)?(Conv|ConvTranspose|Gemm|MatMul|FusedConv)$/;

/** Has ONNX Runtime optimise a model as it does on a device, and counts what is left. */
export async function readOperators(bytes: Uint8Array, input: GraphInput): Promise<Operators> {
  const folder = await mkdtemp(join(tmpdir(), "fieldloop-fusion-"));
  const path = join(folder, "optimised.onnx");
  try {
    const zeros = { name: input.name, type: input.type, dims: input.dims, data: bufferOf(input) };
    await runModel(bytes, {
      feeds: { [input.name]: makeTensor(zeros) },
      optimise: true,
      optimisedModelPath: path,
    });
    const optimised = await readFile(path);
    return countOperators(graphOf(decodeModel(optimised, "the optimised graph")));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function countOperators(graph: Graph): Operators {
  const int8: Record<string, number> = {};
  const float: Record<string, number> = {};
  const floatWeighted: string[] = [];
  const inBytes = byteTensors(graph);
  let conversions = 0;
  for (const node of graph.nodes) {
    if (/^(Quantize|Dequantize)Linear$/.test(node.opType)) {
      conversions++;
      continue;
    }
    const side = in8Bits.test(node.opType) || inBytes.has(node.inputs[0] ?? "") ? int8 : float;
    side[node.opType] = (side[node.opType] ?? 0) + 1;
    if (side === float && weighted.test(node.opType)) floatWeighted.push(node.name);
  }
  return { int8, float, conversions, floatWeighted };
}

/** Tensors of 8 bits: made by a quantised kernel, or passed on by one that only moves values. */
function byteTensors(graph: Graph): ReadonlySet<string> {
  const bytes = new Set<string>();
  for (const { name, type } of graph.inputs) if (/int8$/.test(type)) bytes.add(name);
  for (const node of graph.nodes) if (givesBytes(node, bytes)) add(bytes, node.outputs);
  return bytes;
}

function givesBytes(node: Node, bytes: ReadonlySet<string>): boolean {
  if (node.opType === "DequantizeLinear" || node.opType === "Cast") return false;
  if (/^(MatMulInteger|ConvInteger|DynamicQuantize)/.test(node.opType)) return false;
  // Without a zero point for its output a QGemm gives floats.
  if (node.opType === "QGemm") return (node.inputs[8] ?? "") !== "";
  if (in8Bits.test(node.opType) || node.opType === "QuantizeLinear") return true;
  return bytes.has(node.inputs[0] ?? "");
}

function add(set: Set<string>, names: readonly string[]): void {
  for (const name of names) set.add(name);
}

/** Names of planned nodes that the optimised graph still computes in float. */
export function notFused(graph: Graph, planned: ReadonlySet<string>, found: Operators): string[] {
  const { producers } = linksOf(graph);
  const names = new Set([...planned].map((key) => producers.get(key)?.name ?? key));
  return found.floatWeighted.filter((name) => names.has(name));
}
