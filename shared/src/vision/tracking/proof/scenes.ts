/** The scenes that tracking is measured on. Pure but for `random`. */
import type { Point } from "../geometry.ts";
import {
  type Belt,
  beltMovedAt,
  type Scene,
  type Stretch,
  sceneLabels,
  type Thing,
} from "./simulated-scene.ts";

interface Loading {
  /** Free way between two objects, in parts of their length, evenly drawn. */
  readonly gap: readonly [number, number];
  readonly size: readonly [number, number];
  readonly aside?: number;
}

/** How a belt of this many objects runs, from its first to its last. */
type Pace = (random: () => number, length: number) => readonly Stretch[];

const steady =
  (speed: number): Pace =>
  () => [{ fromMs: 0, speed, moved: 0 }];

/** Runs for 2 to 10 s, stands for 0.5 to 8 s, and starts again at once. */
const stopAndGo =
  (speed: number): Pace =>
  (random, length) => {
    const stretches: Stretch[] = [];
    for (let fromMs = 0, moved = 0; moved < length; ) {
      const runMs = 2000 + 8000 * random();
      stretches.push({ fromMs, speed, moved });
      moved += (speed * runMs) / 1000;
      stretches.push({ fromMs: fromMs + runMs, speed: 0, moved });
      fromMs += runMs + 500 + 7500 * random();
    }
    const last = stretches.at(-1);
    return last === undefined ? [] : [...stretches, { ...last, fromMs: last.fromMs + 8000, speed }];
  };

/** Changes its speed by up to half, up or down, every 3 s. */
const uneven =
  (speed: number): Pace =>
  (random, length) => {
    const stretches: Stretch[] = [];
    for (let fromMs = 0, moved = 0; moved < length; fromMs += 3000) {
      const now = speed * (0.5 + random());
      stretches.push({ fromMs, speed: now, moved });
      moved += now * 3;
    }
    return stretches;
  };

interface Plan extends Loading {
  readonly from: Point;
  readonly to: Point;
  readonly pace: Pace;
}

const usual: Loading = { gap: [0.4, 2.5], size: [0.08, 0.12], aside: 0.01 };

const plans: Readonly<Record<string, readonly Plan[]>> = {
  "one lane": [{ ...usual, from: [0, 0.5], to: [1, 0.5], pace: steady(0.2) }],
  "two lanes, against each other": [
    { ...usual, from: [0, 0.43], to: [1, 0.43], pace: steady(0.2) },
    { ...usual, from: [1, 0.57], to: [0, 0.57], pace: steady(0.25) },
  ],
  "three lanes, different speeds": [
    { ...usual, from: [0, 0.35], to: [1, 0.35], pace: steady(0.1) },
    { ...usual, from: [0, 0.5], to: [1, 0.5], pace: steady(0.25) },
    { ...usual, from: [0, 0.65], to: [1, 0.65], pace: uneven(0.3) },
  ],
  "stops and starts": [
    { ...usual, from: [0, 0.4], to: [1, 0.4], pace: stopAndGo(0.25) },
    { ...usual, from: [1, 0.6], to: [0, 0.6], pace: stopAndGo(0.2) },
  ],
  "ways that cross": [
    { ...usual, gap: [2, 8], from: [0, 0.5], to: [1, 0.5], pace: steady(0.22) },
    { ...usual, gap: [2, 8], from: [0.7, 1], to: [0.7, 0], pace: steady(0.17) },
  ],
  "ways that cross at a slant": [
    { ...usual, gap: [3, 10], from: [0, 0.3], to: [1, 0.7], pace: steady(0.2) },
    { ...usual, gap: [3, 10], from: [0, 0.7], to: [1, 0.3], pace: steady(0.24) },
  ],
  "lanes close together, against each other": [
    { ...usual, size: [0.06, 0.07], from: [0, 0.515], to: [1, 0.515], pace: steady(0.2) },
    { ...usual, size: [0.06, 0.07], from: [1, 0.6], to: [0, 0.6], pace: steady(0.2) },
  ],
  "fast, stops and starts": [
    { gap: [1.6, 5], size: [0.06, 0.08], from: [0, 0.35], to: [1, 0.35], pace: stopAndGo(0.5) },
    { gap: [1.6, 5], size: [0.06, 0.08], from: [1, 0.65], to: [0, 0.65], pace: stopAndGo(0.4) },
  ],
  "fast, boxes never overlap": [
    { gap: [1.6, 5], size: [0.06, 0.08], from: [0, 0.5], to: [1, 0.5], pace: steady(0.5) },
  ],
  "fast, two lanes": [
    { gap: [1.6, 5], size: [0.06, 0.08], from: [0, 0.35], to: [1, 0.35], pace: steady(0.6) },
    { gap: [1.6, 5], size: [0.06, 0.08], from: [1, 0.65], to: [0, 0.65], pace: steady(0.5) },
  ],
};

