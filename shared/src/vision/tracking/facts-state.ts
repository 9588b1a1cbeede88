/** What is remembered about one camera, as plain JSON. */
import * as z from "zod/mini";
import { count } from "../../ids.ts";
import { countsSchema } from "./counts.ts";
import { episodesStateSchema, newEpisodes } from "./episodes.ts";
import { markSchema } from "./marks.ts";
import { liveTracksMax, newTracker, trackerStateSchema } from "./tracker.ts";

export const factsStateSchema = z.object({
  v: z.literal(1),
  tracker: trackerStateSchema,
  episodes: episodesStateSchema,
  /** One for each live track. */
  marks: z.array(markSchema).check(z.maxLength(liveTracksMax)),
  /** Crossings since the state began. */
  counts: countsSchema,
  counters: z.object({
    /** Happenings of tracks not yet confirmed that did not fit. */
    heldOverflow: count,
    /** Crossings that can no longer be corrected. */
    crossingsOverflow: count,
  }),
});
export type FactsState = z.infer<typeof factsStateSchema>;

export function newFacts(): FactsState {
  return {
    v: 1,
    tracker: newTracker(),
    episodes: newEpisodes(),
    marks: [],
    counts: [],
    counters: { heldOverflow: 0, crossingsOverflow: 0 },
  };
}
