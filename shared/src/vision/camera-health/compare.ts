/** How a thumbnail's structure compares with the reference's. */
import { type Bands, noiseGain, tileGrid } from "./bands.ts";
import type { Change } from "./noise.ts";
import { amplitudeOf, contrastsOf, type HealthReference } from "./reference.ts";
import { blackLevelMax, median, quantile } from "./tone.ts";

/** Shares are 0 to 1; `null` where too little can be seen to say. */
export interface Comparison {
  /** Fine structure by middle structure, both by the reference's: 1 as sharp, 0 nothing fine left. */
  readonly sharpness: number | null;
  /** What is left of the middle band's contrast where most is left. */
  readonly contrastKept: number | null;
  /** Likeness (-1 to 1) and slope of the tiles' means against the reference's, tilt removed. */
  readonly layoutLikeness: number | null;
  readonly layoutSlope: number | null;
  /** Share of the reference's structured tiles that have lost their structure. */
  readonly coveredShare: number | null;
  /** Share of the tiles, as far as they can be judged, that do not even show noise. */
  readonly stillShare: number | null;
  /** Brightness by the reference's, median over the tiles. */
  readonly gain: number;
}

/** Fewer structured tiles than this say nothing about a picture. */
const judgedTilesMin = 12;
/** A tile is structured when its bands reach these amplitudes, grey levels. */
const structured = { fine: 4, middle: 2.5 } as const;
/** Below this share of its contrast a tile counts as lost. */
const lostContrastShare = 0.3;
/** Tile differences below this share of the usual noise count as still. */
const stillNoiseShare = 0.1;
/** A reference whose tiles differ less between frames than this cannot tell frozen from still. */
const changeLevelsMin = 0.03;
/** Where tile means alone vary less than this (by the mean), they have no layout to compare. */
const layoutContrastMin = 0.06;
/** A picture without structure that still has the reference's layout is defocused or fogged. */
const layoutLikenessMin = 0.75;

/** Which tiles of the reference carry structure that can be missed. */
export function structuredTiles(reference: HealthReference): Uint8Array {
  const { mean, fine, middle } = reference.tiles;
  const fineMin = Math.max(structured.fine, 2 * reference.noise * Math.sqrt(noiseGain.laplacian));
  return Uint8Array.from({ length: tileGrid.count }, (_, tile) => {
    const level = mean[tile] ?? 0;
    const isFine = amplitudeOf(fine[tile] ?? 0, level) >= fineMin;
    return isFine && amplitudeOf(middle[tile] ?? 0, level) >= structured.middle ? 1 : 0;
  });
}

export function compare(
  bands: Bands,
  noise: number,
  change: Change | undefined,
  reference: HealthReference,
): Comparison {
  const tiles = tilesOf(bands, noise, reference);
  const visible = tiles.filter(({ state }) => state === "visible");
  const layout = layoutOf(bands.mean, reference.tiles.mean);
  const kept = visible.map(({ middle }) => middle);
  const enough = visible.length >= judgedTilesMin;
  const most = quantile(kept, 0.9) ?? 0;
  const sharp = visible.flatMap(({ sharpness }) => (sharpness === null ? [] : [sharpness]));
  return {
    sharpness: sharp.length >= judgedTilesMin ? (quantile(sharp, 0.75) ?? null) : null,
    contrastKept: enough ? (quantile(kept, 0.75) ?? null) : null,
    layoutLikeness: layout?.likeness ?? null,
    layoutSlope: layout?.slope ?? null,
    coveredShare: coveredShareOf(tiles, most, layout?.likeness),
    stillShare: change === undefined ? null : stillShareOf(change, bands, reference),
    gain: gainOf(bands, reference),
  };
}

interface Tile {
  /** `visible`: structure of the reference's contrast would stand out of the noise. */
  readonly state: "plain" | "visible" | "unlit" | "clipped";
  /** Contrast by the reference's. */
  readonly middle: number;
  readonly sharpness: number | null;
}

function tilesOf(bands: Bands, noise: number, reference: HealthReference): readonly Tile[] {
  const isStructured = structuredTiles(reference);
  const contrasts = contrastsOf(bands, noise);
  const fineMin = Math.max(1.5, 1.5 * noise * Math.sqrt(noiseGain.laplacian));
  const middleMin = Math.max(1, 4 * noise * Math.sqrt(noiseGain.middle));
  const { tiles } = reference;
  return Array.from({ length: tileGrid.count }, (_, tile): Tile => {
    const mean = bands.mean[tile] ?? 0;
    const middle = ratio(contrasts.middle[tile] ?? 0, tiles.middle[tile] ?? 0);
    const fine = ratio(contrasts.fine[tile] ?? 0, tiles.fine[tile] ?? 0);
    if (isStructured[tile] === 0) return { state: "plain", middle, sharpness: null };
    if (mean > 247) return { state: "clipped", middle, sharpness: null };
    if (amplitudeOf(tiles.middle[tile] ?? 0, mean) < middleMin) {
      const wasLit = (tiles.unlit[tile] ?? 0) > blackLevelMax;
      return { state: wasLit ? "unlit" : "plain", middle, sharpness: null };
    }
    // Sharpness needs a middle band that is there, and a fine one that would be seen if it were.
    const fineExpected = amplitudeOf((tiles.fine[tile] ?? 0) * middle, mean);
    const seen = middle >= 0.1 && fineExpected >= fineMin;
    return { state: "visible", middle, sharpness: seen ? fine / middle : null };
  });
}

