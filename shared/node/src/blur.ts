/** Makes parts of a picture unrecognisable. Pure. */
import type { Box } from "@fieldloop/shared/vision/fit";

/** An RGB picture, row by row, 3 * width * height bytes. */
export interface RgbPicture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A region keeps at most so many different colours along its longer side. */
const cellsMax = 6;
/** How much a box grows at each side, of its own size: detectors cut hair and ears off. */
const marginShare = 0.1;

/**
 * Replaces boxes by means over few large cells. What a mean leaves out is gone: unlike a light blur it
 * cannot be undone, only guessed at (Hill et al., "On the (In)effectiveness of Mosaicing and Blurring as
 * Tools for Document Redaction", 2016, guess texts; hence few cells).
 * @param boxes as fractions of the picture
 */
export function pixelate({ data, width, height }: RgbPicture, boxes: readonly Box[]): RgbPicture {
  const out = Uint8Array.from(data);
  for (const [x1, y1, x2, y2] of boxes) {
    const [mx, my] = [(x2 - x1) * marginShare, (y2 - y1) * marginShare];
    const left = clamp(Math.floor((x1 - mx) * width), width);
    const right = clamp(Math.ceil((x2 + mx) * width), width);
    const top = clamp(Math.floor((y1 - my) * height), height);
    const bottom = clamp(Math.ceil((y2 + my) * height), height);
    const cell = Math.max(1, Math.ceil(Math.max(right - left, bottom - top) / cellsMax));
    for (let y = top; y < bottom; y += cell)
      for (let x = left; x < right; x += cell) {
        level(out, width, [x, y, Math.min(x + cell, right), Math.min(y + cell, bottom)]);
      }
  }
  return { data: out, width, height };
}

/** One colour for a rectangle: its mean. */
function level(
  data: Uint8Array,
  width: number,
  [left, top, right, bottom]: readonly [number, number, number, number],
): void {
  for (const channel of [0, 1, 2]) {
    let sum = 0;
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++) sum += data[3 * (y * width + x) + channel] ?? 0;
    const mean = Math.round(sum / ((right - left) * (bottom - top)));
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++) data[3 * (y * width + x) + channel] = mean;
  }
}

const clamp = (value: number, most: number): number => Math.min(most, Math.max(0, value));
