/** Which finding continues which track. Pure. */
import type { Box } from "../fit.ts";
import { iou } from "../iou.ts";
import { assign } from "./assignment.ts";
import type { Finding } from "./findings.ts";
import { type Motion, predict, sizeOf, spreadOf } from "./motion.ts";
import type { TrackingSettings } from "./settings.ts";
import type { Track } from "./track.ts";
import { shareOf } from "./votes.ts";

/** Above the dearest pair that is allowed, so a pair is always preferred to none. */
const aloneCost = 4;
/** What it costs to take an object for one that stopped where it was, against its velocity. */
const stoppedCost = 0.4;
/** How well the shapes of a pair that does not overlap must fit, as the overlap of centred boxes. */
const shapeMin = 0.3;
/** Standard deviations within which a prediction counts as right. */
const deviationsMax = 3;

/** What the tracks got, in their order: the index of a finding, -1 for none. */
export type Association = readonly number[];

/**
 * Two rounds, as ByteTrack (Zhang et al. 2022) does it: sure findings first; then unsure ones, which
 * may only continue tracks that are still without one, and only where they overlap with the
 * prediction. Each round is an optimal assignment.
 */
export function associate(
  tracks: readonly Track[],
  findings: readonly Finding[],
  atMs: number,
  settings: TrackingSettings,
): Association {
  const predictions = tracks.map(({ motion, lastSeenAtMs }) =>
    predict(motion, atMs - lastSeenAtMs, settings),
  );
  const got = new Array<number>(tracks.length).fill(-1);
  for (const sure of [true, false]) {
    const rows = tracks.flatMap((track, at) => {
      const prediction = predictions[at];
      return got[at] === -1 && prediction !== undefined ? [{ at, track, prediction }] : [];
    });
    const columns = findings.flatMap((finding, at) =>
      finding.score >= settings.scoreHighMin === sure ? [{ at, finding }] : [],
    );
    if (rows.length === 0 || columns.length === 0) continue;
    const costs = rows.map(({ track, prediction }) =>
      columns.map(({ finding }) => costOf(track, prediction, finding, sure, settings)),
    );
    for (const [row, column] of assign(costs, aloneCost).entries()) {
      const [to, from] = [rows[row], columns[column]];
      if (to !== undefined && from !== undefined) got[to.at] = from.at;
    }
  }
  return got;
}

/** What a pair costs, 0 to about 2.6; `Infinity` where it may not be. */
function costOf(
  track: Track,
  prediction: Motion,
  finding: Finding,
  mayJump: boolean,
  settings: TrackingSettings,
): number {
  const place = Math.min(
    placeCost(track, prediction, finding.box, mayJump, settings),
    stopCost(track, finding.box),
  );
  return place + settings.labelCost * (1 - shareOf(track.votes, finding.label));
}

/**
 * Missing overlap plus distance, so pairs that overlap compare by overlap and others by distance.
 * Without overlap the distance must lie within what the prediction's uncertainty allows.
 */
function placeCost(
  track: Track,
  prediction: Motion,
  box: Box,
  mayJump: boolean,
  settings: TrackingSettings,
): number {
  const overlap = iou(prediction.box, box);
  const size = Math.max(sizeOf(track.motion.box), sizeOf(prediction.box));
  const distance = distanceOf(prediction.box, box) / size;
  const gate = Math.min(settings.gateSizesMax, deviationsMax * spreadOf(prediction, settings));
  const near = mayJump && distance <= gate && shapeFit(track.motion.box, box) >= shapeMin;
  if (overlap < settings.iouMin && !near) return Number.POSITIVE_INFINITY;
  return 1 - overlap + Math.min(1, distance / settings.gateSizesMax) ** 2;
}

/** An object that stopped between two frames is where it was, whatever its velocity says. */
function stopCost({ observed }: Track, box: Box): number {
  const overlap = iou(observed, box);
  return overlap >= 0.5 ? 1 - overlap + stoppedCost : Number.POSITIVE_INFINITY;
}

function distanceOf(a: Box, b: Box): number {
  return Math.hypot(a[0] + a[2] - b[0] - b[2], a[1] + a[3] - b[1] - b[3]) / 2;
}

/** Overlap of two boxes as if they had one centre, 0 to 1. */
function shapeFit(a: Box, b: Box): number {
  return iou([0, 0, a[2] - a[0], a[3] - a[1]], [0, 0, b[2] - b[0], b[3] - b[1]]);
}
