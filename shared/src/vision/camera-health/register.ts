/**
 * Where a camera points compared with its reference. Phase correlation proposes, a least-squares fit
 * refines, and the share of tiles that then show the same thing says whether to believe it: a scene
 * that was rebuilt agrees nowhere and is not called moved.
 */
import { judgedTilesMin, tileAt, tileGrid } from "./bands.ts";
import { flattened, type Grey, halved } from "./flatten.ts";
import { shiftsBetween } from "./phase-correlation.ts";
import { fits, type HealthReference, sceneOf } from "./reference.ts";
import { refined } from "./refine.ts";
import {
  displacementOf,
  drawnBack,
  identity,
  type Similarity,
  similarityOf,
} from "./similarity.ts";
import type { Thumbnail } from "./thumbnail.ts";

export interface Registration {
  /** How far the picture's centre has moved, pixels of the original frame: right and down positive. */
  readonly dx: number;
  readonly dy: number;
  /** Clockwise as one sees the picture. */
  readonly rotationDegrees: number;
  readonly scale: number;
  /** Mean distance that the content of the picture has moved, pixels of the original frame. */
  readonly displacement: number;
  /** The same as a share of the frame's width. */
  readonly displacementShare: number;
  /** Share of the tiles that agree with the reference once moved back, 0 to 1. */
  readonly confidence: number;
  /** Share that agrees where it lies. */
  readonly confidenceUnmoved: number;
  /**
   * Share of the unlikeness that moving back takes away, over the tiles that agree before or after,
   * 0 to 1: next to nothing where the shift is only the noise of a blurred or busy picture.
   */
  readonly explained: number;
}

/** How far phase correlation looks, as a share of each side. */
const shiftShareMax = 0.25;
/** A tile agrees when the likeness of its structure reaches this. */
const likenessMin = 0.5;
/** A tile takes part when the reference's structure in it has at least this mean square. */
const energyMin = 0.15;
/** With this share agreeing, no turned hypotheses are tried. */
const convincing = 0.6;
const turnsDegrees = [-3, 3, -6, 6, -9, 9];

/**
 * @param noise standard deviation of the noise in the thumbnail, grey levels, from `measure`
 * @returns `null` where the reference has another size, or too little structure lies in either
 */
export function register(
  thumbnail: Thumbnail,
  reference: HealthReference,
  noise: number,
): Registration | null {
  if (!fits(thumbnail, reference)) return null;
  const was = flattened(sceneOf(reference), reference, reference.noise);
  const now = flattened(thumbnail.luma, thumbnail, noise);
  const unmoved = agreementOf(was, now, identity);
  if (unmoved === undefined) return null;
  const found = candidatesOf(was, now, unmoved.share).map((start) => settle(was, now, start));
  const best = found.reduce((a, b) => (b.total > a.total ? b : a));
  return registrationOf(best, unmoved, thumbnail);
}

interface Agreement {
  /** Share of the tiles that agree. */
  readonly share: number;
  /** Sum of the tiles' likeness, so that a tile shifted out of the picture counts as unlike. */
  readonly total: number;
  /** Likeness of each tile; NaN where the reference has too little structure. */
  readonly tiles: Float64Array;
}

interface Settled extends Agreement {
  readonly similarity: Similarity;
}

function settle(was: Grey, now: Grey, start: Similarity): Settled {
  const similarity = refined(was, now, start);
  const before = agreementOf(was, now, start);
  const after = agreementOf(was, now, similarity);
  if (after !== undefined && after.total >= (before?.total ?? -1)) return { similarity, ...after };
  const { share, total, tiles } = before ?? { share: 0, total: -1, tiles: new Float64Array() };
  return { similarity: start, share, total, tiles };
}

/** Standing still, the best of the shifts, and where neither convinces the best turned one. */
function candidatesOf(was: Grey, now: Grey, unmoved: number): readonly Similarity[] {
  const small = halved(was);
  const smallNow = halved(now);
  const shifts = proposals(was, now, small, smallNow, 0);
  const best = bestOf(was, now, shifts);
  const candidates = best === undefined ? [identity] : [identity, best.start];
  if (Math.max(unmoved, best?.share ?? 0) >= convincing) return candidates;
  const turned = turnsDegrees.flatMap((degrees) =>
    proposals(was, now, small, smallNow, (degrees * Math.PI) / 180),
  );
  const bestTurned = bestOf(was, now, turned);
  return bestTurned === undefined ? candidates : [...candidates, bestTurned.start];
}

