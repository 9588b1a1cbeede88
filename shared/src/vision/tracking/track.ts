/**
 * One followed object.
 *
 *   tentative ──hitsMin hits within confirmMsMax──► confirmed ◄──hit── lost ──lostMsMax──► ended
 *       └──otherwise──► discarded                       └──no hit──────▲
 *
 * Pure.
 */
import * as z from "zod/mini";
import { count } from "../../ids.ts";
import type { Box } from "../fit.ts";
import type { Finding } from "./findings.ts";
import { advance, begin, boxSchema, motionSchema, type Start } from "./motion.ts";
import type { TrackingSettings } from "./settings.ts";
import { mergeVotes, votesSchema } from "./votes.ts";

export const trackPhases = ["tentative", "confirmed", "lost"] as const;

/** How far a young track may be off before its beginning counts as false, in standard deviations. */
const startDeviationsMax = 3;

const frameId = z.string().check(z.minLength(1), z.maxLength(128));

/** The frame that shows an object best. */
export const bestFrameSchema = z.object({
  frame: frameId,
  atMs: z.number(),
  box: boxSchema,
  /** Score times area, 0 to 1. */
  quality: z.number(),
  /** Whether the picture's edge cuts the object. */
  cut: z.boolean(),
});
export type BestFrame = z.infer<typeof bestFrameSchema>;

export const trackSchema = z.object({
  /** Counts up from 1 and is never used twice within a state. */
  id: count,
  phase: z.enum(trackPhases),
  /** Frames in which it was found. */
  hits: count,
  firstSeenAtMs: z.number(),
  lastSeenAtMs: z.number(),
  /** As of `lastSeenAtMs`. */
  motion: motionSchema,
  /** How far that box was from its prediction, in standard deviations. */
  deviations: z.number(),
  /** The box as it was last found, not smoothed. */
  observed: boxSchema,
  /** The box as it was first found. */
  first: boxSchema,
  /** Its class in the frame in which it was last found. */
  seenAs: z.string().check(z.minLength(1), z.maxLength(128)),
  votes: votesSchema,
  best: bestFrameSchema,
});
export type Track = z.infer<typeof trackSchema>;

/** A frame, as far as tracks need it. */
export interface FrameMoment {
  /** The id that the source gave it. */
  readonly id: string;
  /** When it was captured. */
  readonly atMs: number;
}

/** Frames that come late by more than this are not late: the clock was set back. */
const lateMsMax = 10_000;

/**
 * What a frame's time says beside that of the one before it. A stale frame came out of order, or
 * twice, and is left out; after a clock that was set back everything begins anew.
 */
export function clockOf(lastMs: number | null, atMs: number): "on-time" | "stale" | "set-back" {
  const lateMs = lastMs === null ? -1 : lastMs - atMs;
  if (lateMs > lateMsMax) return "set-back";
  return lateMs >= 0 ? "stale" : "on-time";
}

/** A new track. */
export function bornTrack(
  id: number,
  finding: Finding,
  frame: FrameMoment,
  start: Start,
  settings: TrackingSettings,
): Track {
  return {
    id,
    phase: settings.hitsMin <= 1 ? "confirmed" : "tentative",
    hits: 1,
    firstSeenAtMs: frame.atMs,
    lastSeenAtMs: frame.atMs,
    motion: begin(finding.box, start, settings),
    deviations: 0,
    observed: copy(finding.box),
    first: copy(finding.box),
    seenAs: finding.label,
    votes: finding.votes,
    best: viewOf(finding, frame, settings),
  };
}

/**
 * The track with one more finding. A tentative one that does not go on as it began has begun with a
 * false detection, or another object's, and begins anew.
 */
export function hitTrack(
  track: Track,
  finding: Finding,
  frame: FrameMoment,
  start: Start,
  settings: TrackingSettings,
): Track {
  const { hits, phase } = track;
  const elapsedMs = frame.atMs - track.lastSeenAtMs;
  const { motion, deviations } = advance(track.motion, elapsedMs, finding.box, settings);
  if (phase === "tentative" && hits > 1 && deviations > startDeviationsMax) {
    return bornTrack(track.id, finding, frame, start, settings);
  }
  return {
    ...track,
    phase: phase === "tentative" && hits + 1 < settings.hitsMin ? "tentative" : "confirmed",
    hits: hits + 1,
    lastSeenAtMs: frame.atMs,
    motion,
    deviations,
    observed: copy(finding.box),
    seenAs: finding.label,
    votes: mergeVotes(track.votes, finding.votes),
    best: better(track.best, viewOf(finding, frame, settings)),
  };
}

/** Whether a track without a hit is over at this time. */
export function isOver(track: Track, atMs: number, settings: TrackingSettings): boolean {
  if (atMs - track.lastSeenAtMs > settings.lostMsMax) return true;
  return track.phase === "tentative" && atMs - track.firstSeenAtMs > settings.confirmMsMax;
}

/** A whole view beats one that the edge cuts; then the larger and surer; then the earlier. */
export function better(known: BestFrame, next: BestFrame): BestFrame {
  if (known.cut !== next.cut) return known.cut ? next : known;
  return next.quality > known.quality ? next : known;
}

function viewOf(
  { box, score }: Finding,
  frame: FrameMoment,
  { borderMin }: TrackingSettings,
): BestFrame {
  const [x1, y1, x2, y2] = box;
  return {
    frame: frame.id,
    atMs: frame.atMs,
    box: copy(box),
    quality: score * (x2 - x1) * (y2 - y1),
    cut: Math.min(x1, y1) <= borderMin || Math.max(x2, y2) >= 1 - borderMin,
  };
}

function copy(box: Box): [number, number, number, number] {
  return [...box];
}
