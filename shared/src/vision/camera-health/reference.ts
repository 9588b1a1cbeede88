/** What a camera sees when all is well, made at commissioning and kept with the camera. */
import * as z from "zod/mini";
import { AppError } from "../../errors.ts";
import { bandsOf, noiseGain, tileGrid } from "./bands.ts";
import {
  amplitudeOf,
  contrastsOf,
  darkChannelOf,
  detailOf,
  focusOf,
  saturationOf,
} from "./contrasts.ts";
import { type Change, changeBetween, noiseOf } from "./noise.ts";
import { checkThumbnail, type Thumbnail, thumbnailLimits } from "./thumbnail.ts";
import { blackLevelMax, median, quantile, toneOf } from "./tone.ts";

/** More add nothing to a median and much to the memory. */
export const referenceThumbnailsMax = 512;

const side = z
  .int()
  .check(z.gte(thumbnailLimits.sidePixelsMin), z.lte(thumbnailLimits.sidePixelsMax));
const perTile = z
  .array(z.number().check(z.nonnegative()))
  .check(z.minLength(tileGrid.count), z.maxLength(tileGrid.count));
const level = z.number().check(z.gte(0), z.lte(255));
const frameSide = z.int().check(z.gte(1), z.lte(65_535));

/** Serialisable; below 64 kB as JSON, since the scene is bounded by `thumbnailLimits.pixelsMax`. */
export const healthReference = z
  .strictObject({
    v: z.literal(1),
    width: side,
    height: side,
    frame: z.strictObject({ width: frameSide, height: frameSide }),
    /** How many thumbnails it was made of. */
    thumbnails: z.int().check(z.gte(1), z.lte(referenceThumbnailsMax)),
    /** Median picture, base64 of width * height bytes: what moves and what is noise are gone. */
    scene: z
      .base64()
      .check(z.maxLength(4 * Math.ceil(thumbnailLimits.pixelsMax / 3)), z.minLength(4)),
    tiles: z.strictObject({
      /** Mean grey level. */
      mean: perTile,
      /** Mean grey level in the darkest of the thumbnails. */
      unlit: perTile,
      /** Contrast of the fine and of the middle band: amplitude by mean grey level. */
      fine: perTile,
      middle: perTile,
      /** Fine by middle contrast when something sharp is there: what passes by may be sharper. */
      detail: perTile,
      /** Mean absolute difference between two frames when only noise changes, grey levels. */
      change: perTile,
    }),
    /** Saturation of a frame in colour, as of `saturationOf`; `null` for a grey camera. */
    saturation: z.nullable(z.number().check(z.gte(0), z.lte(46))),
    /** Black share of the darkest thumbnails, 0 to 1: a camera may be made to know its nights. */
    darkShare: z.number().check(z.gte(0), z.lte(1)),
    /** Clipped share of the brightest thumbnails, 0 to 1. */
    brightShare: z.number().check(z.gte(0), z.lte(1)),
    /** Standard deviation of the noise, grey levels. */
    noise: level,
    /** Focus score as of `measure`. */
    focus: z.number().check(z.nonnegative()),
    /** Mean tile minimum by white level: 0 for deep shadows everywhere, 1 for a veil. */
    darkChannel: z.number().check(z.gte(0), z.lte(1)),
  })
  .check(
    z.refine(
      ({ width, height, scene }) => scene.length === 4 * Math.ceil((width * height) / 3),
      "the scene has not one byte per pixel",
    ),
  );
export type HealthReference = z.infer<typeof healthReference>;

/** A tile is structured when its bands reach these amplitudes, grey levels. */
const structured = { fine: 4, middle: 2.5 } as const;

/** Which tiles of a reference carry structure that can be missed: 1, or 0. */
export function structuredTiles(tiles: HealthReference["tiles"], noise: number): Uint8Array {
  const fineMin = Math.max(structured.fine, 2 * noise * Math.sqrt(noiseGain.laplacian));
  return Uint8Array.from({ length: tileGrid.count }, (_, tile) => {
    const level = tiles.mean[tile] ?? 0;
    const isFine = amplitudeOf(tiles.fine[tile] ?? 0, level) >= fineMin;
    return isFine && amplitudeOf(tiles.middle[tile] ?? 0, level) >= structured.middle ? 1 : 0;
  });
}

/**
 * Makes the reference from thumbnails of the camera at work, in the order they were taken. Thirty
 * over a few minutes do; those of a whole day, night included, also teach which parts may be unlit.
 * @throws AppError `health-reference-unusable` for none, too many, different sizes, or darkness
 */
