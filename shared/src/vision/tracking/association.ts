/** Which finding continues which track. Pure. */
import { type Box, clamp01 } from "../fit.ts";
import { iou } from "../iou.ts";
import { assign } from "./assignment.ts";
import type { Finding } from "./findings.ts";
import { type Flow, isStraight, isUsual, type Way, waysAt } from "./flow.ts";
import { type Motion, predict, sizeOf, spreadOf } from "./motion.ts";
import type { TrackingSettings } from "./settings.ts";
import type { Track } from "./track.ts";
import { shareOf } from "./votes.ts";

/** What a track costs that gets nothing. Hardly more than the dearest pair: what fits well must not be
 * given up so that a second, doubtful pair becomes possible. */
const aloneCost = 1.7;
/** The same for a track that got nothing the last time either: it is rather gone than hidden. */
const goneCost = 1.45;
/** From this overlap with its last box on an object may have stopped. */
const stoppedIouMin = 0.7;
/** What the largest distance adds to the cost of a pair. */
const distanceCost = 0.4;
/** What it costs to explain a pair by something else than the track's own velocity. */
const changeCost = 0.4;
/** What a pair costs, before that, that only fits how things usually move. */
const onItsWayCost = 0.8;
/** From this overlap on a pair needs no further explanation. */
const sureIouMin = 0.5;
/** Overlap that is enough where no usual way is known, as for one that stood and runs off. */
const touchIouMin = 0.1;
/** How well the shapes of a pair that does not overlap must fit, as the overlap of centred boxes. */
const shapeMin = 0.3;
/** Standard deviations within which a prediction counts as right. */
const deviationsMax = 3;

/** A track and where it may be by now. */
interface Expectation {
  readonly track: Track;
  readonly elapsedMs: number;
  readonly own: Motion;
  /** How things usually move where it was. */
  readonly ways: readonly Way[];
  /** Its box, had it moved in one of these ways. */
  readonly byWays: readonly Box[];
}

/**
 * Two rounds, as ByteTrack (Zhang et al. 2022) does it: sure findings first; then unsure ones, which
 * may only continue tracks that are still without one, and only where they overlap with the
 * prediction. Each round is an optimal assignment.
 * @returns for each track the index of a finding, -1 for none
 */
export function associate(
  tracks: readonly Track[],
  findings: readonly Finding[],
  atMs: number,
  flow: Flow,
  settings: TrackingSettings,
): number[] {
  const expectations = tracks.map((track) => expect(track, atMs, flow, settings));
  const got = new Array<number>(tracks.length).fill(-1);
  for (const sure of [true, false]) {
    const rows = expectations.map((of, at) => ({ of, at })).filter(({ at }) => got[at] === -1);
    const columns = findings
      .map((finding, at) => ({ finding, at, ways: waysAt(flow, finding.box) }))
      .filter(({ finding }) => finding.score >= settings.scoreHighMin === sure);
    if (rows.length === 0 || columns.length === 0) continue;
    const costs = rows.map(({ of }) =>
      columns.map((candidate) => costOf(of, candidate, sure, settings)),
    );
    const alone = rows.map(({ of }) => (of.track.phase === "lost" ? goneCost : aloneCost));
    for (const [row, column] of assign(costs, alone).entries()) {
      const [to, from] = [rows[row], columns[column]];
      if (to !== undefined && from !== undefined) got[to.at] = from.at;
    }
  }
  return got;
}

function expect(track: Track, atMs: number, flow: Flow, settings: TrackingSettings): Expectation {
  const elapsedMs = atMs - track.lastSeenAtMs;
  const ways = waysAt(flow, track.observed).filter((way) => agrees(track, way));
  const byWays = ways.flatMap(({ vx, vy }) => {
    const box = inPicture(predict({ ...track.motion, vx, vy }, elapsedMs, settings).box);
    return box === undefined ? [] : [box];
  });
  return { track, elapsedMs, own: predict(track.motion, elapsedMs, settings), ways, byWays };
}

