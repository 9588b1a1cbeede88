/**
 * Completes what a person wrote (`model.yaml`) with what the ONNX file already says, and says in
 * sentences what is missing or does not fit. Pure.
 */
import type {
  ModelInput,
  ModelManifest,
  ModelOutput,
  ModelSpec,
  ModelTask,
  ModelVariant,
} from "@fieldloop/shared/manifest/model";
import { effectiveRouting, routingProblems } from "@fieldloop/shared/manifest/routing";
import { describeShape, describeTensor, fitProblems } from "./fit-problems.ts";
import type { OnnxInfo, TensorInfo } from "./metadata.ts";
import { readUltralytics, type UltralyticsNotes } from "./ultralytics.ts";

/** A manifest without its files: the registry adds digest, size and golden questions. */
export interface CompletedSpec {
  readonly manifest: Omit<ModelManifest, "variants">;
  readonly variant: Omit<ModelVariant, "digest" | "bytes">;
}

export type Completion =
  | ({ readonly kind: "ok"; readonly warnings: readonly string[] } & CompletedSpec)
  | { readonly kind: "problems"; readonly problems: readonly string[] };

/** What completing collects on its way. */
interface Draft {
  readonly spec: ModelSpec;
  readonly info: OnnxInfo;
  readonly notes: UltralyticsNotes;
  readonly problems: string[];
  readonly warnings: string[];
}

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
      task: output.kind === "classification" ? "classification" : "detection",
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

function completeOutput(draft: Draft): ModelOutput | undefined {
  const { spec, info } = draft;
  const kind = spec.output?.kind ?? guessKind(draft);
  if (kind === undefined) return undefined;
  const said = spec.output;
  if (kind === "classification") {
    const own = said?.kind === "classification" ? said : undefined;
    const scores = own?.scores ?? soleOutput(draft, "scores", classTensors(info, own?.embedding));
    if (scores === undefined) return undefined;
    return {
      kind,
      scores,
      activation: own?.activation ?? (endsInSoftmax(draft, scores) ? "none" : "softmax"),
      ...(own?.embedding === undefined ? {} : { embedding: own.embedding }),
    };
  }
  return kind === "ssd" ? completeSsd(draft) : completeYolo(draft);
}

function guessKind({ spec, notes, problems }: Draft): ModelOutput["kind"] | undefined {
  const task: ModelTask | undefined = spec.task ?? notes.task;
  if (task === "classification") return "classification";
  if (task === "detection" && notes.byUltralytics) return "yolo";
  if (notes.taskName !== undefined && notes.task === undefined) {
    problems.push(
      `the file says its task is "${notes.taskName}"; only classification ("classify") and detection ("detect") can run`,
    );
    return undefined;
  }
  problems.push(
    "the file does not say how to read its outputs: write output.kind (classification, ssd or yolo)",
  );
  return undefined;
}

function completeSsd(draft: Draft): ModelOutput | undefined {
  const { spec, info } = draft;
  const said = spec.output?.kind === "ssd" ? spec.output : undefined;
  const cubes = info.outputs.filter(({ shape }) => shape.length === 3);
  const boxes =
    said?.boxes ??
    soleOutput(
      draft,
      "boxes",
      cubes.filter(({ name, shape }) => shape[2] === 4 && name !== said?.scores),
    );
  const scores =
    said?.scores ??
    soleOutput(
      draft,
      "scores",
      cubes.filter(({ name }) => name !== boxes),
    );
  if (boxes === undefined || scores === undefined) return undefined;
  return {
    kind: "ssd",
    scores,
    boxes,
    activation: said?.activation ?? "none",
    boxFormat: said?.boxFormat ?? "xyxy-fraction",
    background: said?.background === undefined ? 0 : said.background,
    scoreMin: said?.scoreMin ?? 0.5,
    iouMax: said?.iouMax ?? 0.5,
    detectionsMax: said?.detectionsMax ?? 100,
  };
}

function completeYolo(draft: Draft): ModelOutput | undefined {
  const { spec, info, problems } = draft;
  const said = spec.output?.kind === "yolo" ? spec.output : undefined;
  const cubes = info.outputs.filter(({ shape }) => shape.length === 3);
  const output = said?.output ?? soleOutput(draft, "output", cubes);
  if (output === undefined) return undefined;
  const shape = info.outputs.find(({ name }) => name === output)?.shape ?? [];
  const head = said?.head ?? guessHead(shape);
  if (head === undefined) {
    problems.push(
      `output "${output}" ${describeShape(shape)} leaves open which YOLO head it is: write output.head (v5 or v8)`,
    );
    return undefined;
  }
  return {
    kind: "yolo",
    output,
    head,
    scoreMin: said?.scoreMin ?? 0.25,
    iouMax: said?.iouMax ?? 0.45,
    detectionsMax: said?.detectionsMax ?? 100,
  };
}

/** There are always far more boxes than classes. */
function guessHead(shape: TensorInfo["shape"]): "v5" | "v8" | undefined {
  const [, rows, columns] = shape;
  if (typeof rows !== "number" || typeof columns !== "number") return undefined;
  return rows < columns ? "v8" : "v5";
}

/** The output meant where only one can be; otherwise the spec must name it. */
function soleOutput(
  { info, problems }: Draft,
  field: string,
  fitting: readonly TensorInfo[],
): string | undefined {
  const [only] = fitting;
  if (fitting.length === 1 && only !== undefined) return only.name;
  problems.push(
    `output.${field} is not said and cannot be told from the model's outputs (${info.outputs.map(describeTensor).join(", ")}): name one of them`,
  );
  return undefined;
}

function classTensors(info: OnnxInfo, embedding: string | undefined): readonly TensorInfo[] {
  return info.outputs.filter(({ name, shape }) => name !== embedding && shape.length >= 2);
}

/** Ultralytics' classifiers export their softmax; elsewhere the operator that makes the scores says it. */
function endsInSoftmax({ info, notes }: Draft, scores: string): boolean {
  return notes.byUltralytics || info.madeBy[scores] === "Softmax";
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
