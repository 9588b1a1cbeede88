/** How a model's outputs are read, as far as the spec and the ONNX file say it. Pure. */
import type { ModelOutput, ModelSpec, ModelTask } from "@fieldloop/shared/manifest/model";
import { describeShape, describeTensor } from "./fit-problems.ts";
import type { OnnxInfo, TensorInfo } from "./metadata.ts";
import type { UltralyticsNotes } from "./ultralytics.ts";

/** What completing collects on its way. */
export interface Draft {
  readonly spec: ModelSpec;
  readonly info: OnnxInfo;
  readonly notes: UltralyticsNotes;
  readonly problems: string[];
  readonly warnings: string[];
}

/** `undefined` where something is missing, which `draft.problems` then says. */
export function completeOutput(draft: Draft): ModelOutput | undefined {
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
  return completions[kind](draft);
}

const completions = {
  ssd: completeSsd,
  yolo: completeYolo,
  detections: completeDetections,
  segmentation: completeSegmentation,
  embedding: completeEmbedding,
} as const satisfies Record<
  Exclude<ModelOutput["kind"], "classification">,
  (draft: Draft) => ModelOutput | undefined
>;

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
    "the file does not say how to read its outputs: write output.kind (classification, ssd, yolo, detections, segmentation or embedding)",
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
      `output "${output}" ${describeShape(shape)} leaves open which YOLO head it is: write output.head (v5, v8 or end2end)`,
    );
    return undefined;
  }
  return {
    kind: "yolo",
    output,
    head,
    ...(said?.prototypes !== undefined && { prototypes: said.prototypes }),
    scoreMin: said?.scoreMin ?? 0.25,
    iouMax: said?.iouMax ?? 0.45,
    detectionsMax: said?.detectionsMax ?? 100,
  };
}

/** Names that TensorFlow's object detection models give their outputs. */
function completeDetections({ spec, info, problems }: Draft): ModelOutput | undefined {
  const said = spec.output?.kind === "detections" ? spec.output : undefined;
  const named = (name: string) => info.outputs.find((output) => output.name === name)?.name;
  const boxes = said?.boxes ?? named("detection_boxes");
  const scores = said?.scores ?? named("detection_scores");
  const classes = said?.classes ?? named("detection_classes");
  const count = said?.count ?? named("num_detections");
  if (boxes === undefined || scores === undefined) {
    const missing = boxes === undefined ? "boxes" : "scores";
    problems.push(
      `output.${missing} is not said and cannot be told from the model's outputs (${info.outputs.map(describeTensor).join(", ")}): name one of them`,
    );
    return undefined;
  }
  const isTensorFlow = boxes === "detection_boxes";
  return {
    kind: "detections",
    boxes,
    scores,
    ...(classes !== undefined && { classes }),
    ...(count !== undefined && { count }),
    boxFormat: said?.boxFormat ?? (isTensorFlow ? "yxyx-fraction" : "xyxy-fraction"),
    classOffset: said?.classOffset ?? (isTensorFlow ? 1 : 0),
    scoreMin: said?.scoreMin ?? 0.5,
    detectionsMax: said?.detectionsMax ?? 100,
  };
}

function completeSegmentation(draft: Draft): ModelOutput | undefined {
  const { spec, info } = draft;
  const said = spec.output?.kind === "segmentation" ? spec.output : undefined;
  const maps = info.outputs.filter(({ shape }) => shape.length === 4);
  const scores = said?.scores ?? soleOutput(draft, "scores", maps);
  if (scores === undefined) return undefined;
  return {
    kind: "segmentation",
    scores,
    layout: said?.layout ?? "NCHW",
    activation: said?.activation ?? (info.madeBy[scores] === "Softmax" ? "none" : "softmax"),
    background: said?.background === undefined ? 0 : said.background,
    scoreMin: said?.scoreMin ?? 0.5,
    areaShareMin: said?.areaShareMin ?? 0.0005,
    detectionsMax: said?.detectionsMax ?? 100,
  };
}

function completeEmbedding(draft: Draft): ModelOutput | undefined {
  const { spec, info, problems } = draft;
  const said = spec.output?.kind === "embedding" ? spec.output : undefined;
  const vectors = info.outputs.filter(({ shape }) => shape.length === 2);
  const embedding = said?.embedding ?? soleOutput(draft, "embedding", vectors);
  const { bank, threshold, spread } = said ?? {};
  if (bank === undefined || threshold === undefined || spread === undefined) {
    problems.push(
      "an embedding is compared with usual ones: write output.bank, output.threshold and output.spread, which `fieldloop models bank` makes from a folder of usual pictures",
    );
    return undefined;
  }
  if (embedding === undefined) return undefined;
  return {
    kind: "embedding",
    embedding,
    metric: said?.metric ?? "cosine",
    bank,
    neighbours: said?.neighbours ?? 1,
    threshold,
    spread,
  };
}

/** There are always far more boxes than classes. */
function guessHead(shape: TensorInfo["shape"]): "v5" | "v8" | "end2end" | undefined {
  const [, rows, columns] = shape;
  if (columns === 6 && (typeof rows !== "number" || rows > 6)) return "end2end";
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
