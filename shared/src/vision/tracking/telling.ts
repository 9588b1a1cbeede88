/** What a track's frames and its end mean as events and counts. Pure. */
import { correctCrossing, countCrossing, otherLabel } from "./counts.ts";
import { crossingsBefore } from "./entry.ts";
import type { FactEvent, Happening } from "./events.ts";
import type { FactsState } from "./facts-state.ts";
import { advanceMark, endMark, type Mark, markOf } from "./marks.ts";
import { objectOfTrack } from "./objects.ts";
import { type FactsSettings, trackingLimits } from "./settings.ts";
import type { Track } from "./track.ts";

/** A state and what there is to tell about how it came to be. */
export interface Told {
  readonly state: FactsState;
  readonly events: readonly FactEvent[];
}

/** A track was found: what that means, kept back until it is sure to be an object. */
export function tellHit(
  told: Told,
  known: Mark,
  track: Track,
  others: readonly Track[],
  settings: FactsSettings,
): [Told, Mark] {
  const { mark, happenings } = advanceMark(known, track, settings);
  const all = [...mark.held, ...happenings];
  if (track.phase === "tentative") {
    const held = all.slice(0, trackingLimits.heldMax);
    return [overflowed(told, "heldOverflow", all.length - held.length), { ...mark, held }];
  }
  const object = objectOfTrack(track);
  const appeared: FactEvent[] = mark.told
    ? []
    : [{ kind: "object-appeared", atMs: track.lastSeenAtMs, object }];
  const next = { state: told.state, events: [...told.events, ...appeared] };
  const before = mark.told ? [] : crossingsBefore(track, others, settings.lines);
  return tellHappenings(next, { ...mark, told: true, held: [] }, track, [...before, ...all]);
}

/** A track is over: its last events, corrections of its class, and the one that says what it was. */
export function tellEnd(told: Told, track: Track): Told {
  const { mark, happenings } = endMark(markOf(told.state.marks, track), track);
  const [next, last] = tellHappenings(told, mark, track, happenings);
  const object = objectOfTrack(track);
  const wrong = last.crossings.filter(
    ({ label }) => label !== object.label && label !== otherLabel,
  );
  const counts = wrong.reduce(
    (sum, crossing) => correctCrossing(sum, crossing, object.label),
    next.state.counts,
  );
  const corrections = wrong.map(({ line, direction, label }): FactEvent => {
    const atMs = track.lastSeenAtMs;
    return { kind: "line-corrected", atMs, object, line, direction, counted: label };
  });
  const seen: FactEvent = { kind: "object-seen", atMs: track.lastSeenAtMs, object };
  return { state: { ...next.state, counts }, events: [...next.events, ...corrections, seen] };
}

function tellHappenings(
  told: Told,
  mark: Mark,
  track: Track,
  happenings: readonly Happening[],
): [Told, Mark] {
  const object = objectOfTrack(track);
  const events = happenings.map((happening): FactEvent => ({ ...happening, object }));
  let counts = told.state.counts;
  const crossings = [...mark.crossings];
  for (const happening of happenings) {
    if (happening.kind !== "line-crossed") continue;
    const { line, direction } = happening;
    const [more, label] = countCrossing(counts, { line, direction, label: object.label });
    counts = more;
    crossings.push({ line, direction, label });
  }
  const kept = crossings.slice(0, trackingLimits.crossingsMax);
  const next = { state: { ...told.state, counts }, events: [...told.events, ...events] };
  const lost = crossings.length - kept.length;
  return [overflowed(next, "crossingsOverflow", lost), { ...mark, crossings: kept }];
}

function overflowed(told: Told, name: keyof FactsState["counters"], by: number): Told {
  if (by === 0) return told;
  const counters = { ...told.state.counters, [name]: told.state.counters[name] + by };
  return { ...told, state: { ...told.state, counters } };
}