/**
 * Lost tiles, scattered ones left out. Unlit tiles count while the rest is as bright as it was: a
 * lamp that went out in one half of the hall looks the same, unless the reference has seen it.
 */
function coveredShareOf(
  tiles: readonly Tile[],
  most: number,
  likeness: number | undefined,
): number | null {
  const seen = tiles.filter(({ state }) => state === "visible" || state === "unlit").length;
  const visible = tiles.filter(({ state }) => state === "visible").length;
  if (seen < judgedTilesMin || visible < seen / 20) return null;
  const everywhere = most < lostContrastShare;
  if (everywhere) return (likeness ?? 0) >= layoutLikenessMin ? 0 : 1;
  const limit = lostContrastShare * Math.min(1, most);
  const lost = tiles.map(({ state, middle }) =>
    state === "visible" ? middle < limit : state === "unlit",
  );
  const judged = tiles.map(({ state }) => state === "visible" || state === "unlit");
  const grouped = lost.filter((is, tile) => is && hasLostNeighbours(tile, lost, judged));
  return grouped.length / seen;
}

/** Whether at least half of the tiles around that can be judged are lost too. */
function hasLostNeighbours(
  tile: number,
  lost: readonly boolean[],
  judged: readonly boolean[],
): boolean {
  const { columns, rows } = tileGrid;
  const [x, y] = [tile % columns, Math.floor(tile / columns)];
  let all = 0;
  let gone = 0;
  for (let v = Math.max(0, y - 1); v <= Math.min(rows - 1, y + 1); v++) {
    for (let u = Math.max(0, x - 1); u <= Math.min(columns - 1, x + 1); u++) {
      const other = v * columns + u;
      if (other === tile || judged[other] !== true) continue;
      all++;
      if (lost[other] === true) gone++;
    }
  }
  return all > 0 && gone >= all / 2;
}

function stillShareOf(change: Change, bands: Bands, reference: HealthReference): number | null {
  const judged = reference.tiles.change.flatMap((usual, tile) => {
    const mean = bands.mean[tile] ?? 0;
    const shown = usual >= changeLevelsMin && mean > 4 && mean < 248;
    return shown ? [(change.tiles[tile] ?? 0) <= stillNoiseShare * usual] : [];
  });
  if (judged.length < judgedTilesMin) return null;
  return judged.filter(Boolean).length / judged.length;
}

function gainOf(bands: Bands, reference: HealthReference): number {
  const gains = reference.tiles.mean.map((was, tile) => ((bands.mean[tile] ?? 0) + 1) / (was + 1));
  return median(gains) ?? 1;
}

/** Tile means by the picture's, their tilt removed, against the reference's. */
function layoutOf(now: Float64Array, was: readonly number[]) {
  const a = levelled(now);
  const b = levelled(Float64Array.from(was));
  const dot = (u: Float64Array, v: Float64Array) => u.reduce((s, x, i) => s + x * (v[i] ?? 0), 0);
  const [aa, bb, ab] = [dot(a, a), dot(b, b), dot(a, b)];
  if (Math.sqrt(bb / b.length) < layoutContrastMin) return undefined;
  return { likeness: aa === 0 ? 0 : ab / Math.sqrt(aa * bb), slope: ab / bb };
}

/** Values by their mean, minus one and minus the plane that fits them best. */
function levelled(values: Float64Array): Float64Array {
  const { columns, rows, count } = tileGrid;
  const mean = Math.max(1, values.reduce((sum, value) => sum + value, 0) / count);
  const across = (tile: number) => (tile % columns) - (columns - 1) / 2;
  const down = (tile: number) => Math.floor(tile / columns) - (rows - 1) / 2;
  const slope = (along: (tile: number) => number) => {
    const [sum, squares] = values.reduce(
      ([s, q], value, tile): [number, number] => [s + value * along(tile), q + along(tile) ** 2],
      [0, 0],
    );
    return sum / squares / mean;
  };
  const [tiltX, tiltY] = [slope(across), slope(down)];
  return values.map((value, tile) => value / mean - 1 - tiltX * across(tile) - tiltY * down(tile));
}

function ratio(now: number, was: number): number {
  return was <= 0 ? 0 : now / was;
}
