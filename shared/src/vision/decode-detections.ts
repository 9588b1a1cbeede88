import type { ModelOutput } from "../manifest/model.ts";
import type { Box, Size } from "./fit.ts";
import type { Candidate } from "./nms.ts";

export type DetectionsOutput = Extract<ModelOutput, { kind: "detections" }>;

/** The tensors that a graph with its own suppression gives, already picked by name. */
export interface DetectionTensors {
  /** N rows of 4 numbers. */
  readonly boxes: Float32Array;
  readonly scores: Float32Array;
  /** N class numbers; `null` where there is one class only. */
  readonly classes: Float32Array | null;
  /** How many rows count; `null` for all. */
  readonly count: Float32Array | null;
}

/**
 * Reads the outputs of a graph that suppresses by itself, such as those of TensorFlow's object
 * detection models: rows beyond the count, and rows that only fill up, are left out.
 */
export function decodeDetections(
  { boxes, scores, classes, count }: DetectionTensors,
  labels: number,
  input: Size,
  output: DetectionsOutput,
): Candidate[] {
  const rows = Math.min(
    scores.length,
    Math.floor(boxes.length / 4),
    count === null ? Number.POSITIVE_INFINITY : Math.max(0, count[0] ?? 0),
  );
  const found: Candidate[] = [];
  for (let row = 0; row < rows; row++) {
    const score = scores[row] ?? 0;
    const classIndex = classes === null ? 0 : Math.round(classes[row] ?? -1) - output.classOffset;
    if (!(score >= output.scoreMin) || !(classIndex >= 0 && classIndex < labels)) continue;
    found.push({
      classIndex,
      score: Math.min(1, score),
      box: readBox(boxes, 4 * row, input, output),
    });
  }
  return found;
}

function readBox(
  boxes: Float32Array,
  at: number,
  { width, height }: Size,
  { boxFormat }: DetectionsOutput,
): Box {
  const [a = 0, b = 0, c = 0, d = 0] = boxes.subarray(at, at + 4);
  switch (boxFormat) {
    case "xyxy-fraction":
      return [a, b, c, d];
    case "yxyx-fraction":
      return [b, a, d, c];
    case "xyxy-pixels":
      return [a / width, b / height, c / width, d / height];
  }
}
