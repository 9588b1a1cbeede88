/**
 * Runs a model once on given tensors of any type, for what is worked out beforehand: constants are
 * folded and passes are checked with it. Frames go through `session.ts`.
 */
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { exactGraphs } from "../exact-graphs.ts";
import { countOf, dataOf, makeTensor, type Tensor, type TypedData } from "./tensor.ts";

export interface RunModelOptions {
  /** By input name; the tensors' own names do not matter. */
  readonly feeds?: Readonly<Record<string, Tensor>>;
  /** Whether ONNX Runtime may rewrite the graph first. */
  readonly optimise?: boolean;
  /** Where ONNX Runtime writes the graph that it really runs. */
  readonly optimisedModelPath?: string;
}

/**
 * @returns the outputs by name
 * @throws AppError `inference-failed` with ONNX Runtime's own words
 */
export async function runModel(
  bytes: Uint8Array,
  options: RunModelOptions = {},
): Promise<Readonly<Record<string, Tensor>>> {
  const module = await import("onnxruntime-node");
  const runtime = module.default ?? module; // CommonJS seen from an ES module
  runtime.env.logLevel = "fatal"; // what goes wrong is thrown too, and said once
  try {
    const session = await runtime.InferenceSession.create(bytes, {
      executionProviders: ["cpu"],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      graphOptimizationLevel: options.optimise === true ? "all" : "disabled",
      logSeverityLevel: 4,
      extra: exactGraphs,
      ...(options.optimisedModelPath === undefined
        ? {}
        : { optimizedModelFilePath: options.optimisedModelPath }),
    });
    try {
      const feeds = Object.entries(options.feeds ?? {}).map(([name, tensor]) => [
        name,
        // The names of types are ONNX Runtime's own, and so is the data's layout.
        Reflect.construct(runtime.Tensor, [tensor.type, dataOf(tensor), tensor.dims]),
      ]);
      const results = await session.run(Object.fromEntries(feeds));
      return Object.fromEntries(
        Object.entries(results).map(([name, { type, dims, data }]) => [
          name,
          toTensor(name, type, dims, data),
        ]),
      );
    } finally {
      await session.release();
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const [reason] = messageOf(cause).split("\n");
    throw new AppError({
      code: "inference-failed",
      message: `ONNX Runtime failed to run the model: ${reason}`,
      status: 422,
      cause,
    });
  }
}

function toTensor(name: string, type: string, dims: readonly number[], data: unknown): Tensor {
  if (!ArrayBuffer.isView(data)) throw new Error(`the output ${name} holds no numbers`);
  const typed = data as TypedData; // a view that is no DataView: ONNX Runtime gives none
  if (typed.length !== countOf(dims)) throw new Error(`the output ${name} is packed`);
  return makeTensor({ name, type, dims, data: typed.slice() });
}
