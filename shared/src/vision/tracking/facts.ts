/**
 * From frames to facts: what one camera's decisions say about objects, lines and zones. An object is
 * told once when it is sure to be there and once when it is gone, however many frames showed it. Pure;
 * keep one state for each camera, and store it so that a restart goes on.
 *
 * A crossing is told and counted at once, under the class of the vote so far, because whoever acts on
 * it cannot wait. Where the final vote differs, `line-corrected` follows and the counts have moved.
 */
import type { Decision } from "../decide.ts";
import { advanceEpisodes, type EpisodesStep, endEpisodes } from "./episodes.ts";
import type { FactEvent } from "./events.ts";
import type { FactsState } from "./facts-state.ts";
import { type Mark, markOf } from "./marks.ts";
import { objectOfEpisode } from "./objects.ts";
import type { FactsSettings } from "./settings.ts";
import { type Told, tellEnd, tellHit } from "./telling.ts";
import type { FrameMoment, Track } from "./track.ts";
import { advanceTracks, endTracks, type TrackerStep } from "./tracker.ts";

export interface FactsStep {
  readonly state: FactsState;
  /** In the order in which things happened to each object. */
  readonly events: readonly FactEvent[];
  /** All live tracks of a detector's camera. */
  readonly tracks: readonly Track[];
  /** Confirmed objects in each zone that is set, by its name. */
  readonly occupancy: readonly { readonly zone: string; readonly objects: number }[];
}

/**
 * Takes in what the model said about one frame. When a camera's model changes from detector to
 * whole-picture classifier or back, what was open ends.
 */
export function advanceFacts(
  state: FactsState,
  decision: Decision,
  frame: FrameMoment,
  settings: FactsSettings,
): FactsStep {
  const { label, confidence, detections } = decision;
  if (detections !== null) {
    const closed = withEpisodes(state, endEpisodes(state.episodes, settings.episodes));
    const step = advanceTracks(closed.state.tracker, detections, frame, settings.tracking);
    return withTracks(closed.state, step, closed.events, settings);
  }
  const closed = withTracks(state, endTracks(state.tracker), [], settings);
  const opinion = { label, confidence };
  const step = advanceEpisodes(closed.state.episodes, opinion, frame, settings.episodes);
  const next = withEpisodes(closed.state, step);
  return { ...closed, state: next.state, events: [...closed.events, ...next.events] };
}

/** Ends everything that is open, as when a camera is taken away; ids and counts go on. */
export function endFacts(state: FactsState, settings: FactsSettings): FactsStep {
  const closed = withEpisodes(state, endEpisodes(state.episodes, settings.episodes));
  return withTracks(closed.state, endTracks(closed.state.tracker), closed.events, settings);
}

/** Tracks and episodes count their ids together, so that no two objects of a state share one. */
function withEpisodes(state: FactsState, step: EpisodesStep): Told {
  const nextId = Math.max(step.state.nextId, state.tracker.nextId);
  const ended = step.ended.map((episode): FactEvent => {
    const object = objectOfEpisode(episode);
    return { kind: "object-seen", atMs: object.lastSeenAtMs, object };
  });
  const appeared = [step.appeared ?? []].flat().map((episode): FactEvent => {
    const object = objectOfEpisode(episode);
    return { kind: "object-appeared", atMs: object.lastSeenAtMs, object };
  });
  const tracker = { ...state.tracker, nextId };
  const episodes = { ...step.state, nextId };
  return { state: { ...state, tracker, episodes }, events: [...ended, ...appeared] };
}

function withTracks(
  state: FactsState,
  step: TrackerStep,
  earlier: readonly FactEvent[],
  settings: FactsSettings,
): FactsStep {
  const nextId = Math.max(step.state.nextId, state.episodes.nextId);
  const lines = new Set(settings.lines.map(({ name }) => name));
  let told: Told = {
    state: {
      ...state,
      tracker: { ...step.state, nextId },
      episodes: { ...state.episodes, nextId },
      counts: state.counts.filter(({ line }) => lines.has(line)),
    },
    events: earlier,
  };
  for (const track of step.ended) told = tellEnd(told, track);
  const marks: Mark[] = [];
  for (const track of step.tracks) {
    const known = markOf(told.state.marks, track);
    const [next, mark] =
      track.lastSeenAtMs === step.state.atMs && state.tracker.atMs !== step.state.atMs
        ? tellHit(told, known, track, step.tracks, settings)
        : [told, known];
    told = next;
    marks.push(mark);
  }
  return {
    state: { ...told.state, marks },
    events: told.events,
    tracks: step.tracks,
    occupancy: settings.zones.map(({ name }) => ({
      zone: name,
      objects: marks.filter((mark) => mark.told && isInside(mark, name)).length,
    })),
  };
}

function isInside({ zones }: Mark, name: string): boolean {
  return zones.some(({ zone, inside }) => inside && zone === name);
}
