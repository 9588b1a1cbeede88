/** How a frame is placed on a model's input, and the way back for boxes. Pure. */

/** Pixels across and down. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** x1, y1, x2, y2 as fractions of a picture, from its top left corner. */
export type Box = readonly [number, number, number, number];

/**
 * Where the frame's pixels lie on the model's input, in input pixels. With `stretch` they cover it
 * all; with `letterbox` grey bars lie around them.
 */
export interface Geometry {
  readonly input: Size;
  readonly left: number;
  readonly top: number;
  readonly content: Size;
  /** The part of the frame that the content shows; all of it where absent. */
  readonly region?: Box;
}

export type Fit = "stretch" | "letterbox";

/** The grey of letterbox bars, as YOLO's own pre-processing paints them. */
export const letterboxGrey = 114;

/**
 * Centres content on the input; an odd pixel goes to the right and to the bottom.
 * @param region the part of the frame that the content shows
 */
export function centred(content: Size, input: Size, region?: Box): Geometry {
  return {
    ...(region && { region }),
    input,
    content,
    left: Math.floor((input.width - content.width) / 2),
    top: Math.floor((input.height - content.height) / 2),
  };
}

/** Maps a box given as fractions of the model's input to fractions of the frame, cut at its edges. */
export function toFrame(box: Box, geometry: Geometry): [number, number, number, number] {
  const { input, content, left, top, region: [x1, y1, x2, y2] = [0, 0, 1, 1] } = geometry;
  const x = (value: number): number =>
    x1 + clamp01((value * input.width - left) / content.width) * (x2 - x1);
  const y = (value: number): number =>
    y1 + clamp01((value * input.height - top) / content.height) * (y2 - y1);
  return [x(box[0]), y(box[1]), x(box[2]), y(box[3])];
}

/** Limits a number to 0..1; anything that is not a number gives 0. */
export function clamp01(value: number): number {
  return Number.isNaN(value) ? 0 : Math.min(1, Math.max(0, value));
}
