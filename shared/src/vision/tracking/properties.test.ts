/** What holds for tracks and facts whatever is detected. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Detection } from "../../messages/telemetry.ts";
import { type FactEvent, factEventSchema } from "./events.ts";
import { advanceFacts, endFacts, type FactsStep } from "./facts.ts";
import { type FactsState, factsStateSchema, newFacts } from "./facts-state.ts";
import { factsSettings, trackingLimits } from "./settings.ts";

const settings = factsSettings.parse({
  tracking: { tracksMax: 8 },
  lines: [
    {
      name: "gate",
      points: [
        [0.5, 0],
        [0.5, 1],
      ],
    },
  ],
  zones: [
    {
      name: "dock",
      polygon: [
        [0, 0],
        [0.5, 0],
        [0.5, 1],
        [0, 1],
      ],
      dwellMsMin: 500,
    },
  ],
});

type Frames = readonly (readonly Detection[] | null)[];

/** Steps over frames every 200 ms; `null` is a dropped one. */
function watch(frames: Frames, from: FactsState = newFacts(), firstFrame = 0): FactsStep[] {
  let state = from;
  return frames.flatMap((detections, i) => {
    if (detections === null) return [];
    const decision = { label: null, confidence: 0, detections };
    const n = firstFrame + i;
    const step = advanceFacts(state, decision, { id: `f${n}`, atMs: n * 200 }, settings);
    state = step.state;
    return [step];
  });
}

const grid = (max: number) => fc.integer({ min: 0, max }).map((n) => n / max);
/** Few places, so that chance makes tracks that go on. */
const detection = fc
  .record({ label: fc.constantFrom("a", "b", "c"), score: grid(10), x: grid(8), y: grid(4) })
  .chain(({ label, score, x, y }) =>
    fc.constantFrom(0.1, 0.15, 0.3).map((size): Detection => {
      const box: Detection["box"] = [x - size, y - size, x + size, y + size];
      return { label, score, box };
    }),
  );
const frame = fc.uniqueArray(detection, { maxLength: 12, selector: ({ box }) => box.join() });
const frames: fc.Arbitrary<Frames> = fc.array(
  fc.oneof({ weight: 9, arbitrary: frame }, { weight: 1, arbitrary: fc.constant(null) }),
  { minLength: 1, maxLength: 25 },
);
const runs = { numRuns: 100 };
/** As it is read back from a file: without -0 and the order of keys. */
const stored = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("whatever is detected", () => {
  it("belongs to one track at most", () => {
    fc.assert(
      fc.property(frames, (sequence) => {
        for (const { state, tracks } of watch(sequence)) {
          const found = tracks.filter(({ lastSeenAtMs }) => lastSeenAtMs === state.tracker.atMs);
          const boxes = found.map(({ observed }) => observed.join());
          expect(new Set(boxes).size).toBe(boxes.length);
        }
      }),
      runs,
    );
  });

  it("gets ids that are never used twice", () => {
    fc.assert(
      fc.property(frames, (sequence) => {
        let live = new Set<number>();
        let nextId = 1;
        for (const { tracks, state } of watch(sequence)) {
          const now = new Set(tracks.map(({ id }) => id));
          expect(now.size).toBe(tracks.length);
          for (const id of now) expect(live.has(id) || id >= nextId).toBe(true);
          live = now;
          nextId = state.tracker.nextId;
        }
      }),
      runs,
    );
  });

  it("gives the same in any order", () => {
    fc.assert(
      fc.property(frames, fc.integer(), (sequence, seed) => {
        const shuffled = sequence.map((found) => {
          if (found === null) return null;
          const key = ({ box, label }: Detection) =>
            Math.sin(seed + box[0] * 77 + box[1] * 991 + label.length);
          return [...found].sort((a, b) => key(a) - key(b));
        });
        expect(watch(shuffled)).toEqual(watch(sequence));
      }),
      runs,
    );
  });

  it("goes on after a restart from stored JSON", () => {
    fc.assert(
      fc.property(frames, frames, (before, after) => {
        const state = watch(before).at(-1)?.state ?? newFacts();
        const again = factsStateSchema.parse(stored(state));
        const n = before.length;
        expect(stored(watch(after, again, n))).toEqual(stored(watch(after, state, n)));
      }),
      runs,
    );
  });

  it("stays within its bounds, and what does not fit is counted", () => {
    fc.assert(
      fc.property(frames, (sequence) => {
        for (const { state } of watch(sequence)) {
          expect(state.tracker.tracks.length).toBeLessThanOrEqual(8);
          expect(state.marks.length).toBe(state.tracker.tracks.length);
          expect(state.tracker.flow.length).toBeLessThanOrEqual(64);
          expect(JSON.stringify(state).length).toBeLessThan(64 * 300 + 8 * 8000);
        }
      }),
      runs,
    );
  });

  it("gives each object one object-appeared, then its events, then one object-seen", () => {
    fc.assert(
      fc.property(frames, (sequence) => {
        const steps = watch(sequence);
        const last = endFacts(steps.at(-1)?.state ?? newFacts(), settings);
        const events = [...steps.flatMap((step) => step.events), ...last.events];
        const ids = new Set(events.map(({ object }) => object.track));
        for (const id of ids) {
          const kinds = events.filter(({ object }) => object.track === id).map(({ kind }) => kind);
          expect(kinds.filter((kind) => kind === "object-appeared")).toHaveLength(1);
          expect(kinds.filter((kind) => kind === "object-seen")).toHaveLength(1);
          expect([kinds[0], kinds.at(-1)]).toEqual(["object-appeared", "object-seen"]);
        }
        for (const event of events)
          expect(factEventSchema.parse(stored(event))).toEqual(stored(event));
      }),
      runs,
    );
  });

  it("counts as its events say, once corrections are made", () => {
    fc.assert(
      fc.property(frames, (sequence) => {
        const steps = watch(sequence);
        const last = endFacts(steps.at(-1)?.state ?? newFacts(), settings);
        const events = [...steps.flatMap((step) => step.events), ...last.events];
        expect(countedBy(events)).toEqual(
          Object.fromEntries(
            last.state.counts.map((it) => [`${it.direction} ${it.label}`, it.count]),
          ),
        );
      }),
      runs,
    );
  });
});

it("many false detections fill no memory", () => {
  const limit = trackingLimits.detectionsMax;
  const crowd = Array.from({ length: limit + 50 }, (_, i): Detection => {
    const [x, y] = [(i % 25) / 25, Math.floor(i / 25) / 14];
    return { label: `class ${i}`, score: 0.9, box: [x, y, x + 0.03, y + 0.05] };
  });
  const state = watch([crowd, crowd, crowd]).at(-1)!.state;
  expect(state.tracker.tracks).toHaveLength(8);
  expect(state.tracker.counters).toMatchObject({ overflowed: 150, refused: 3 * (limit - 8) });
});

function countedBy(events: readonly FactEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  const add = (key: string, by: number) => {
    counts[key] = (counts[key] ?? 0) + by;
    if (counts[key] === 0) delete counts[key];
  };
  for (const event of events) {
    if (event.kind !== "line-crossed" && event.kind !== "line-corrected") continue;
    if (event.kind === "line-corrected") add(`${event.direction} ${event.counted}`, -1);
    add(`${event.direction} ${event.object.label}`, 1);
  }
  return counts;
}
