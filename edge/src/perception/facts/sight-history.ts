/** What each followed object was taken for in the last frames. */
import type { Track } from "@fieldloop/shared/vision/tracking/track";

/** Frames that are remembered of each track. */
const framesMax = 16;

export class SightHistory {
  #byTrack = new Map<number, readonly (string | null)[]>();

  /** @param atMs of the frame that the tracks have just taken in */
  add(tracks: readonly Track[], atMs: number): void {
    // A frame that came too late changes no track, and says nothing about them either.
    if (tracks.length > 0 && tracks.every(({ lastSeenAtMs }) => lastSeenAtMs > atMs)) return;
    this.#byTrack = new Map(
      tracks.map(({ id, lastSeenAtMs, seenAs }) => {
        const label = lastSeenAtMs === atMs ? seenAs : null;
        return [id, [...(this.#byTrack.get(id) ?? []), label].slice(-framesMax)];
      }),
    );
  }

  /** For each object the class in each of its last frames, oldest first; `null` where it was missed. */
  list(): readonly (readonly (string | null)[])[] {
    return [...this.#byTrack.values()];
  }
}
