/**
 * Lets a quantised graph take the bytes of a picture as the 8-bit tensor that they are already.
 *
 * After input-in-graph the first Conv takes x = p - mean, and p is a byte. With a scale of 1 and a zero
 * point z near the mean, p itself is the quantised tensor of p - z; what is left of the mean, z - mean
 * per channel, goes into the Conv's bias. Inside the picture that is exact, and there is nothing to
 * cast, subtract or round. Where the Conv pads, the border is off by z - mean instead of 0, so a
 * mean whose channels are far apart keeps its subtraction.
 */
import { intOf } from "@fieldloop/shared-node/onnx/attributes";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import { linksOf } from "@fieldloop/shared-node/onnx/links";
import { floatsOf } from "@fieldloop/shared-node/onnx/tensor";
import { keyOf, type Placement } from "./place.ts";

/** Pixel steps that padding may be off: a twentieth of the range. */
const borderErrorMax = 12.75;

export interface PixelInput {
  /** The float tensor that the first Conv takes. */
  readonly tensor: string;
  /** The tensor of bytes behind it. */
  readonly bytes: string;
  readonly zeroPoint: number;
  /** What to add to the bias of the Conv with this key, per output channel. */
  readonly biasShift: ReadonlyMap<string, Float64Array>;
}

/** The picture's way to the first Conv, where it has the form that this can replace. */
export function findPixelInput(graph: Graph, plan: Placement): PixelInput | undefined {
  const { producers, consumers, pinned } = linksOf(graph);
  for (const [tensor, like] of plan.pairs) {
    const last = producers.get(tensor);
    if (like !== tensor || last === undefined || pinned.has(tensor)) continue;
    const cast = last.opType === "Sub" ? producers.get(last.inputs[0] ?? "") : last;
    if (cast?.opType !== "Cast" || intOf(cast, "to", 0) !== 1) continue;
    const mean = last === cast ? [0, 0, 0] : meanOf(graph, last.inputs[1] ?? "");
    const bytes = cast.inputs[0] ?? "";
    const takers = consumers.get(tensor) ?? [];
    const convs = takers.every(
      (node) =>
        node.opType === "Conv" &&
        node.inputs[0] === tensor &&
        plan.quantised.has(keyOf(node)) &&
        intOf(node, "group", 1) === 1,
    );
    if (mean === undefined || !convs || !isPicture(graph, bytes)) continue;
    const zeroPoint = Math.round(mean.reduce((sum, m) => sum + m, 0) / mean.length);
    const rest = mean.map((m) => zeroPoint - m);
    if (zeroPoint > 255 || rest.some((value) => Math.abs(value) > borderErrorMax)) continue;
    const shifts = takers.map((node) => {
      const weight = graph.initializers.get(node.inputs[1] ?? "");
      return [keyOf(node), shiftOf(weight === undefined ? undefined : weight, rest)] as const;
    });
    if (shifts.some(([, shift]) => shift === undefined)) continue;
    const biasShift = new Map(
      shifts.flatMap(([key, shift]) => (shift === undefined ? [] : [[key, shift] as const])),
    );
    return { tensor, bytes, zeroPoint, biasShift };
  }
  return undefined;
}

/** Whether the tensor is the graph's own input of bytes, seen through Transpose or Gather at most. */
function isPicture(graph: Graph, tensor: string): boolean {
  const { producers } = linksOf(graph);
  let name = tensor;
  for (let node = producers.get(name); node !== undefined; node = producers.get(name)) {
    if (node.opType !== "Transpose" && node.opType !== "Gather") return false;
    name = node.inputs[0] ?? "";
  }
  return graph.inputs.some((input) => input.name === name && input.type === "uint8");
}

function meanOf(graph: Graph, name: string): readonly number[] | undefined {
  const tensor = graph.initializers.get(name);
  const shape = String(tensor?.dims);
  if (tensor?.type !== "float32" || (shape !== "3,1,1" && shape !== "1,3,1,1")) return undefined;
  return Array.from(floatsOf(tensor));
}

function shiftOf(
  weight: Parameters<typeof floatsOf>[0] | undefined,
  rest: readonly number[],
): Float64Array | undefined {
  const [outputs = 0, channels = 0] = weight?.dims ?? [];
  if (weight === undefined || channels !== rest.length) return undefined;
  const values = floatsOf(weight);
  const area = values.length / outputs / channels;
  const shift = new Float64Array(outputs);
  values.forEach((value, i) => {
    const output = Math.floor(i / area / channels);
    const channel = Math.floor(i / area) % channels;
    shift[output] = (shift[output] ?? 0) + value * (rest[channel] ?? 0);
  });
  return shift;
}
