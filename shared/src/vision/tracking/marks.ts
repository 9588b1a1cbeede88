/** What is remembered about one track beyond its motion: where it stands to lines and zones. Pure. */
import * as z from "zod/mini";
import { count, slug } from "../../ids.ts";
import { type Happening, happeningSchema } from "./events.ts";
import { advanceLine, directions, lineMarkSchema, newLineMark, settleLine } from "./lines.ts";
import { boxSchema } from "./motion.ts";
import { type FactsSettings, trackingLimits } from "./settings.ts";
import type { Track } from "./track.ts";
import { advanceZone, endZone, newZoneMark, zoneMarkSchema } from "./zones.ts";

const label = z.string().check(z.minLength(1), z.maxLength(128));

/** A crossing and the class it was counted under. */
export const countedCrossingSchema = z.object({
  line: slug,
  direction: z.enum(directions),
  label,
});
export type CountedCrossing = z.infer<typeof countedCrossingSchema>;

export const markSchema = z.object({
  track: count,
  /** The track's `firstSeenAtMs`; a track that begins anew gets a new mark. */
  bornAtMs: z.number(),
  /** Whether its `object-appeared` has been told. */
  told: z.boolean(),
  /** Smoothed box of its last hit, from where its next step goes. */
  box: boxSchema,
  lines: z.array(lineMarkSchema).check(z.maxLength(trackingLimits.linesMax)),
  zones: z.array(zoneMarkSchema).check(z.maxLength(trackingLimits.zonesMax)),
  /** What happened while the track might still turn out to be nothing. */
  held: z.array(happeningSchema).check(z.maxLength(trackingLimits.heldMax)),
  crossings: z.array(countedCrossingSchema).check(z.maxLength(trackingLimits.crossingsMax)),
});
export type Mark = z.infer<typeof markSchema>;

export interface MarkStep {
  readonly mark: Mark;
  readonly happenings: readonly Happening[];
}

type Places = Pick<FactsSettings, "lines" | "zones">;

/** The mark of a track as it is now, which may be its first. */
export function markOf(marks: readonly Mark[], track: Track): Mark {
  const known = marks.find((mark) => mark.track === track.id);
  if (known !== undefined && known.bornAtMs === track.firstSeenAtMs) return known;
  const { id, firstSeenAtMs, motion } = track;
  const empty = { told: false, lines: [], zones: [], held: [], crossings: [] };
  return { track: id, bornAtMs: firstSeenAtMs, box: motion.box, ...empty };
}

/** Takes in where the track is now. Lines and zones that are no longer set are forgotten. */
export function advanceMark(mark: Mark, track: Track, { lines, zones }: Places): MarkStep {
  const to = track.motion.box;
  const atMs = track.lastSeenAtMs;
  const lineSteps = lines.map((line) => {
    const known = mark.lines.find((it) => it.line === line.name) ?? newLineMark(line);
    return advanceLine(known, line, mark.box, to, atMs);
  });
  const zoneSteps = zones.map((zone) => {
    const known = mark.zones.find((it) => it.zone === zone.name) ?? newZoneMark(zone);
    return advanceZone(known, zone, to, atMs);
  });
  return stepOf({ ...mark, box: to }, lineSteps, zoneSteps);
}

/** Closes what is open at the track's end. */
export function endMark(mark: Mark, track: Track): MarkStep {
  const zoneSteps = mark.zones.map((zone) => endZone(zone, track.lastSeenAtMs));
  return stepOf(mark, mark.lines.map(settleLine), zoneSteps);
}

function stepOf(
  mark: Mark,
  lines: readonly ReturnType<typeof advanceLine>[],
  zones: readonly ReturnType<typeof advanceZone>[],
): MarkStep {
  const crossings = lines.flatMap(({ crossing }): Happening[] =>
    crossing === undefined ? [] : [{ kind: "line-crossed", ...crossing }],
  );
  const changes = zones.flatMap((step): readonly Happening[] => step.changes);
  return {
    mark: { ...mark, lines: lines.map((step) => step.mark), zones: zones.map((step) => step.mark) },
    happenings: [...crossings, ...changes],
  };
}
