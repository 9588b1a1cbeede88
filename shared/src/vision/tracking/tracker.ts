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
import { bornTrack, type FrameMoment, hitTrack, isOver, type Track, trackSchema } from "./track.ts";

const liveTracksMax = 256;

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

/** Frames that come late by more than this are not late: the clock was set back. */
const lateMsMax = 10_000;

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
  const late = state.atMs === null ? 0 : state.atMs - frame.atMs;
  if (late > lateMsMax) {
    const ended = endTracks(state);
    const restarted = tally({ ...ended.state, atMs: null }, { clockSteps: 1 });
    const step = advanceTracks(restarted, detections, frame, settings);
    return {
      ...step,
      ended: [...ended.ended, ...step.ended],
      discarded: [...ended.discarded, ...step.discarded],
    };
  }
  if (state.atMs !== null && late >= 0) {
    return { state: tally(state, { stale: 1 }), tracks: state.tracks, ended: [], discarded: [] };
  }
  const { alive, ended, discarded } = sweep(state.tracks, frame.atMs, settings);
  const findings = findingsOf(detections, settings);
  const got = associate(alive, findings, frame.atMs, state.flow, settings);
  const kept = alive.map((track, i) =>
    continued(track, findings[got[i] ?? -1], frame, state.flow, settings),
  );
  const taken = findings.filter((_, i) => got.includes(i));
  const free = findings.filter(
    (finding, i) => !got.includes(i) && mayBegin(finding, taken, settings),
  );
  const born = free.slice(0, Math.max(0, settings.tracksMax - kept.length));
  const tracks = [
    ...kept,
    ...born.map((finding, i) => {
      const start = startAt(state.flow, finding.box, settings);
      return bornTrack(state.nextId + i, finding, frame, start, settings);
    }),
  ];
  const next: TrackerState = {
    ...state,
    nextId: state.nextId + born.length,
    atMs: frame.atMs,
    tracks,
    flow: learned(state.flow, alive, kept),
  };
  return {
    state: tally(next, {
      refused: free.length - born.length,
      discarded: discarded.length,
      overflowed: Math.max(0, detections.length - trackingLimits.detectionsMax),
    }),
    tracks,
    ended,
    discarded,
  };
}

/** Ends all tracks, as when a camera is taken away. Ids go on. */
export function endTracks(state: TrackerState): TrackerStep {
  const ended = state.tracks.filter(({ phase }) => phase !== "tentative");
  const discarded = state.tracks.filter(({ phase }) => phase === "tentative").map(({ id }) => id);
  const next = tally({ ...state, tracks: [] }, { discarded: discarded.length });
  return { state: next, tracks: [], ended, discarded };
}

/** Parts the live from the dead. A long pause ends a track before it can take a new object's box. */
function sweep(tracks: readonly Track[], atMs: number, settings: TrackingSettings) {
  const over = new Set(tracks.filter((track) => isOver(track, atMs, settings)));
  return {
    alive: tracks.filter((track) => !over.has(track)),
    ended: [...over].filter(({ phase }) => phase !== "tentative"),
    discarded: [...over].filter(({ phase }) => phase === "tentative").map(({ id }) => id),
  };
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
