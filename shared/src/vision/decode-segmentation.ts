/** From maps of classes or masks to outlines. Pure. */
import type { ModelOutput } from "../manifest/model.ts";
import { type Corner, outlineOf, regionsOf, simplified } from "./contours.ts";
import { type Box, clamp01 } from "./fit.ts";
import type { Candidate } from "./nms.ts";

export type SegmentationOutput = Extract<ModelOutput, { kind: "segmentation" }>;

/** An outlined candidate; everything as fractions of the model's input. */
export interface Outlined extends Candidate {
  readonly polygon: readonly Corner[];
}

/** Corners of an outline that telemetry takes. */
export const polygonCornersMax = 64;
/** What an outline may leave out, in cells of the map. */
const toleranceCells = 0.75;

/**
 * Reads a map of class scores: each cell belongs to its best class, cells of one class that touch are
 * one finding, scored by the mean probability of its class.
 * @param scores classes x height x width numbers, or height x width x classes
 * @param dims of the tensor, the batch first
 */
export function decodeSegmentation(
  scores: Float32Array,
  dims: readonly number[],
  output: SegmentationOutput,
): Outlined[] {
  const [, a = 0, b = 0, c = 0] = dims;
  const [classes, height, width] = output.layout === "NCHW" ? [a, b, c] : [c, a, b];
  const cells = width * height;
  if (cells === 0 || scores.length < cells * classes) return [];
  const step = output.layout === "NCHW" ? [cells, 1] : [1, classes];
  const { map, probability } = bestClasses(scores, classes, cells, step, output.activation);
  const background = output.background ?? -1;
  const cellsMin = Math.max(1, Math.ceil(output.areaShareMin * cells));
  return regionsOf(map, width, background, cellsMin).flatMap((region) => {
    const sum = region.cells.reduce((total, cell) => total + (probability[cell] ?? 0), 0);
    const score = clamp01(sum / region.cells.length);
    if (!(score >= output.scoreMin)) return [];
    const classIndex = labelIndex(region.value, output.background);
    const outline = simplified(outlineOf(region, width), toleranceCells, polygonCornersMax);
    return [{ classIndex, score, ...placed(outline, width, height) }];
  });
}

/**
 * Cuts one object's mask out of prototype masks, as YOLO's segmentation heads mean them (Bolya et al.,
 * "YOLACT", 2019): the sigmoid of their weighted sum, within the object's box, is above one half.
 * @param coefficients one for each prototype
 * @param prototypes count x height x width numbers
 * @returns the largest region's outline as fractions of the input; `undefined` where nothing is left
 */
export function outlineOfMask(
  coefficients: Float32Array,
  prototypes: Float32Array,
  size: { readonly width: number; readonly height: number },
  box: Box,
): readonly Corner[] | undefined {
  const { width, height } = size;
  const cells = width * height;
  const map = new Uint8Array(cells);
  const [x1, y1] = [Math.floor(clamp01(box[0]) * width), Math.floor(clamp01(box[1]) * height)];
  const [x2, y2] = [Math.ceil(clamp01(box[2]) * width), Math.ceil(clamp01(box[3]) * height)];
  for (let y = y1; y < y2; y++)
    for (let x = x1; x < x2; x++) {
      const cell = y * width + x;
      let sum = 0;
      for (let i = 0; i < coefficients.length; i++)
        sum += (coefficients[i] ?? 0) * (prototypes[i * cells + cell] ?? 0);
      if (sum > 0) map[cell] = 1; // where the sigmoid is above one half
    }
  const regions = regionsOf(map, width, 0, 1);
  const largest = regions.reduce<(typeof regions)[number] | undefined>(
    (best, region) =>
      best === undefined || region.cells.length > best.cells.length ? region : best,
    undefined,
  );
  if (largest === undefined) return undefined;
  const outline = simplified(outlineOf(largest, width), toleranceCells, polygonCornersMax);
  return placed(outline, width, height).polygon;
}

function bestClasses(
  scores: Float32Array,
  classes: number,
  cells: number,
  [classStep = 1, cellStep = 1]: readonly number[],
  activation: SegmentationOutput["activation"],
) {
  const map = new Int32Array(cells);
  const probability = new Float32Array(cells);
  for (let cell = 0; cell < cells; cell++) {
    const from = cell * cellStep;
    let [best, value] = [0, Number.NEGATIVE_INFINITY];
    for (let c = 0; c < classes; c++) {
      const own = scores[from + c * classStep] ?? Number.NEGATIVE_INFINITY;
      if (own > value) [best, value] = [c, own];
    }
    map[cell] = best;
    if (activation === "none") probability[cell] = value;
    else {
      let sum = 0;
      for (let c = 0; c < classes; c++)
        sum += Math.exp((scores[from + c * classStep] ?? Number.NEGATIVE_INFINITY) - value);
      probability[cell] = 1 / sum;
    }
  }
  return { map, probability };
}

function labelIndex(value: number, background: number | null): number {
  return background !== null && value > background ? value - 1 : value;
}

function placed(outline: readonly Corner[], width: number, height: number) {
  const polygon = outline.map(([x, y]): Corner => [x / width, y / height]);
  const [xs, ys] = [polygon.map(([x]) => x), polygon.map(([, y]) => y)];
  const box: Box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  return { polygon, box };
}
