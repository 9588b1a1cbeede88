/**
 * Frame → features of its camera's health, from a thumbnail: one or two milliseconds of plain
 * arithmetic, no state. `advance` turns features over time into events.
 */
import { bandsOf, noiseGain, tileGrid } from "./bands.ts";
import { type Comparison, compare } from "./compare.ts";
import { contrastsOf, darkChannelOf, focusOf, saturationOf } from "./contrasts.ts";
import { changeBetween, noiseOf } from "./noise.ts";
import { fits, type HealthReference } from "./reference.ts";
import type { Registration } from "./register.ts";
import { checkThumbnail, type Thumbnail } from "./thumbnail.ts";
import { type Tone, toneOf } from "./tone.ts";

export interface HealthFeatures {
  /** 64 bits of FNV-1a over the thumbnail, hexadecimal: equal for equal pictures. */
  readonly hash: string;
  readonly tone: Tone;
  /** Standard deviation of the noise, grey levels. */
  readonly noise: number;
  /** Amplitude of the Laplacian and of the Sobel gradient by the contrast, without the noise. */
  readonly focus: { readonly laplacian: number; readonly tenengrad: number };
  /** Share of pixels on an edge, 0 to 1. */
  readonly edgeDensity: number;
  /** Mean tile minimum by white level, 0 to 1: high in haze (after He, Sun, Tang, CVPR 2009). */
  readonly darkChannel: number;
  /** Mean distance from grey by the mean grey level, `null` for a grey source. */
  readonly saturation: number | null;
  /** Contrast of the middle band per tile, `columns` by `rows`, row by row. */
  readonly localContrast: {
    readonly columns: number;
    readonly rows: number;
    readonly values: readonly number[];
  };
  /** Against the frame before; `null` for the first, or after a change of size. */
  readonly change: { readonly identical: boolean; readonly difference: number } | null;
  /** Against the reference; `null` without one that fits. */
  readonly compared: Comparison | null;
  /** What the reference says of the same, for the judgement. */
  readonly usual: Usual | null;
  /** Where the camera points, filled in by whoever calls `register`; `undefined` if not this time. */
  readonly registration?: Registration | null | undefined;
}

export type Usual = Pick<
  HealthReference,
  "saturation" | "darkShare" | "brightShare" | "darkChannel"
>;

/**
 * @param previous the thumbnail that was measured before, for noise and for frozen pictures
 * @param reference ignored where it was made of another thumbnail size
 * @throws AppError `thumbnail-unusable`
 */
export function measure(
  thumbnail: Thumbnail,
  previous?: Thumbnail,
  reference?: HealthReference,
): HealthFeatures {
  checkThumbnail(thumbnail);
  const tone = toneOf(thumbnail.luma);
  const bands = bandsOf(thumbnail);
  const change = previous === undefined ? undefined : changeBetween(thumbnail, previous);
  const noise = noiseOf(bands, change);
  const { columns, rows } = tileGrid;
  const known = reference !== undefined && fits(thumbnail, reference) ? reference : undefined;
  return {
    hash: hashOf(thumbnail.luma),
    tone,
    noise,
    focus: focusOf(bands, noise, tone.contrast),
    edgeDensity: edgeDensityOf(bands.gradients, tone, noise),
    darkChannel: darkChannelOf(bands, tone.p99),
    saturation: saturationOf(thumbnail.chroma, tone),
    localContrast: { columns, rows, values: [...contrastsOf(bands, noise).middle] },
    change:
      change === undefined ? null : { identical: change.identical, difference: change.difference },
    compared: known === undefined ? null : compare(bands, noise, change, known),
    usual:
      known === undefined
        ? null
        : {
            saturation: known.saturation,
            darkShare: known.darkShare,
            brightShare: known.brightShare,
            darkChannel: known.darkChannel,
          },
  };
}

/** An edge is half of the picture's range across a Sobel filter, and clear of its noise. */
function edgeDensityOf(gradients: Uint32Array, tone: Tone, noise: number): number {
  const limit = Math.max(
    0.5 * (tone.p95 - tone.p05),
    5 * noise * Math.sqrt(noiseGain.tenengrad),
    8,
  );
  let edges = 0;
  let all = 0;
  gradients.forEach((n, size) => {
    all += n;
    if (size >= limit) edges += n;
  });
  return edges / Math.max(1, all);
}

/** Two 32-bit FNV-1a hashes with different starts (Fowler, Noll, Vo; RFC 9923). */
function hashOf(bytes: Uint8Array): string {
  let a = 0x811c9dc5;
  let b = 0x01234567;
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x01000193);
  }
  return [a, b].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
