/**
 * Objects of a classifier that sees whole pictures: frames that belong to one passing object become
 * one episode, with its class by vote. Pure; the state is plain JSON.
 *
 * An episode goes on while frames show any object with gaps of at most `gapMsMax`. Single frames of
 * another class are confusions. Several in a row with one other class are a challenger: it takes over
 * after `changeFramesMin` frames and is then an object of its own, unless the episode before it was
 * shorter than that or not settled on a class: then it was the confused beginning of the same object.
 *
 * Two objects of one class without a frame of background between them cannot be told apart.
 */
import * as z from "zod/mini";
import { count } from "../../ids.ts";
import type { EpisodeSettings } from "./settings.ts";
import { clockOf, type FrameMoment } from "./track.ts";
import { mergeVotes, noVotes, verdictOf, vote, votesSchema } from "./votes.ts";

/** From this lead on, as a part of all confidence, an episode's class is settled. */
const sureMarginMin = 0.5;

const name = z.string().check(z.minLength(1), z.maxLength(128));

export const episodeSchema = z.object({
  id: count,
  votes: votesSchema,
  frames: count.check(z.gte(1)),
  firstSeenAtMs: z.number(),
  lastSeenAtMs: z.number(),
  /** The surest frame of the class that led at the time. */
  best: z.object({ frame: name, label: name, confidence: z.number() }),
});
export type Episode = z.infer<typeof episodeSchema>;

export const episodesStateSchema = z.object({
  nextId: count.check(z.gte(1)),
  atMs: z.nullable(z.number()),
  current: z.nullable(episodeSchema),
  /** Frames in a row, of one other class than the current episode's. */
  challenger: z.nullable(episodeSchema),
  counters: z.object({
    /** Episodes of fewer than `framesMin` frames. */
    flickers: count,
    stale: count,
    clockSteps: count,
  }),
});
export type EpisodesState = z.infer<typeof episodesStateSchema>;

export interface EpisodesStep {
  readonly state: EpisodesState;
  /** The episode that has just had `framesMin` frames. */
  readonly appeared: Episode | undefined;
  readonly ended: readonly Episode[];
}

/** What a classifier says about one frame. */
export interface Opinion {
  /** `null` where it sees nothing that it knows. */
  readonly label: string | null;
  /** Calibrated probability of the class. */
  readonly confidence: number;
}

export function newEpisodes(): EpisodesState {
  const counters = { flickers: 0, stale: 0, clockSteps: 0 };
  return { nextId: 1, atMs: null, current: null, challenger: null, counters };
}

export function advanceEpisodes(
  state: EpisodesState,
  opinion: Opinion,
  frame: FrameMoment,
  settings: EpisodeSettings,
): EpisodesStep {
  const clock = clockOf(state.atMs, frame.atMs);
  if (clock === "stale") {
    return { state: tally(state, { stale: 1 }), appeared: undefined, ended: [] };
  }
  const isOver =
    clock === "set-back" || frame.atMs - lastSeenAtMs(state, frame.atMs) > settings.gapMsMax;
  const closed = isOver ? endEpisodes(state, settings) : { state, ended: [] };
  const at = { ...closed.state, atMs: frame.atMs };
  const before = clock === "set-back" ? tally(at, { clockSteps: 1 }) : at;
  const { label, confidence } = opinion;
  const isObject = label !== null && !settings.background.includes(label);
  if (!isObject || confidence < settings.confidenceMin) {
    return { state: before, appeared: undefined, ended: closed.ended };
  }
  const step = takeIn(before, { label, confidence }, frame, settings);
  return { ...step, ended: [...closed.ended, ...step.ended] };
}

