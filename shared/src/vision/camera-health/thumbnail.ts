/** The small grey picture of a frame that camera health looks at. */
import { AppError } from "../../errors.ts";
import type { Size } from "../fit.ts";

/** A frame made small: luma for everything, and how colourful it was. */
export interface Thumbnail {
  readonly width: number;
  readonly height: number;
  /** Row by row, width * height bytes, 0 black to 255 white (BT.601 luma, as JPEG stores it). */
  readonly luma: Uint8Array;
  /** Mean distance of the pixels from grey in the CbCr plane, 0 to 181; `null` for a grey source. */
  readonly chroma: number | null;
  /** Size of the frame it was made from: shifts are reported in its pixels. */
  readonly frame: Size;
}

/** Bounds of a thumbnail; a reference keeps one, and must stay below 64 kB as text. */
export const thumbnailLimits = {
  sidePixelsMin: 48,
  sidePixelsMax: 320,
  pixelsMax: 38_400,
  /** Longer side of what `thumbnailOf` makes; 160 x 120 of a 4:3 frame. */
  longSidePixels: 160,
} as const;

/** RGB, row by row, 3 * width * height bytes. */
export interface RgbPicture extends Size {
  readonly data: Uint8Array;
}

/**
 * Averages an RGB picture down to a thumbnail of its shape; a picture that is small enough is taken
 * as it is. References and later frames must be made small in the same way, since every way of
 * scaling leaves another sharpness.
 * @param frame the size of the original frame where `picture` is already a reduced one
 * @throws AppError `thumbnail-unusable`
 */
export function thumbnailOf(picture: RgbPicture, frame: Size = picture): Thumbnail {
  const { data, width, height } = picture;
  if (data.length !== 3 * width * height || width * height === 0) {
    throw unusable(
      `a picture of ${width} x ${height} needs ${3 * width * height} RGB bytes, not ${data.length}`,
    );
  }
  const shrink = Math.min(1, thumbnailLimits.longSidePixels / Math.max(width, height));
  const small = { width: Math.round(width * shrink), height: Math.round(height * shrink) };
  const cells = averaged(picture, small);
  const luma = new Uint8Array(small.width * small.height);
  let chroma = 0;
  for (let i = 0; i < luma.length; i++) {
    const r = cells[3 * i] ?? 0;
    const g = cells[3 * i + 1] ?? 0;
    const b = cells[3 * i + 2] ?? 0;
    const y = 0.299 * r + 0.587 * g + 0.114 * b;
    luma[i] = Math.round(y);
    chroma += Math.hypot(0.564 * (b - y), 0.713 * (r - y)); // Cb, Cr
  }
  const thumbnail = { ...small, luma, chroma: chroma / luma.length, frame };
  checkThumbnail(thumbnail);
  return thumbnail;
}

/** @throws AppError `thumbnail-unusable` for a size out of bounds or bytes that do not fit it */
export function checkThumbnail({ width, height, luma }: Thumbnail): void {
  const { sidePixelsMin: low, sidePixelsMax: high, pixelsMax } = thumbnailLimits;
  const sides = [width, height].every((n) => Number.isInteger(n) && n >= low && n <= high);
  if (!sides || width * height > pixelsMax) {
    throw unusable(
      `a thumbnail has sides of ${low} to ${high} pixels and at most ${pixelsMax} in all, not ${width} x ${height}; make it 160 x 120`,
    );
  }
  if (luma.length !== width * height) {
    throw unusable(`a thumbnail of ${width} x ${height} does not have ${luma.length} bytes`);
  }
}

/** Means of equal cells, RGB. */
function averaged({ data, width, height }: RgbPicture, small: Size): Float32Array {
  const sums = new Float32Array(3 * small.width * small.height);
  const counts = new Uint32Array(small.width * small.height);
  const cellOf = Uint16Array.from({ length: width }, (_, x) => (x * small.width) / width);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * small.height) / height) * small.width;
    for (let x = 0; x < width; x++) {
      const cell = row + (cellOf[x] ?? 0);
      const from = 3 * (y * width + x);
      sums[3 * cell] = (sums[3 * cell] ?? 0) + (data[from] ?? 0);
      sums[3 * cell + 1] = (sums[3 * cell + 1] ?? 0) + (data[from + 1] ?? 0);
      sums[3 * cell + 2] = (sums[3 * cell + 2] ?? 0) + (data[from + 2] ?? 0);
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
  }
  return sums.map((sum, i) => sum / Math.max(1, counts[Math.floor(i / 3)] ?? 1));
}

function unusable(message: string): AppError {
  return new AppError({ code: "thumbnail-unusable", message, status: 422 });
}
