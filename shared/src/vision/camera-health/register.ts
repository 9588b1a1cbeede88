/**
 * Where a camera points compared with its reference. Phase correlation proposes, a least-squares fit
 * refines, and the share of tiles that then show the same thing says whether to believe it: a scene
 * that was rebuilt agrees nowhere and is not called moved.
 */
import { type Agreement, agreementOf, explainedOf } from "./agreement.ts";
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
