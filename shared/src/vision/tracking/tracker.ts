/**
 * Follows objects from frame to frame. Pure; the state is plain JSON, so that a restart goes on.
 *
 * INVARIANTS: a finding belongs to at most one track; ids count up and are never used twice; at most
 * `tracksMax` tracks are alive, and what did not fit is counted.
 */
import * as z from "zod/mini";
import { count } from "../../ids.ts";
import type { Detection } from "../../messages/telemetry.ts";
import { iou } from "../iou.ts";
import { associate } from "./association.ts";
import { type Finding, findingsOf } from "./findings.ts";
import { type Flow, flowSchema, learnFlow, startAt } from "./flow.ts";
import { type TrackingSettings, trackingLimits } from "./settings.ts";
import {
  bornTrack,
  clockOf,
  type FrameMoment,
  hitTrack,
  isOver,
  type Track,
  trackSchema,
} from "./track.ts";

/** The most that `tracksMax` can be set to. */
export const liveTracksMax = 256;

export const trackerStateSchema = z.object({
  nextId: count.check(z.gte(1)),
  /** Time of the last frame; `null` before the first. */
  atMs: z.nullable(z.number()),
  /** By id. */
  tracks: z.array(trackSchema).check(z.maxLength(liveTracksMax)),
  flow: flowSchema,
  counters: z.object({
    /** Findings that would have begun a track when `tracksMax` were alive. */
    refused: count,
    /** Tracks that never were confirmed. */
    discarded: count,
    /** Frames that were older than one before them, and were left out. */
    stale: count,
    /** Detections beyond those of one frame that are looked at. */
    overflowed: count,
    /** Times that the clock was set back. */
    clockSteps: count,
  }),
});
export type TrackerState = z.infer<typeof trackerStateSchema>;

/** What a frame did. */
export interface TrackerStep {
  readonly state: TrackerState;
  /** All live tracks, by id; those found in this frame have its time as `lastSeenAtMs`. */
  readonly tracks: readonly Track[];
  /** Objects that are over: confirmed once, and unseen for `lostMsMax`. */
  readonly ended: readonly Track[];
  /** Ids of tracks that never became objects. */
  readonly discarded: readonly number[];
}

/** Overlap with a finding that a track took, above which another does not begin a track. */
const beginIouMax = 0.5;
/** Only an object that does what was expected of it shows how things move. */
const steadyDeviationsMax = 2;

export function newTracker(): TrackerState {
  const counters = { refused: 0, discarded: 0, stale: 0, overflowed: 0, clockSteps: 0 };
  return { nextId: 1, atMs: null, tracks: [], flow: [], counters };
}

/**
 * Takes one frame's detections in. Their order does not matter.
 * @param detections of the whole frame, boxes as fractions of the picture
 */
export function advanceTracks(
  state: TrackerState,
  detections: readonly Detection[],
  frame: FrameMoment,
  settings: TrackingSettings,
): TrackerStep {
  const clock = clockOf(state.atMs, frame.atMs);
  if (clock === "stale") {
    return { state: tally(state, { stale: 1 }), tracks: state.tracks, ended: [], discarded: [] };
  }
  const closed = clock === "set-back" ? endTracks(state) : sweep(state, frame.atMs, settings);
  const overflowed = Math.max(0, detections.length - trackingLimits.detectionsMax);
  const clockSteps = clock === "set-back" ? 1 : 0;
  const before = tally(closed.state, { overflowed, clockSteps });
  const next = takeIn(before, findingsOf(detections, settings), frame, settings);
  return { ...closed, state: next, tracks: next.tracks };
}

/** Ends all tracks, as when a camera is taken away. Ids go on. */
export function endTracks(state: TrackerState): TrackerStep {
  return parted(state, () => true);
}

/** A long pause ends a track before it can take a new object's box. */
function sweep(state: TrackerState, atMs: number, settings: TrackingSettings): TrackerStep {
  return parted(state, (track) => isOver(track, atMs, settings));
}

/** Parts the dead from the live. */
function parted(state: TrackerState, isDead: (track: Track) => boolean): TrackerStep {
  const dead = state.tracks.filter(isDead);
  const tracks = state.tracks.filter((track) => !dead.includes(track));
  const discarded = dead.filter(({ phase }) => phase === "tentative").map(({ id }) => id);
  const next = tally({ ...state, tracks }, { discarded: discarded.length });
  return {
    state: next,
    tracks,
    ended: dead.filter(({ phase }) => phase !== "tentative"),
    discarded,
  };
}

/** Continues tracks by the findings and begins new ones with what is left. */
function takeIn(
  state: TrackerState,
  findings: readonly Finding[],
  frame: FrameMoment,
  settings: TrackingSettings,
): TrackerState {
  const { tracks, flow, nextId } = state;
  const got = associate(tracks, findings, frame.atMs, flow, settings);
  const kept = tracks.map((track, i) =>
    continued(track, findings[got[i] ?? -1], frame, flow, settings),
  );
  const taken = findings.filter((_, i) => got.includes(i));
  const free = findings.filter((it) => !taken.includes(it) && mayBegin(it, taken, settings));
  const born = free
    .slice(0, Math.max(0, settings.tracksMax - kept.length))
    .map((finding, i) =>
      bornTrack(nextId + i, finding, frame, startAt(flow, finding.box, settings), settings),
    );
  const next: TrackerState = {
    ...state,
    nextId: nextId + born.length,
    atMs: frame.atMs,
    tracks: [...kept, ...born],
    flow: learned(flow, tracks, kept),
  };
  return tally(next, { refused: free.length - born.length });
}

function continued(
  track: Track,
  finding: Finding | undefined,
  frame: FrameMoment,
  flow: Flow,
  settings: TrackingSettings,
): Track {
  if (finding !== undefined) {
    return hitTrack(track, finding, frame, startAt(flow, finding.box, settings), settings);
  }
  return track.phase === "confirmed" ? { ...track, phase: "lost" } : track;
}

/** A sure finding begins a track unless it mostly shows what another track just took. */
function mayBegin(
  finding: Finding,
  taken: readonly Finding[],
  { scoreHighMin }: TrackingSettings,
): boolean {
  if (finding.score < scoreHighMin) return false;
  return taken.every(({ box }) => iou(box, finding.box) <= beginIouMax);
}

/** Confirmed objects teach the flow; one that has just been confirmed also for where it began. */
function learned(flow: Flow, before: readonly Track[], after: readonly Track[]): Flow {
  return after.reduce((known, track, i) => {
    const was = before[i];
    const steady = track.deviations <= steadyDeviationsMax;
    if (track.phase !== "confirmed" || track === was || !steady) return known;
    const here = learnFlow(known, track.observed, track.motion);
    return was?.phase === "tentative" ? learnFlow(here, track.first, track.motion) : here;
  }, flow);
}

function tally(state: TrackerState, more: Partial<TrackerState["counters"]>): TrackerState {
  const counters = { ...state.counters };
  for (const name of Object.keys(more) as (keyof typeof more)[]) counters[name] += more[name] ?? 0; // a literal's keys
  return { ...state, counters };
}
