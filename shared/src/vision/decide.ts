/** From a model's outputs to what the agent says about a frame. Pure. */
import { AppError } from "../errors.ts";
import type { ModelManifest, ModelOutput, ModelVariant } from "../manifest/model.ts";
import type { Detection } from "../messages/telemetry.ts";
import { decodeSsd } from "./decode-ssd.ts";
import { decodeYoloV5, decodeYoloV8 } from "./decode-yolo.ts";
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
}

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
  const candidates = findCandidates(output, labels.length, outputs, geometry);
  const kept = suppress(candidates, output.iouMax, output.detectionsMax);
  const detections = kept.map((found) => ({
    label: labels[found.classIndex] ?? `class ${found.classIndex}`,
    score: clamp01(found.score),
    box: toFrame(found.box, geometry),
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

function findCandidates(
  output: Exclude<ModelOutput, { kind: "classification" }>,
  classes: number,
  outputs: Readonly<Record<string, OutputTensor>>,
  geometry: Geometry,
): Candidate[] {
  if (output.kind === "ssd") {
    const scores = pick(outputs, output.scores);
    const columns = scores.dims.at(-1) ?? 1;
    return decodeSsd(scores.data, pick(outputs, output.boxes).data, columns, output);
  }
  const { data } = pick(outputs, output.output);
  const decode = output.head === "v5" ? decodeYoloV5 : decodeYoloV8;
  return decode(data, classes, geometry.input, output.scoreMin);
}

function pick(outputs: Readonly<Record<string, OutputTensor>>, name: string): OutputTensor {
  const tensor = outputs[name];
  if (tensor !== undefined) return tensor;
  throw new AppError({
    code: "model-mismatch",
    message: `the model has no output named "${name}"; it has ${Object.keys(outputs).join(", ")}`,
  });
}
