/** From a model's outputs to what the agent says about a frame. Pure. */
import { AppError } from "../errors.ts";
import type { ModelManifest, ModelOutput, ModelVariant } from "../manifest/model.ts";
import type { Detection } from "../messages/telemetry.ts";
import { anomalyConfidence, anomalyOf, type EmbeddingOutput, readBank } from "./anomaly.ts";
import { decodeDetections } from "./decode-detections.ts";
import { decodeSegmentation, outlineOfMask } from "./decode-segmentation.ts";
import { decodeSsd } from "./decode-ssd.ts";
import { decodeYoloEnd2End, decodeYoloV5, decodeYoloV8 } from "./decode-yolo.ts";
import { clamp01, type Geometry, toFrame } from "./fit.ts";
import { type Candidate, suppress } from "./nms.ts";
import { softmax } from "./softmax.ts";
import { topK } from "./top-k.ts";

/** One output tensor. `data` is only read, and only during the call. */
export interface OutputTensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** What a manifest says about reading outputs; a whole manifest fits. */
export type Reading = Pick<ModelManifest, "labels" | "output"> & Pick<ModelVariant, "temperature">;

/** What the model says about one frame. */
export interface Decision {
  /** Top class of a classifier, `null` for a detector. */
  readonly label: string | null;
  /** Calibrated probability of the top class, or the best detection's score; 0 for none. */
  readonly confidence: number;
  /** A detector's findings, best first, as fractions of the frame; `null` for a classifier. */
  readonly detections: readonly Detection[] | null;
  /** Distance from what is usual, of a model that compares embeddings. */
  readonly anomaly?: number;
}

/** A candidate with its outline where there is one, as fractions of the model's input. */
type Found = Candidate & { readonly polygon?: readonly (readonly [number, number])[] };

/**
 * Reads the outputs as the manifest says.
 * @param outputs by tensor name, as the graph names them
 * @throws AppError `model-mismatch` where an output is missing or gives numbers that cannot be read
 */
export function decide(
  reading: Reading,
  outputs: Readonly<Record<string, OutputTensor>>,
  geometry: Geometry,
): Decision {
  const { output, labels } = reading;
  if (output.kind === "classification") return classify(reading, pick(outputs, output.scores));
  if (output.kind === "embedding") return compare(labels, output, pick(outputs, output.embedding));
  const detections = findingsOf(output, labels.length, outputs, geometry).map((found) => ({
    label: labels[found.classIndex] ?? `class ${found.classIndex}`,
    score: clamp01(found.score),
    box: toFrame(found.box, geometry),
    ...(found.polygon && {
      polygon: found.polygon.map(([x, y]): [number, number] => {
        const [left, top] = toFrame([x, y, x, y], geometry);
        return [left, top];
      }),
    }),
  }));
  return { label: null, confidence: detections[0]?.score ?? 0, detections };
}

/** Probabilities of a classifier's classes, in the order of the labels. */
export function classProbabilities(reading: Reading, scores: OutputTensor): ArrayLike<number> {
  const { output, temperature } = reading;
  if (output.kind === "classification" && output.activation === "softmax") {
    return softmax(scores.data, temperature);
  }
  if (temperature === 1) return scores.data;
  // The graph ends in probabilities, whose logarithms are logits up to a constant.
  return softmax(
    scores.data.map((p) => Math.log(Math.max(p, 1e-12))),
    temperature,
  );
}

function classify(reading: Reading, scores: OutputTensor): Decision {
  const { length } = scores.data;
  if (length !== reading.labels.length) {
    throw new AppError({
      code: "model-output",
      message: `the model gave ${length} scores for ${reading.labels.length} labels; the model or what runs it is damaged`,
    });
  }
  const probabilities = classProbabilities(reading, scores);
  const [best = 0] = topK(probabilities, 1);
  const confidence = probabilities[best];
  if (confidence === undefined || !Number.isFinite(confidence)) {
    throw new AppError({
      code: "model-output",
      message: "the model's scores are not numbers; the model or its input is damaged",
    });
  }
  return {
    label: reading.labels[best] ?? `class ${best}`,
    confidence: clamp01(confidence),
    detections: null,
  };
}

/** Banks as they have been read, by the manifest's output that holds them. */
const banks = new WeakMap<EmbeddingOutput, Float32Array[]>();

