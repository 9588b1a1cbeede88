/** Looks at tensors inside a graph: they become outputs, a bounded number of bytes at a time. */
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { edit } from "@fieldloop/shared-node/onnx/edit";
import { type Graph, makeValue, modelOf } from "@fieldloop/shared-node/onnx/graph";
import { inferTypes } from "@fieldloop/shared-node/onnx/shapes/infer";
import { openSession } from "@fieldloop/shared-node/session";
import type { TensorData } from "@fieldloop/shared-node/tensor";

/** Outputs of one run, 32-bit floats each; more is looked at in further runs over the samples. */
export const exposedBytesMax = 96 * 2 ** 20;

/** The one input of a graph, as a sample fills it. */
export interface GraphInput {
  readonly name: string;
  readonly dims: readonly number[];
  readonly type: "float32" | "uint8";
}

export interface Look {
  readonly graph: Graph;
  readonly input: GraphInput;
  /** Float tensors to look at, by name. */
  readonly tensors: readonly string[];
  /** Writes one sample each. */
  readonly fills: readonly ((input: TensorData) => void)[];
  /** Takes what it needs; the numbers are overwritten by the next sample. */
  readonly see: (tensor: string, values: Float32Array, sample: number) => void;
  /** Called with 0 to 1. */
  readonly progress?: (share: number) => void;
  readonly exposedBytesMax?: number;
}

/**
 * Runs every sample through the graph and shows the tensors asked for.
 * @throws AppError `model-unreadable` or `inference-failed` where ONNX Runtime cannot run the graph
 */
export async function lookInside(look: Look): Promise<void> {
  const asked = new Set(look.tensors);
  const chunks = chunked(look);
  for (const [at, chunk] of chunks.entries()) {
    const session = await openSession({
      model: { kind: "bytes", bytes: exposed(look.graph, chunk), name: "the model" },
      providers: ["cpu"],
      intraOpThreads: 1,
      input: { ...look.input, data: bufferOf(look.input) },
    });
    try {
      for (const [sample, fill] of look.fills.entries()) {
        const seeInput = (data: TensorData): void => {
          fill(data);
          if (asked.has(look.input.name) && data instanceof Float32Array && at === 0)
            look.see(look.input.name, data, sample);
        };
        await session.run(seeInput, (outputs) => {
          for (const tensor of chunk) {
            const output = outputs[tensor];
            if (output !== undefined) look.see(tensor, output.data, sample);
          }
        });
        look.progress?.((at + (sample + 1) / look.fills.length) / chunks.length);
      }
    } finally {
      await session.release();
    }
  }
}

export function bufferOf({ dims, type }: GraphInput): TensorData {
  const length = dims.reduce((product, dim) => product * dim, 1);
  return type === "float32" ? new Float32Array(length) : new Uint8Array(length);
}

/** Tensors side by side as long as they fit; one that is too large by itself has a run of its own. */
function chunked({ graph, tensors, ...look }: Look): readonly (readonly string[])[] {
  const bytesMax = look.exposedBytesMax ?? exposedBytesMax;
  const { types } = inferTypes(graph);
  const chunks: string[][] = [[]];
  let room = bytesMax;
  for (const tensor of new Set(tensors)) {
    if (tensor === look.input.name) continue; // no output of a node: it is seen as it is written
    const shape = types.get(tensor)?.shape ?? [];
    const count = shape.reduce<number>((n, dim) => n * (typeof dim === "number" ? dim : 1), 1);
    if (count * 4 > room && chunks.at(-1)?.length !== 0) {
      chunks.push([]);
      room = bytesMax;
    }
    chunks.at(-1)?.push(tensor);
    room -= count * 4;
  }
  return chunks;
}

function exposed(graph: Graph, tensors: readonly string[]): Uint8Array {
  const already = new Set(graph.outputs.map(({ name }) => name));
  const { types } = inferTypes(graph);
  const more = tensors
    .filter((name) => !already.has(name))
    .map((name) => makeValue(name, "float32", types.get(name)?.shape ?? null));
  return encodeModel(modelOf(edit(graph, { outputs: [...graph.outputs, ...more] })));
}
