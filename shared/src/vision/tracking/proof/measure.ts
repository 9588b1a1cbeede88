/** Runs the facts over a simulated scene and compares them with what really passed. */
import { type Counts, countCrossing, totalOf } from "../counts.ts";
import type { FactEvent } from "../events.ts";
import { advanceFacts, endFacts } from "../facts.ts";
import { newFacts } from "../facts-state.ts";
import { type Point, sideOf } from "../geometry.ts";
import { type Direction, directions } from "../lines.ts";
import type { CountedCrossing } from "../marks.ts";
import { factsSettings } from "../settings.ts";
import type { Track } from "../track.ts";
import {
  type Errors,
  type FilmedFrame,
  film,
  placeAt,
  type Scene,
  sceneLabels,
} from "./simulated-scene.ts";

export interface Figures {
  readonly scene: string;
  /** Objects that passed, and frames that were not dropped. */
  readonly things: number;
  readonly frames: number;
  /** `object-seen` events. */
  readonly seen: number;
  /** Objects without one; with more than one; events that show no object. */
  readonly missed: number;
  readonly split: number;
  readonly invented: number;
  /** Times that an object's track changed from one of its hits to the next. */
  readonly switches: number;
  /** Share of the events whose class is the object's. */
  readonly classRight: number;
  /** True and counted crossings of the line, both directions. */
  readonly crossed: Readonly<Record<Direction, number>>;
  readonly counted: Readonly<Record<Direction, number>>;
  /** How far the counts of the classes are off, added up over classes and directions. */
  readonly countedAmiss: number;
  /** Largest size of the state as JSON. */
  readonly stateBytesMax: number;
}

/** Where all scenes are counted: down the middle, clear of the picture's edges. */
const line = [
  [0.5, 0.1],
  [0.5, 0.9],
] as const satisfies readonly [Point, Point];

export function measure(scene: Scene, errors: Errors, random: () => number): Figures {
  const settings = factsSettings.parse({ lines: [{ name: "middle", points: line }] });
  let state = newFacts();
  let frames = 0;
  let stateBytesMax = 0;
  const events: FactEvent[] = [];
  const sightings: Sighting[] = [];
  for (const filmed of film(scene, errors, random)) {
    const decision = { label: null, confidence: 0, detections: filmed.detections };
    const step = advanceFacts(state, decision, filmed.frame, settings);
    state = step.state;
    events.push(...step.events);
    sightings.push(...sightingsOf(step.tracks, filmed));
    if (frames % 100 === 0) stateBytesMax = Math.max(stateBytesMax, JSON.stringify(state).length);
    frames++;
  }
  const end = endFacts(state, settings);
  events.push(...end.events);
  const truth = crossingsOf(scene).reduce<Counts>((sum, it) => countCrossing(sum, it)[0], []);
  return {
    scene: scene.name,
    things: scene.things.length,
    frames,
    ...judged(scene, events, sightings),
    crossed: totalsOf(truth),
    counted: totalsOf(end.state.counts),
    countedAmiss: amissBetween(truth, end.state.counts),
    stateBytesMax,
  };
}

/** In one frame a track was continued by a detection of this object, or of none. */
interface Sighting {
  readonly track: number;
  readonly thing: number | null;
}

function sightingsOf(
  tracks: readonly Track[],
  { frame, detections, shows }: FilmedFrame,
): Sighting[] {
  const things = new Map(detections.map(({ box }, i) => [box.join(), shows[i] ?? null]));
  return tracks
    .filter(({ lastSeenAtMs }) => lastSeenAtMs === frame.atMs)
    .map(({ id, observed }) => ({ track: id, thing: things.get(observed.join()) ?? null }));
}

function judged(scene: Scene, events: readonly FactEvent[], sightings: readonly Sighting[]) {
  const seen = events.filter(({ kind }) => kind === "object-seen").map(({ object }) => object);
  const shows = new Map<number, Sighting[]>();
  for (const sighting of sightings) {
    const known = shows.get(sighting.track);
    if (known === undefined) shows.set(sighting.track, [sighting]);
    else known.push(sighting);
  }
  const shown = seen.map(({ track }) => mostFrequent(shows.get(track) ?? []));
  const times = new Map<number, number>();
  for (const thing of shown) if (thing !== null) times.set(thing, (times.get(thing) ?? 0) + 1);
  const right = seen.filter(({ label }, i) => label === scene.things[shown[i] ?? -1]?.label);
  return {
    seen: seen.length,
    missed: scene.things.length - times.size,
    split: [...times.values()].filter((n) => n > 1).length,
    invented: shown.filter((thing) => thing === null).length,
    switches: switchesOf(new Set(seen.map(({ track }) => track)), sightings),
    classRight: right.length / seen.length,
  };
}

function switchesOf(objects: ReadonlySet<number>, sightings: readonly Sighting[]): number {
  const last = new Map<number, number>();
  let switches = 0;
  for (const { track, thing } of sightings) {
    if (thing === null || !objects.has(track)) continue;
    if ((last.get(thing) ?? track) !== track) switches++;
    last.set(thing, track);
  }
  return switches;
}

/** The object that a track showed most often. */
function mostFrequent(sightings: readonly Sighting[]): number | null {
  const times = new Map<number | null, number>();
  for (const { thing } of sightings) times.set(thing, (times.get(thing) ?? 0) + 1);
  return [...times].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}

function totalsOf(counts: Counts): Record<Direction, number> {
  return {
    "left-to-right": totalOf(counts, "middle", "left-to-right"),
    "right-to-left": totalOf(counts, "middle", "right-to-left"),
  };
}

function amissBetween(truth: Counts, counted: Counts): number {
  const entries = directions.flatMap((direction) =>
    sceneLabels.map((label) => ({ direction, label })),
  );
  const of = (counts: Counts, entry: (typeof entries)[number]): number =>
    counts.find(({ direction, label }) => direction === entry.direction && label === entry.label)
      ?.count ?? 0;
  return entries.reduce((sum, entry) => sum + Math.abs(of(truth, entry) - of(counted, entry)), 0);
}

/** Every true crossing, found by looking at the true paths every 20 ms. */
function crossingsOf(scene: Scene): CountedCrossing[] {
  return scene.things.flatMap((thing) => {
    const found: CountedCrossing[] = [];
    let before: number | undefined;
    for (let atMs = thing.belt.stretches[0]?.fromMs ?? 0; atMs < scene.untilMs; ) {
      const place = placeAt(thing, atMs);
      const isNear =
        place[0] >= -0.2 && place[0] <= 1.2 && place[1] >= line[0][1] && place[1] <= line[1][1];
      atMs += isNear ? 20 : 200;
      if (!isNear) continue;
      const side = sideOf(line[0], line[1], place);
      if (before !== undefined && before < 0 !== side < 0) {
        const direction = side < 0 ? "right-to-left" : "left-to-right";
        found.push({ line: "middle", direction, label: thing.label });
      }
      before = side;
    }
    return found;
  });
}
