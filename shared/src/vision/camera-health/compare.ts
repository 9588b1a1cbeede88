/** How a thumbnail's structure compares with the reference's. */
import { type Bands, judgedTilesMin, noiseGain, tileGrid } from "./bands.ts";
import { amplitudeOf, contrastsOf, detailOf } from "./contrasts.ts";
import { coveredShareOf } from "./cover.ts";
import { layoutOf } from "./layout.ts";
import type { Change } from "./noise.ts";
import { type HealthReference, structuredTiles } from "./reference.ts";
import { blackLevelMax, quantile } from "./tone.ts";

/** Shares are 0 to 1; `null` where too little can be seen to say. */
export interface Comparison {
  /** Fine by middle structure, by the reference's: 1 as sharp, 0 nothing fine left. */
  readonly sharpness: number | null;
  /** What is left of the middle band's contrast where most is left. */
  readonly contrastKept: number | null;
  /** Slope of the tiles' means against the reference's: a veil makes it flat. */
  readonly layoutSlope: number | null;
  /** Share of the reference's structured tiles that have lost their structure to a cover. */
  readonly coveredShare: number | null;
  /** Share of the tiles, as far as they can be judged, that do not even show noise. */
  readonly stillShare: number | null;
}

/** Tile differences below this share of the usual noise count as still. */
const stillNoiseShare = 0.1;
/** A reference whose tiles differ less between frames than this cannot tell frozen from still. */
export const changeLevelsMin = 0.03;
/** Above this mean a tile is clipped, grey levels. */
const clippedMeanMin = 247;

export function compare(
  bands: Bands,
  noise: number,
  change: Change | undefined,
  reference: HealthReference,
): Comparison {
  const tiles = tilesOf(bands, noise, reference);
  const visible = tiles.filter(({ state }) => state === "visible");
  const sharp = visible.flatMap(({ sharpness }) => (sharpness === null ? [] : [sharpness]));
  const upper = (values: readonly number[]) =>
    values.length < judgedTilesMin ? null : (quantile(values, 0.75) ?? null);
  return {
    // A camera in focus has sharp tiles whatever stands in the others: the upper quarter counts.
    sharpness: upper(sharp),
    contrastKept: upper(visible.map(({ middle }) => middle)),
    layoutSlope: layoutOf(bands.mean, reference.tiles.mean),
    coveredShare: coveredShareOf(tiles, { now: bands.mean, was: reference.tiles.mean }),
    stillShare: change === undefined ? null : stillShareOf(change, bands, reference),
  };
}

/** One of the reference's tiles, as it is now. */
export interface Tile {
  /**
   * `plain`: the reference has no structure there. `visible`: structure of the reference's contrast
   * would stand out of the noise. `unlit`: too dark for that, and the reference never was.
   */
  readonly state: "plain" | "visible" | "unlit" | "clipped";
  /** Contrast of the bands, and mean, by the reference's. */
  readonly middle: number;
  readonly fine: number;
  readonly gain: number;
  /** Detail by the reference's, `null` where a fine band would not stand out of the noise. */
  readonly sharpness: number | null;
}

function tilesOf(bands: Bands, noise: number, reference: HealthReference): readonly Tile[] {
  const isStructured = structuredTiles(reference.tiles, reference.noise);
  const contrasts = contrastsOf(bands, noise);
  const fineMin = Math.max(1.5, 2 * noise * Math.sqrt(noiseGain.laplacian));
  const middleMin = Math.max(1, 4 * noise * Math.sqrt(noiseGain.middle));
  const { tiles } = reference;
  return Array.from({ length: tileGrid.count }, (_, tile): Tile => {
    const mean = bands.mean[tile] ?? 0;
    const middle = ratio(contrasts.middle[tile] ?? 0, tiles.middle[tile] ?? 0);
    const fine = ratio(contrasts.fine[tile] ?? 0, tiles.fine[tile] ?? 0);
    const measured = { middle, fine, gain: (mean + 1) / ((tiles.mean[tile] ?? 0) + 1) };
    if (isStructured[tile] === 0) return { state: "plain", ...measured, sharpness: null };
    if (mean > clippedMeanMin) return { state: "clipped", ...measured, sharpness: null };
    if (amplitudeOf(tiles.middle[tile] ?? 0, mean) < middleMin) {
      const state = (tiles.unlit[tile] ?? 0) > blackLevelMax ? "unlit" : "plain";
      return { state, ...measured, sharpness: null };
    }
    // What noise adds to the middle band must not choose the tiles, or the chosen look soft.
    const fineExpected = amplitudeOf((tiles.fine[tile] ?? 0) * Math.min(1, middle), mean);
    const isSeen = middle >= 0.1 && fineExpected >= fineMin;
    const sharpness = ratio(detailOf(contrasts, tile), tiles.detail[tile] ?? 0);
    return { state: "visible", ...measured, sharpness: isSeen ? sharpness : null };
  });
}

function stillShareOf(change: Change, bands: Bands, reference: HealthReference): number | null {
  const judged = reference.tiles.change.flatMap((usual, tile) => {
    const mean = bands.mean[tile] ?? 0;
    const isShown = usual >= changeLevelsMin && mean > 4 && mean <= clippedMeanMin;
    return isShown ? [(change.tiles[tile] ?? 0) <= stillNoiseShare * usual] : [];
  });
  if (judged.length < judgedTilesMin) return null;
  return judged.filter(Boolean).length / judged.length;
}

function ratio(now: number, was: number): number {
  return was <= 0 ? 0 : now / was;
}
