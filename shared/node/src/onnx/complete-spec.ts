/**
 * Completes what a person wrote (`model.yaml`) with what the ONNX file already says, and says in
 * sentences what is missing or does not fit. Pure.
 */
import {
  type ModelInput,
  type ModelManifest,
  type ModelOutput,
  type ModelSpec,
  type ModelVariant,
  taskOf,
} from "@fieldloop/shared/manifest/model";
import { effectiveRouting, routingProblems } from "@fieldloop/shared/manifest/routing";
import { completeOutput, type Draft } from "./complete-output.ts";
import { describeShape, describeTensor, fitProblems } from "./fit-problems.ts";
import type { OnnxInfo, TensorInfo } from "./metadata.ts";
import { readUltralytics } from "./ultralytics.ts";

/** A manifest without its files: the registry adds digest, size and golden questions. */
export interface CompletedSpec {
  readonly manifest: Omit<ModelManifest, "variants">;
  readonly variant: Omit<ModelVariant, "digest" | "bytes">;
}

export type Completion =
  | ({ readonly kind: "ok"; readonly warnings: readonly string[] } & CompletedSpec)
  | { readonly kind: "problems"; readonly problems: readonly string[] };

/** Merges spec and file; the spec wins where both speak, and must then fit the file. */
export function completeSpec(spec: ModelSpec, info: OnnxInfo): Completion {
  const notes = readUltralytics(info.metadata);
  const draft: Draft = { spec, info, notes, problems: [], warnings: [] };
  const input = completeInput(draft);
  const output = completeOutput(draft);
  const labels = completeLabels(draft, output);
  if (input !== undefined && output !== undefined && labels !== undefined) {
    draft.problems.push(...fitProblems({ input, output, labels }, info.inputs, info.outputs));
  }
  if (spec.routing !== undefined && output !== undefined && labels !== undefined) {
    const routing = effectiveRouting(spec.routing);
    draft.problems.push(...routingProblems(routing, { labels, output }));
  }
  if (draft.problems.length > 0 || !input || !output || !labels) {
    return { kind: "problems", problems: draft.problems };
  }
  const licence = spec.licence ?? notes.licence?.slice(0, 128) ?? null;
  warnOfLicence(draft, licence);
  return {
    kind: "ok",
    warnings: draft.warnings,
    manifest: {
      schema: "fieldloop.model/1",
      name: spec.name,
      version: spec.version,
      task: taskOf(output),
      licence,
      description: spec.description ?? "",
      labels: [...labels],
      output,
      confidenceMin: spec.confidenceMin ?? 0.6,
      ...(spec.routing && { routing: spec.routing }),
    },
    variant: {
      kind: variantKind(info),
      input,
      requires: [],
      goldens: [],
      temperature: spec.temperature ?? 1,
    },
  };
}

function completeInput(draft: Draft): ModelInput | undefined {
  const { spec, info, notes, problems } = draft;
  const said = spec.input ?? {};
  const tensor = info.inputs.find(({ name }) => name === said.name) ?? info.inputs[0];
  if (tensor === undefined) {
    problems.push("the model takes no input, so it cannot look at an image");
    return undefined;
  }
  const layout = said.layout ?? guessLayout(tensor);
  const size = completeSize(draft, tensor, layout);
  const scale = completeScale(draft, tensor);
  const type = said.type ?? (tensor.type === "uint8" ? "uint8" : "float32");
  if (layout === undefined || size === undefined || scale === undefined) return undefined;
  return {
    name: said.name ?? tensor.name,
    layout,
    type,
    ...size,
    fit:
      said.fit ??
      (notes.byUltralytics && notes.task !== "classification" ? "letterbox" : "stretch"),
    colour: said.colour ?? "rgb",
    ...scale,
  };

  function guessLayout(from: TensorInfo): "NCHW" | "NHWC" | undefined {
    if (from.shape.length === 4 && from.shape[1] === 3) return "NCHW";
    if (from.shape.length === 4 && from.shape[3] === 3) return "NHWC";
    problems.push(
      `input ${describeTensor(from)} is no colour image: [1, 3, height, width] or [1, height, width, 3] is needed`,
    );
    return undefined;
  }
}

function completeSize(
  { spec, notes, problems }: Draft,
  tensor: TensorInfo,
  layout: "NCHW" | "NHWC" | undefined,
): { width: number; height: number } | undefined {
  if (layout === undefined) return undefined;
  const [height, width] =
    layout === "NCHW" ? [tensor.shape[2], tensor.shape[3]] : [tensor.shape[1], tensor.shape[2]];
  const pick = (said: number | undefined, dim: typeof width, noted: number | undefined) =>
    said ?? (typeof dim === "number" ? dim : noted);
  const size = {
    width: pick(spec.input?.width, width, notes.size?.width),
    height: pick(spec.input?.height, height, notes.size?.height),
  };
  if (size.width !== undefined && size.height !== undefined) {
    return { width: size.width, height: size.height };
  }
  problems.push(
    `the model leaves the size of its input open (${describeShape(tensor.shape)}): write input.width and input.height`,
  );
  return undefined;
}

/** Nothing in an ONNX file tells how pixels are scaled, so a guess would be silently wrong. */
function completeScale(
  { spec, notes, problems }: Draft,
  tensor: TensorInfo,
): Pick<ModelInput, "mean" | "std"> | undefined {
  const { mean, std } = spec.input ?? {};
  const asBytes = tensor.type === "uint8";
  if (mean !== undefined && std !== undefined) return { mean, std };
  if (asBytes) return { mean: mean ?? [0, 0, 0], std: std ?? [1, 1, 1] };
  if (notes.byUltralytics) return { mean: mean ?? [0, 0, 0], std: std ?? [255, 255, 255] };
  const missing = mean === undefined ? (std === undefined ? "mean and input.std" : "mean") : "std";
  problems.push(
    `input.${missing} cannot be read from the file: write (pixel - mean) / std as in training, in pixel units, for example mean [0, 0, 0] and std [255, 255, 255] for values from 0 to 1`,
  );
  return undefined;
}

function completeLabels(
  draft: Draft,
  output: ModelOutput | undefined,
): readonly string[] | undefined {
  const { spec, info, notes, problems } = draft;
  const labels = spec.labels ?? notes.labels;
  if (labels === undefined) {
    problems.push(
      "the labels are neither written nor noted in the file: write labels, one per class",
    );
    return undefined;
  }
  if (output?.kind !== "ssd" || output.background === null) return labels;
  // A list that names the background too is as clear; the manifest leaves it out.
  const columns = info.outputs.find(({ name }) => name === output.scores)?.shape[2];
  return labels.length === columns ? labels.filter((_, i) => i !== output.background) : labels;
}

/** Operators that no float model has. */
const in8Bits = [
  "QLinearConv",
  "ConvInteger",
  "MatMulInteger",
  "QuantizeLinear",
  "DynamicQuantizeLinear",
] as const;

function variantKind(info: OnnxInfo): ModelVariant["kind"] {
  const { operators } = info;
  if (in8Bits.some((name) => (operators[name] ?? 0) > 0)) return "int8";
  return info.weightTypes.includes("float16") ? "float16" : "float32";
}

function warnOfLicence({ warnings }: Draft, licence: string | null): void {
  if (licence === null) {
    warnings.push("the model names no licence: write licence, so that its users know their rights");
  } else if (/agpl/i.test(licence)) {
    warnings.push(
      `the model's licence is "${licence}": who offers it over a network must offer their source code too, unless they hold another licence`,
    );
  }
}