export function referenceOf(thumbnails: readonly Thumbnail[]): HealthReference {
  const first = checked(thumbnails);
  const looks = thumbnails.map((thumbnail, i) => lookAt(thumbnail, thumbnails[i - 1]));
  const lit = looks.filter(({ tone }) => tone.p95 > blackLevelMax);
  if (lit.length === 0) {
    throw unusable("every thumbnail is dark; make the reference while the scene is lit");
  }
  const middle = (of: (look: Look) => number) => median(lit.map(of)) ?? 0;
  const tiles = tilesOf(looks, lit);
  const extreme = (shares: readonly number[]) => quantile(shares, 0.95) ?? 0;
  const colours = lit.flatMap(({ saturation }) => (saturation === null ? [] : [saturation]));
  return {
    v: 1,
    width: first.width,
    height: first.height,
    frame: { width: first.frame.width, height: first.frame.height },
    thumbnails: thumbnails.length,
    scene: toBase64(medianPicture(lit.map(({ luma }) => luma))),
    tiles,
    saturation: colours.length === 0 ? null : round(quantile(colours, 0.75) ?? 0),
    darkShare: extreme(looks.map(({ tone }) => tone.darkShare)),
    brightShare: extreme(lit.map(({ tone }) => tone.brightShare)),
    noise: round(middle(({ noise }) => noise)),
    focus: round(middle(({ focus }) => focus.laplacian)),
    darkChannel: round(middle(({ darkChannel }) => darkChannel)),
  };
}

type Look = ReturnType<typeof lookAt>;

function lookAt(thumbnail: Thumbnail, before: Thumbnail | undefined) {
  const bands = bandsOf(thumbnail);
  const change = before === undefined ? undefined : changeBetween(thumbnail, before);
  const noise = noiseOf(bands, change);
  const tone = toneOf(thumbnail.luma);
  return {
    luma: thumbnail.luma,
    saturation: saturationOf(thumbnail.chroma, tone),
    bands,
    change,
    noise,
    tone,
    contrasts: contrastsOf(bands, noise),
    focus: focusOf(bands, noise, tone.contrast),
    darkChannel: darkChannelOf(bands, tone.p99),
  };
}

function tilesOf(looks: readonly Look[], lit: readonly Look[]): HealthReference["tiles"] {
  const each = (of: (tile: number) => number) =>
    Array.from({ length: tileGrid.count }, (_, tile) => round(of(tile)));
  const typical = (of: (look: Look) => Float64Array) =>
    each((tile) => median(lit.map((look) => of(look)[tile] ?? 0)) ?? 0);
  const changes = looks.flatMap(({ change }): readonly Change[] => change === undefined ? [] : [change]); // biome-ignore format: one thought
  // What moves all the time must not pass for noise: a belt that stops is not frozen.
  const noiseChangeMax = 1.7 * (median(lit.map(({ noise }) => noise)) ?? 0);
  return {
    mean: typical(({ bands }) => bands.mean),
    unlit: each((tile) => quantile(looks.map(({ bands }) => bands.mean[tile] ?? 0), 0.02) ?? 0), // biome-ignore format: one thought
    fine: typical(({ contrasts }) => contrasts.fine),
    middle: typical(({ contrasts }) => contrasts.middle),
    detail: each(
      (tile) =>
        quantile(
          lit.map(({ contrasts }) => detailOf(contrasts, tile)),
          0.75,
        ) ?? 0,
    ),
    change: each((tile) =>
      Math.min(
        noiseChangeMax,
        quantile(
          changes.map(({ tiles }) => tiles[tile] ?? 0),
          0.25,
        ) ?? 0,
      ),
    ),
  };
}

function checked(thumbnails: readonly Thumbnail[]): Thumbnail {
  const [first] = thumbnails;
  if (first === undefined || thumbnails.length > referenceThumbnailsMax) {
    throw unusable(
      `a reference is made of 1 to ${referenceThumbnailsMax} thumbnails, not of ${thumbnails.length}`,
    );
  }
  for (const thumbnail of thumbnails) {
    checkThumbnail(thumbnail);
    const { width, height } = thumbnail;
    if (width !== first.width || height !== first.height) {
      throw unusable(
        `the thumbnails have different sizes, ${first.width} x ${first.height} and ${width} x ${height}; take them with one camera setting`,
      );
    }
  }
  return first;
}

function medianPicture(pictures: readonly Uint8Array[]): Uint8Array {
  const [first = new Uint8Array()] = pictures;
  const values = new Uint8Array(pictures.length);
  return first.map((_, i) => {
    pictures.forEach((picture, n) => {
      values[n] = picture[i] ?? 0;
    });
    return values.sort()[values.length >> 1] ?? 0;
  });
}

/** Bytes as base64; `btoa` is there in browsers and in Node. */
function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** The median picture's bytes. */
export function sceneOf(reference: HealthReference): Uint8Array {
  return Uint8Array.from(atob(reference.scene), (letter) => letter.charCodeAt(0));
}

/** Whether a reference was made of thumbnails of this size. */
export function fits(thumbnail: Thumbnail, reference: HealthReference): boolean {
  return thumbnail.width === reference.width && thumbnail.height === reference.height;
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

function unusable(message: string): AppError {
  return new AppError({ code: "health-reference-unusable", message, status: 422 });
}