function proposals(
  was: Grey,
  now: Grey,
  small: Grey,
  smallNow: Grey,
  radians: number,
): readonly Similarity[] {
  const turn = similarityOf({ tx: 0, ty: 0, radians });
  const back = radians === 0 ? smallNow : drawnBack(smallNow, turn);
  const scale = { x: was.width / small.width, y: now.height / small.height };
  return shiftsBetween(small, back, { count: radians === 0 ? 3 : 1, shiftShareMax }).map(
    ({ x, y }) => ({
      ...turn,
      tx: scale.x * ((1 + turn.a) * x - turn.b * y),
      ty: scale.y * (turn.b * x + (1 + turn.a) * y),
    }),
  );
}

function bestOf(was: Grey, now: Grey, starts: readonly Similarity[]) {
  const judged = starts.flatMap((start) => {
    const agreement = agreementOf(was, now, start);
    return agreement === undefined ? [] : [{ start, ...agreement }];
  });
  return judged.sort((a, b) => b.total - a.total)[0];
}

/** Likeness (normalised cross-correlation) tile by tile; `undefined` with too few tiles. */
function agreementOf(was: Grey, now: Grey, similarity: Similarity) {
  const moved = similarity === identity ? now : drawnBack(now, similarity);
  const { count, columns, rows } = tileGrid;
  const sums = {
    n: new Uint32Array(count),
    aa: new Float64Array(count),
    bb: new Float64Array(count),
    ab: new Float64Array(count),
  };
  const column = tileAt(was.width, columns);
  const row = tileAt(was.height, rows);
  for (let y = 0; y < was.height; y++) {
    const first = (row[y] ?? 0) * columns;
    for (let x = 0; x < was.width; x++) {
      const b = moved.values[y * was.width + x] ?? 0;
      if (Number.isNaN(b)) continue;
      const a = was.values[y * was.width + x] ?? 0;
      const tile = first + (column[x] ?? 0);
      sums.n[tile] = (sums.n[tile] ?? 0) + 1;
      sums.aa[tile] = (sums.aa[tile] ?? 0) + a * a;
      sums.bb[tile] = (sums.bb[tile] ?? 0) + b * b;
      sums.ab[tile] = (sums.ab[tile] ?? 0) + a * b;
    }
  }
  return shareOf(sums, (was.width * was.height) / count);
}

function shareOf(
  sums: {
    readonly n: Uint32Array;
    readonly aa: Float64Array;
    readonly bb: Float64Array;
    readonly ab: Float64Array;
  },
  tilePixels: number,
): Agreement | undefined {
  const tiles = new Float64Array(sums.n.length).fill(Number.NaN);
  let judged = 0;
  let agreeing = 0;
  let total = 0;
  for (let tile = 0; tile < sums.n.length; tile++) {
    const n = sums.n[tile] ?? 0;
    const [aa, bb, ab] = [sums.aa[tile] ?? 0, sums.bb[tile] ?? 0, sums.ab[tile] ?? 0];
    if (n < tilePixels / 2 || aa / n < energyMin) continue;
    judged++;
    const likeness = bb <= 0 ? 0 : ab / Math.sqrt(aa * bb);
    tiles[tile] = likeness;
    total += Math.max(0, likeness);
    if (likeness >= likenessMin) agreeing++;
  }
  return judged < judgedTilesMin ? undefined : { share: agreeing / judged, total, tiles };
}

function registrationOf(
  { similarity, share, tiles }: Settled,
  unmoved: Agreement,
  { width, height, frame }: Thumbnail,
): Registration {
  const { tx, ty, a, b } = similarity;
  const moved = displacementOf(similarity, width, height);
  return {
    dx: (tx * frame.width) / width,
    dy: (ty * frame.height) / height,
    rotationDegrees: (Math.atan2(b, 1 + a) * 180) / Math.PI,
    scale: Math.hypot(1 + a, b),
    displacement: (moved * frame.width) / width,
    displacementShare: moved / width,
    confidence: share,
    confidenceUnmoved: unmoved.share,
    explained: explainedOf(tiles, unmoved.tiles),
  };
}

function explainedOf(after: Float64Array, before: Float64Array): number {
  let gained = 0;
  let missing = 0;
  after.forEach((likeness, tile) => {
    const was = before[tile] ?? Number.NaN;
    if (Number.isNaN(was + likeness) || Math.max(was, likeness) < likenessMin) return;
    gained += likeness - was;
    missing += 1 - was;
  });
  return missing <= 0 ? 0 : Math.max(0, gained / missing);
}
