import type { ModelOutput } from "../manifest/model.ts";
import type { Box } from "./fit.ts";
import type { Candidate } from "./nms.ts";
import { softmax } from "./softmax.ts";

export type SsdOutput = Extract<ModelOutput, { kind: "ssd" }>;

/**
 * Reads an SSD-style head (Liu et al., "SSD: Single Shot MultiBox Detector", 2016, after its box
 * decoding): for every prior the best class that is not background, if it scores enough.
 * @param scores N rows of `columns` numbers
 * @param boxes N rows of 4 numbers, as `output.boxFormat` says
 * @param columns classes, background included
 * @returns unsuppressed candidates; `classIndex` counts the columns without the background one
 */
export function decodeSsd(
  scores: Float32Array,
  boxes: Float32Array,
  columns: number,
  output: SsdOutput,
): Candidate[] {
  const found: Candidate[] = [];
  for (let row = 0; (row + 1) * columns <= scores.length; row++) {
    const raw = scores.subarray(row * columns, (row + 1) * columns);
    const best = bestColumn(
      output.activation === "softmax" ? softmax(raw) : raw,
      output.background,
    );
    if (!(best.score >= output.scoreMin)) continue;
    found.push({
      classIndex: labelIndex(best.column, output.background),
      score: Math.min(1, best.score),
      box: readBox(boxes, row * 4, output.boxFormat),
    });
  }
  return found;
}

function bestColumn(scores: ArrayLike<number>, background: number | null) {
  let column = -1;
  let score = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < scores.length; i++) {
    const value = scores[i] ?? Number.NEGATIVE_INFINITY;
    if (i === background || !(value > score)) continue;
    column = i;
    score = value;
  }
  return { column, score };
}

function labelIndex(column: number, background: number | null): number {
  return background !== null && column > background ? column - 1 : column;
}

function readBox(boxes: Float32Array, at: number, format: SsdOutput["boxFormat"]): Box {
  const [a = 0, b = 0, c = 0, d = 0] = boxes.subarray(at, at + 4);
  if (format === "xyxy-fraction") return [a, b, c, d];
  return [a - c / 2, b - d / 2, a + c / 2, b + d / 2];
}