/** Whether an object whose direction is known may go this way; a lane's objects do not turn back. */
function agrees({ phase, motion }: Track, { vx, vy }: Way): boolean {
  const unsure = 2 * Math.sqrt(motion.vv) * sizeOf(motion.box);
  const isSure = phase !== "tentative" && Math.hypot(motion.vx, motion.vy) > unsure;
  return !isSure || motion.vx * vx + motion.vy * vy > 0;
}

/** A finding and how things usually move where it is. */
interface Candidate {
  readonly finding: Finding;
  readonly ways: readonly Way[];
}

/** What a pair costs, 0 to 1.6; `Infinity` where it may not be. */
function costOf(
  expectation: Expectation,
  { finding, ways }: Candidate,
  mayJump: boolean,
  settings: TrackingSettings,
): number {
  const { track, byWays, elapsedMs } = expectation;
  const { box } = finding;
  const stopped = overlapCost(track.observed, box, stoppedIouMin);
  const usual = byWays.map((expected) => overlapCost(expected, box, settings.iouMin));
  const known = [...expectation.ways, ...ways.filter((way) => agrees(track, way))];
  const size = sizeOf(track.motion.box);
  const step = between(track.observed, box);
  const isAllowed = known.length === 0 || isUsual(known, step, elapsedMs, size);
  const iouMin = known.length === 0 ? Math.min(touchIouMin, settings.iouMin) : settings.iouMin;
  const own = ownCost(expectation, box, mayJump, isAllowed, { ...settings, iouMin });
  const isOnItsWay = mayJump && isStraight(expectation.ways, step, elapsedMs, size);
  const changed = Math.min(stopped, isOnItsWay ? onItsWayCost : Infinity, ...usual) + changeCost;
  return Math.min(own, changed) + settings.labelCost * (1 - shareOf(track.votes, finding.label));
}

/**
 * By the track's own velocity: missing overlap plus distance, so pairs that overlap compare by overlap
 * and others by distance. Without overlap the distance must lie within what the prediction's
 * uncertainty allows, and without much overlap the way must be a usual one. An object that must have
 * left the picture is not looked for in it: whatever enters there is another.
 */
function ownCost(
  { track, own }: Expectation,
  box: Box,
  mayJump: boolean,
  isAllowed: boolean,
  settings: TrackingSettings,
): number {
  const expected = inPicture(own.box);
  if (expected === undefined) return Infinity;
  const overlap = iou(expected, box);
  if (overlap < sureIouMin && !isAllowed) return Infinity;
  const size = Math.max(sizeOf(track.motion.box), sizeOf(expected));
  const distance = distanceOf(between(expected, box)) / size;
  const gate = Math.min(settings.gateSizesMax, deviationsMax * spreadOf(own, settings));
  const near = mayJump && distance <= gate && shapeFit(track.motion.box, box) >= shapeMin;
  if (overlap < settings.iouMin && !near) return Infinity;
  return 1 - overlap + distanceCost * Math.min(1, distance / settings.gateSizesMax) ** 2;
}

function overlapCost(expected: Box, box: Box, iouMin: number): number {
  const overlap = iou(expected, box);
  return overlap >= iouMin ? 1 - overlap : Infinity;
}

/** The part of a box that lies in the picture; `undefined` where none does. */
function inPicture(box: Box): Box | undefined {
  const [left, top] = [clamp01(box[0]), clamp01(box[1])];
  const [right, bottom] = [clamp01(box[2]), clamp01(box[3])];
  return right > left && bottom > top ? [left, top, right, bottom] : undefined;
}

/** The way from the centre of one box to that of another. */
function between(a: Box, b: Box): [number, number] {
  return [(b[0] + b[2] - a[0] - a[2]) / 2, (b[1] + b[3] - a[1] - a[3]) / 2];
}

function distanceOf([dx, dy]: readonly [number, number]): number {
  return Math.hypot(dx, dy);
}

/** Overlap of two boxes as if they had one centre, 0 to 1. */
function shapeFit(a: Box, b: Box): number {
  return iou([0, 0, a[2] - a[0], a[3] - a[1]], [0, 0, b[2] - b[0], b[3] - b[1]]);
}