/** The first label is what is usual, the second what is not. */
function compare(
  labels: readonly string[],
  output: EmbeddingOutput,
  { data }: OutputTensor,
): Decision {
  const { dims } = output.bank;
  if (data.length !== dims || data.some((value) => !Number.isFinite(value))) {
    throw new AppError({
      code: "model-output",
      message: `the model gave an embedding of ${data.length} numbers and the bank holds ${dims} each, or not all are numbers; the model or its manifest is damaged`,
    });
  }
  const bank = banks.get(output) ?? readBank(output.bank);
  banks.set(output, bank);
  const anomaly = anomalyOf(data, bank, output);
  const unusual = anomalyConfidence(anomaly, output);
  const confidence = clamp01(Math.max(unusual, 1 - unusual));
  const label = labels[unusual >= 0.5 ? 1 : 0] ?? (unusual >= 0.5 ? "unusual" : "usual");
  return { label, confidence, detections: null, anomaly };
}

type DetectingOutput = Exclude<ModelOutput, { kind: "classification" | "embedding" }>;

/** What a detector found, best first, suppressed and bounded. */
function findingsOf(
  output: DetectingOutput,
  classes: number,
  outputs: Readonly<Record<string, OutputTensor>>,
  geometry: Geometry,
): readonly Found[] {
  switch (output.kind) {
    case "ssd": {
      const scores = pick(outputs, output.scores);
      const columns = scores.dims.at(-1) ?? 1;
      const boxes = pick(outputs, output.boxes).data;
      const candidates = decodeSsd(scores.data, boxes, columns, output);
      return suppress(candidates, output.iouMax, output.detectionsMax);
    }
    case "yolo":
      return findYolo(output, classes, outputs, geometry);
    case "detections": {
      const dataOf = (name: string | undefined) =>
        name === undefined ? null : pick(outputs, name).data;
      const tensors = {
        boxes: pick(outputs, output.boxes).data,
        scores: pick(outputs, output.scores).data,
        classes: dataOf(output.classes),
        count: dataOf(output.count),
      };
      return best(decodeDetections(tensors, classes, geometry.input, output), output.detectionsMax);
    }
    case "segmentation": {
      const { data, dims } = pick(outputs, output.scores);
      return best(decodeSegmentation(data, dims, output), output.detectionsMax);
    }
  }
}

function findYolo(
  output: Extract<ModelOutput, { kind: "yolo" }>,
  classes: number,
  outputs: Readonly<Record<string, OutputTensor>>,
  geometry: Geometry,
): readonly Found[] {
  const { data } = pick(outputs, output.output);
  const { head, scoreMin, iouMax, detectionsMax, prototypes: name } = output;
  const prototypes = name === undefined ? undefined : pick(outputs, name);
  const [, masks = 0, height = 0, width = 0] = prototypes?.dims ?? [];
  const { input } = geometry;
  if (head === "v5") {
    return suppress(decodeYoloV5(data, classes, input, scoreMin), iouMax, detectionsMax);
  }
  const isSuppressed = head === "end2end";
  const kept = isSuppressed
    ? best(decodeYoloEnd2End(data, classes, input, scoreMin, 6 + masks), detectionsMax)
    : suppress(decodeYoloV8(data, classes, input, scoreMin, masks), iouMax, detectionsMax);
  if (prototypes === undefined) return kept;
  const columns = Math.floor(data.length / (4 + classes + masks));
  return kept.map((found) => {
    const row = found.row ?? 0;
    const coefficients = Float32Array.from(
      { length: masks },
      (_, i) =>
        data[isSuppressed ? row * (6 + masks) + 6 + i : (4 + classes + i) * columns + row] ?? 0,
    );
    const polygon = outlineOfMask(coefficients, prototypes.data, { width, height }, found.box);
    return polygon === undefined ? found : { ...found, polygon };
  });
}

function best<Finding extends Candidate>(found: readonly Finding[], most: number): Finding[] {
  return [...found].sort((a, b) => b.score - a.score).slice(0, most);
}

function pick(outputs: Readonly<Record<string, OutputTensor>>, name: string): OutputTensor {
  const tensor = outputs[name];
  if (tensor !== undefined) return tensor;
  throw new AppError({
    code: "model-mismatch",
    message: `the model has no output named "${name}"; it has ${Object.keys(outputs).join(", ")}`,
  });
}
