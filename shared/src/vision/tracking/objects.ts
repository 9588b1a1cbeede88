/** What events say about an object. Pure. */
import type { Episode } from "./episodes.ts";
import type { SeenObject } from "./events.ts";
import type { Track } from "./track.ts";
import { verdictOf } from "./votes.ts";

export function objectOfTrack(track: Track): SeenObject {
  return {
    track: track.id,
    ...verdictOf(track.votes),
    frames: track.hits,
    firstSeenAtMs: track.firstSeenAtMs,
    lastSeenAtMs: track.lastSeenAtMs,
    bestFrame: track.best.frame,
    bestBox: track.best.box,
    box: track.observed,
  };
}

export function objectOfEpisode(episode: Episode): SeenObject {
  return {
    track: episode.id,
    ...verdictOf(episode.votes),
    frames: episode.frames,
    firstSeenAtMs: episode.firstSeenAtMs,
    lastSeenAtMs: episode.lastSeenAtMs,
    bestFrame: episode.best.frame,
    bestBox: null,
    box: null,
  };
}
