/** From a model file to the float graph that everything else starts from: clean, and fed with pixels. */
import { AppError } from "@fieldloop/shared/errors";
import type { ModelInput, ModelVariant } from "@fieldloop/shared/manifest/model";
import { decodeModel, encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { type Graph, graphOf, modelOf } from "@fieldloop/shared-node/onnx/graph";
import { floatsOf } from "@fieldloop/shared-node/onnx/tensor";
import { inputDims, type TensorData, tensorWriter } from "@fieldloop/shared-node/tensor";
import type { Sample } from "./evaluate.ts";
import { cleanGraph } from "./passes/clean.ts";
import { inputInGraph } from "./passes/input-in-graph.ts";
import type { PassReport } from "./passes/pass.ts";
import type { GraphInput } from "./quantise/expose.ts";
import { named } from "./quantise/static.ts";

/** Operator set in which weights may have a scale per channel. */
const quantisedOpsetMin = 13;

export interface Prepared {
  /** Float arithmetic, with a name for every node. */
  readonly graph: Graph;
  readonly bytes: Uint8Array;
  /** How the graph is fed now. */
  readonly input: ModelInput;
  readonly graphInput: GraphInput;
  readonly passes: readonly PassReport[];
  /** Why the graph still wants prepared numbers; `null` where it takes pixels. */
  readonly inputLeft: string | null;
  /** Why it cannot be quantised; `null` where it can. */
  readonly notQuantisable: string | null;
}

/**
 * Reads and cleans a model.
 * @param name the file's name, for errors
 * @throws AppError `model-unreadable`, `model-unsupported`, or `model-damaged` where weights are no
 *   numbers
 */
export async function prepare(
  file: Uint8Array,
  name: string,
  variant: Pick<ModelVariant, "input" | "kind">,
): Promise<Prepared> {
  if (variant.kind === "int8")
    throw new AppError({
      code: "model-quantised",
      message: `${name} is quantised already; compile the float model that it was made from`,
      status: 422,
    });
  const read = graphOf(decodeModel(file, name));
  checkWeights(read, name);
  const cleaned = await cleanGraph(read, { raiseFloat16: variant.kind === "float16" });
  const moved = inputInGraph(cleaned.graph, variant.input);
  const graph = named(moved.kind === "moved" ? moved.graph : cleaned.graph);
  const input = moved.kind === "moved" ? moved.input : variant.input;
  const { opset } = graph;
  return {
    graph,
    bytes: encodeModel(modelOf(graph)),
    input,
    graphInput: { name: input.name, dims: inputDims(input), type: input.type },
    passes: [...cleaned.reports, ...(moved.kind === "moved" ? [moved.report] : [])],
    inputLeft: moved.kind === "left" ? moved.why : null,
    notQuantisable:
      opset >= quantisedOpsetMin
        ? null
        : `its operator set ${opset} knows no scale per channel and cannot be raised to ${quantisedOpsetMin}${whyNot(cleaned.reports)}`,
  };
}

/** One function per sample that writes it as the graph wants it. */
export function fillsOf(
  samples: readonly Sample[],
  input: ModelInput,
): readonly ((data: TensorData) => void)[] {
  const write = tensorWriter(input);
  return samples.map(
    ({ pixels }) =>
      (data) =>
        write(pixels.data, data),
  );
}

function checkWeights(graph: Graph, name: string): void {
  for (const tensor of graph.initializers.values()) {
    if (tensor.type !== "float32" && tensor.type !== "float16") continue;
    const bad = floatsOf(tensor).reduce((n, value) => (Number.isFinite(value) ? n : n + 1), 0);
    if (bad === 0) continue;
    throw new AppError({
      code: "model-damaged",
      message: `${name} cannot be compiled: ${bad} of the values of its weight ${tensor.name} are not finite numbers, so its training has failed or the file is damaged`,
      status: 422,
    });
  }
}

function whyNot(reports: readonly PassReport[]): string {
  const left = reports.find(({ pass }) => pass === "raise-opset")?.left[0];
  return left === undefined ? "" : ` (${left.node}: ${left.why})`;
}