/** Closes what is open, as when a camera is taken away. */
export function endEpisodes(state: EpisodesState, settings: EpisodeSettings): EpisodesStep {
  const { current, challenger } = state;
  const last = current === null ? challenger : joined(current, challenger);
  const isObject = last !== null && last.frames >= settings.framesMin;
  const flickers = last === null || isObject ? 0 : 1;
  return {
    state: tally({ ...state, current: null, challenger: null }, { flickers }),
    appeared: undefined,
    ended: isObject ? [last] : [],
  };
}

/** One frame that shows an object. */
interface Sight {
  readonly label: string;
  readonly confidence: number;
}

function takeIn(
  state: EpisodesState,
  opinion: Sight,
  frame: FrameMoment,
  settings: EpisodeSettings,
): EpisodesStep {
  const { current, challenger } = state;
  const single = begun(state.nextId, opinion, frame);
  if (current === null) {
    return shown({ ...state, nextId: state.nextId + 1, current: single }, null, settings);
  }
  if (opinion.label === verdictOf(current.votes).label) {
    const grown = joined(joined(current, challenger), single);
    return shown({ ...state, current: grown, challenger: null }, current, settings);
  }
  const goesOn = challenger !== null && challenger.best.label === opinion.label;
  const rival = goesOn ? joined(challenger, single) : single;
  const kept = goesOn ? current : joined(current, challenger);
  const next = { ...state, nextId: goesOn ? state.nextId : state.nextId + 1 };
  if (rival.frames < settings.changeFramesMin) {
    return shown({ ...next, current: kept, challenger: rival }, current, settings);
  }
  if (!isSure(kept, settings)) {
    return shown({ ...next, current: joined(kept, rival), challenger: null }, current, settings);
  }
  const closed = endEpisodes({ ...next, current: kept, challenger: null }, settings);
  const taken = shown({ ...closed.state, current: rival }, null, settings);
  return { ...taken, ended: closed.ended };
}

/** Whether an episode is an object of its own, or perhaps the confused beginning of the next. */
function isSure({ frames, votes }: Episode, { changeFramesMin }: EpisodeSettings): boolean {
  return frames >= changeFramesMin && verdictOf(votes).margin >= sureMarginMin;
}

/** Says whether the current episode became an object by this frame. */
function shown(
  state: EpisodesState,
  before: Episode | null,
  settings: EpisodeSettings,
): EpisodesStep {
  const { current } = state;
  const was = before !== null && before.frames >= settings.framesMin;
  const is = current !== null && current.frames >= settings.framesMin;
  return { state, appeared: is && !was ? current : undefined, ended: [] };
}

function begun(
  id: number,
  { label, confidence }: Sight,
  { id: frame, atMs }: FrameMoment,
): Episode {
  return {
    id,
    votes: vote(noVotes, label, confidence),
    frames: 1,
    firstSeenAtMs: atMs,
    lastSeenAtMs: atMs,
    best: { frame, label, confidence },
  };
}

/** Two stretches of one object, the earlier first. */
function joined(episode: Episode, later: Episode | null): Episode {
  if (later === null) return episode;
  const votes = mergeVotes(episode.votes, later.votes);
  const { label } = verdictOf(votes);
  const [a, b] = [episode.best, later.best];
  const better = (b.label === label && a.label !== label) || b.confidence > a.confidence;
  return {
    ...episode,
    votes,
    frames: episode.frames + later.frames,
    lastSeenAtMs: later.lastSeenAtMs,
    best: (b.label === label || a.label !== label) && better ? b : a,
  };
}

function lastSeenAtMs({ current, challenger }: EpisodesState, nowMs: number): number {
  return challenger?.lastSeenAtMs ?? current?.lastSeenAtMs ?? nowMs;
}

function tally(state: EpisodesState, more: Partial<EpisodesState["counters"]>): EpisodesState {
  const { flickers, stale, clockSteps } = state.counters;
  const counters = {
    flickers: flickers + (more.flickers ?? 0),
    stale: stale + (more.stale ?? 0),
    clockSteps: clockSteps + (more.clockSteps ?? 0),
  };
  return { ...state, counters };
}
