/** Turns, shifts and scales: where the content of a reference lies in a later picture. */
import type { Grey } from "./flatten.ts";

/**
 * A point (x, y) of the reference, measured from the picture's centre, lies now at
 * ((1 + a) x - b y + tx, b x + (1 + a) y + ty). All in pixels of the thumbnail.
 */
export interface Similarity {
  readonly tx: number;
  readonly ty: number;
  readonly a: number;
  readonly b: number;
}

export const identity: Similarity = { tx: 0, ty: 0, a: 0, b: 0 };

export function similarityOf(turn: {
  readonly tx: number;
  readonly ty: number;
  readonly radians: number;
}): Similarity {
  const { tx, ty, radians } = turn;
  return { tx, ty, a: Math.cos(radians) - 1, b: Math.sin(radians) };
}

export function centreOf({ width, height }: Pick<Grey, "width" | "height">) {
  return { x: (width - 1) / 2, y: (height - 1) / 2 };
}

/** The picture drawn back onto the reference; NaN where it shows what the reference does not. */
export function drawnBack(picture: Grey, similarity: Similarity): Grey {
  const { width, height } = picture;
  const { tx, ty, a, b } = similarity;
  const centre = centreOf(picture);
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const v = y - centre.y;
    for (let x = 0; x < width; x++) {
      const u = x - centre.x;
      const atX = (1 + a) * u - b * v + tx + centre.x;
      const atY = b * u + (1 + a) * v + ty + centre.y;
      values[y * width + x] = sample(picture, atX, atY);
    }
  }
  return { width, height, values };
}

/** Bilinear; NaN outside. */
function sample({ width, height, values }: Grey, x: number, y: number): number {
  const left = Math.floor(x);
  const top = Math.floor(y);
  if (left < 0 || top < 0 || left >= width - 1 || top >= height - 1) {
    const exact = Math.abs(x - Math.round(x)) < 1e-9 && Math.abs(y - Math.round(y)) < 1e-9;
    const inside = x >= 0 && y >= 0 && x <= width - 1 && y <= height - 1;
    return exact && inside ? (values[Math.round(y) * width + Math.round(x)] ?? Number.NaN) : Number.NaN; // biome-ignore format: one thought
  }
  const i = top * width + left;
  const fx = x - left;
  const fy = y - top;
  const upper = (values[i] ?? 0) * (1 - fx) + (values[i + 1] ?? 0) * fx;
  const lower = (values[i + width] ?? 0) * (1 - fx) + (values[i + width + 1] ?? 0) * fx;
  return upper * (1 - fy) + lower * fy;
}

/** Mean distance that nine points of the picture have moved, in pixels of the thumbnail. */
export function displacementOf(similarity: Similarity, width: number, height: number): number {
  const { tx, ty, a, b } = similarity;
  let sum = 0;
  for (const v of [-0.4 * height, 0, 0.4 * height]) {
    for (const u of [-0.4 * width, 0, 0.4 * width]) {
      sum += Math.hypot(a * u - b * v + tx, b * u + a * v + ty);
    }
  }
  return sum / 9;
}