const crowd = "everybody goes their own way";

export const sceneNames = [...Object.keys(plans), crowd];

/** A scene with this many objects, spread over its belts. */
export function sceneOf(name: string, things: number, random: () => number): Scene {
  const belts = plans[name] ?? [];
  const loaded =
    name === crowd
      ? Array.from({ length: things }, (_, i) => walk(i, random))
      : belts.map((plan) => load(plan, Math.ceil(things / belts.length), random));
  return {
    name,
    things: loaded.flat(),
    untilMs: Math.max(...loaded.map((belt) => timeToClear(belt))),
  };
}

/** One who crosses the picture by a way and at a speed of their own, about one every 2.5 s. */
function walk(index: number, random: () => number): Thing[] {
  const edge = Math.floor(4 * random());
  const onEdge = (side: number): Point => {
    const at = 0.3 + 0.4 * random();
    return (
      (
        [
          [-0.1, at],
          [1.1, at],
          [at, -0.1],
          [at, 1.1],
        ] as const
      )[side % 4] ?? [0, 0]
    );
  };
  const pace = steady(0.12 + 0.2 * random());
  const one: Loading = { gap: [0, 0], size: [0.06, 0.1] };
  const plan = {
    ...one,
    from: onEdge(edge),
    to: onEdge(edge + 1 + Math.floor(3 * random())),
    pace,
  };
  const fromMs = 2500 * (index + random());
  return load(plan, 1, random).map((thing) => ({
    ...thing,
    offset: 0,
    belt: {
      ...thing.belt,
      stretches: thing.belt.stretches.map((stretch) => ({ ...stretch, fromMs })),
    },
  }));
}

/** Puts objects onto a belt; the first begins well outside of the picture. */
function load(plan: Plan, things: number, random: () => number): Thing[] {
  const between = ([low, high]: readonly [number, number]): number => low + (high - low) * random();
  const spots = Array.from({ length: things }, () => ({
    label: sceneLabels[Math.floor(random() * sceneLabels.length)] ?? "white",
    length: between(plan.size),
    gap: between(plan.gap),
    aside: (plan.aside ?? 0) * (2 * random() - 1),
  }));
  const way = spots.reduce((sum, { length, gap }) => sum + length * (1 + gap), 2);
  const belt: Belt = { from: plan.from, to: plan.to, stretches: plan.pace(random, way) };
  let offset = 0.2;
  return spots.map(({ label, length, gap, aside }) => {
    offset += length * (1 + gap);
    return { label, width: length, height: length * 0.9, belt, offset, aside };
  });
}

/** When the last object has left the picture, and two seconds more. */
function timeToClear(things: readonly Thing[]): number {
  const last = things.at(-1);
  if (last === undefined) return 0;
  let atMs = 0;
  while (beltMovedAt(last.belt, atMs) < last.offset + 1.3) atMs += 100;
  return atMs + 2000;
}
