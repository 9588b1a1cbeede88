import type { Size } from "./fit.ts";
import type { Candidate } from "./nms.ts";

/**
 * Reads a YOLO v5 head: N rows of centre x, centre y, width, height (input pixels), objectness and
 * one probability per class; the score is objectness times class probability.
 * @param values N * (5 + classes) numbers, row by row
 */
export function decodeYoloV5(
  values: Float32Array,
  classes: number,
  input: Size,
  scoreMin: number,
): Candidate[] {
  const stride = 5 + classes;
  const found: Candidate[] = [];
  for (let at = 0; at + stride <= values.length; at += stride) {
    const objectness = values[at + 4] ?? 0;
    if (!(objectness >= scoreMin)) continue; // a class probability is at most 1
    let classIndex = 0;
    let best = 0;
    for (let c = 0; c < classes; c++) {
      const value = values[at + 5 + c] ?? 0;
      if (value > best) {
        best = value;
        classIndex = c;
      }
    }
    const score = objectness * best;
    if (!(score >= scoreMin)) continue;
    found.push({
      classIndex,
      score: Math.min(1, score),
      box: boxAt(values, at, 1, input),
      row: at / stride,
    });
  }
  return found;
}

/**
 * Reads a YOLO v8 or v11 head, which lies the other way round: 4 + classes rows of N columns, boxes
 * as in v5, without objectness.
 * @param values (4 + classes + masks) * N numbers, row by row
 * @param masks rows of mask coefficients behind the classes
 */
export function decodeYoloV8(
  values: Float32Array,
  classes: number,
  input: Size,
  scoreMin: number,
  masks = 0,
): Candidate[] {
  const columns = Math.floor(values.length / (4 + classes + masks));
  const best = new Float32Array(columns).fill(-1);
  const bestClass = new Uint16Array(columns);
  for (let c = 0; c < classes; c++) {
    const row = (4 + c) * columns; // along the rows, as they lie in memory
    for (let i = 0; i < columns; i++) {
      const value = values[row + i] ?? 0;
      if (value > (best[i] ?? 0)) {
        best[i] = value;
        bestClass[i] = c;
      }
    }
  }
  const found: Candidate[] = [];
  for (let i = 0; i < columns; i++) {
    const score = best[i] ?? 0;
    if (!(score >= scoreMin)) continue;
    const box = boxAt(values, i, columns, input);
    found.push({ classIndex: bestClass[i] ?? 0, score: Math.min(1, score), box, row: i });
  }
  return found;
}

/**
 * Reads a YOLO head with suppression in the graph (v10, 26, and exports with `nms=True`): N rows of x1,
 * y1, x2, y2 (input pixels), score and class number. Rows that only fill up score 0.
 * @param values 6 * N numbers, row by row; numbers beyond a row's sixth are mask coefficients
 * @param stride numbers in a row, 6 without masks
 */
export function decodeYoloEnd2End(
  values: Float32Array,
  classes: number,
  input: Size,
  scoreMin: number,
  stride = 6,
): Candidate[] {
  const found: Candidate[] = [];
  for (let at = 0; at + stride <= values.length; at += stride) {
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0, score = 0, number = -1] = values.subarray(at, at + 6);
    const classIndex = Math.round(number);
    if (!(score >= scoreMin) || !(classIndex >= 0 && classIndex < classes)) continue;
    const box = [x1 / input.width, y1 / input.height, x2 / input.width, y2 / input.height] as const;
    found.push({ classIndex, score: Math.min(1, score), box, row: at / stride });
  }
  return found;
}

function boxAt(
  values: Float32Array,
  at: number,
  step: number,
  input: Size,
): [number, number, number, number] {
  const x = (values[at] ?? 0) / input.width;
  const y = (values[at + step] ?? 0) / input.height;
  const halfWidth = (values[at + 2 * step] ?? 0) / input.width / 2;
  const halfHeight = (values[at + 3 * step] ?? 0) / input.height / 2;
  return [x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight];
}
