import { describe, expect, it } from "vitest";
import type { Detection } from "../../messages/telemetry.ts";
import type { Decision } from "../decide.ts";
import { correctCrossing, countCrossing, otherLabel, totalOf } from "./counts.ts";
import { advanceFacts, endFacts, type FactsStep } from "./facts.ts";
import { newFacts } from "./facts-state.ts";
import { factsSettings, trackingLimits } from "./settings.ts";

const settings = factsSettings.parse({
  lines: [
    {
      name: "gate",
      points: [
        [0.5, 1],
        [0.5, 0],
      ],
    },
  ],
  zones: [
    {
      name: "dock",
      polygon: [
        [0.6, 0],
        [1, 0],
        [1, 1],
        [0.6, 1],
      ],
      dwellMsMin: 800,
    },
  ],
});

const egg = (x: number, label = "white", score = 0.9): Detection => ({
  label,
  score,
  box: [x - 0.05, 0.4, x + 0.05, 0.5],
});
const found = (...detections: Detection[]): Decision => ({
  label: null,
  confidence: 0.9,
  detections,
});
const whole = (label: string, confidence = 0.9): Decision => ({
  label,
  confidence,
  detections: null,
});

/** Decisions every 200 ms, and the end of everything. */
function watch(decisions: readonly Decision[], by = settings): FactsStep[] {
  let state = newFacts();
  const steps = decisions.map((decision, i) => {
    const step = advanceFacts(state, decision, { id: `f${i}`, atMs: i * 200 }, by);
    state = step.state;
    return step;
  });
  return [...steps, endFacts(state, by)];
}

const eventsOf = (steps: readonly FactsStep[]) => steps.flatMap(({ events }) => events);
const kindsOf = (steps: readonly FactsStep[]) => eventsOf(steps).map(({ kind }) => kind);

describe("an object", () => {
  it("is told once when it is sure to be there and once when it is gone", () => {
    const way = [0.2, 0.23, 0.26, 0.29, 0.32];
    const steps = watch(way.map((x) => found(egg(x, "white", x === 0.26 ? 0.95 : 0.9))));
    expect(kindsOf(steps)).toEqual(["object-appeared", "object-seen"]);
    expect(eventsOf(steps).at(-1)).toMatchObject({
      atMs: 800,
      object: {
        track: 1,
        label: "white",
        share: 1,
        margin: 1,
        frames: 5,
        firstSeenAtMs: 0,
        lastSeenAtMs: 800,
        bestFrame: "f2",
        box: egg(0.32).box,
      },
    });
  });

  it("is not told when two frames showed it", () =>
    expect(kindsOf(watch([found(egg(0.2)), found(egg(0.2)), found()]))).toEqual([]));

  it("crosses a line, enters a zone, dwells and leaves it with its end", () => {
    const way = [0.2, 0.3, 0.4, 0.55, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7].map((x) => found(egg(x)));
    const told = eventsOf(watch(way)).map((event) => [event.kind, event.atMs]);
    expect(told).toEqual([
      ["object-appeared", 400],
      ["line-crossed", 600],
      ["zone-entered", 800],
      ["dwelled", 1600],
      ["zone-left", 1800],
      ["object-seen", 1800],
    ]);
  });

  it("tells what it did before it was sure, once it is", () => {
    const steps = watch([0.3, 0.5, 0.7, 0.9].map((x) => found(egg(x + 0.02))));
    expect(eventsOf(steps.slice(0, 3)).map(({ kind, atMs }) => [kind, atMs])).toEqual([
      ["object-appeared", 400],
      ["line-crossed", 200],
    ]);
  });

  it("is counted under the vote so far, and corrected by the final one", () => {
    const way = [0.3, 0.4, 0.5, 0.6].map((x) => found(egg(x, "white", 0.6)));
    const rest = [0.7, 0.8, 0.9].map((x) => found(egg(x, "brown", 0.95)));
    const steps = watch([...way, ...rest]);
    expect(steps[6]?.state.counts).toEqual([
      { line: "gate", direction: "left-to-right", label: "white", count: 1 },
    ]);
    expect(eventsOf(steps).find(({ kind }) => kind === "line-corrected")).toMatchObject({
      line: "gate",
      direction: "left-to-right",
      counted: "white",
      object: { label: "brown" },
    });
    expect(steps.at(-1)?.state.counts).toEqual([
      { line: "gate", direction: "left-to-right", label: "brown", count: 1 },
    ]);
  });

  it("has crossed the line that it is first seen beyond, if it came in just before", () => {
    const fast = [0.53, 0.65, 0.77].map((x) => found(egg(x)));
    expect(kindsOf(watch(fast))).toContain("line-crossed");
    const [gate] = settings.lines;
    const strict = { ...settings, lines: [{ ...gate!, unseenMsMax: 0 }] };
    expect(kindsOf(watch(fast, strict))).not.toContain("line-crossed");
    const slow = [0.56, 0.58, 0.6].map((x) => found(egg(x)));
    expect(kindsOf(watch(slow))).not.toContain("line-crossed");
  });

  it("fills a zone while it is inside", () => {
    const way = [0.7, 0.7, 0.7, 0.7, 0.62, 0.54, 0.46, 0.38, 0.3];
    const steps = watch(way.map((x) => found(egg(x), egg(0.9))));
    const filled = steps.map(({ occupancy }) => occupancy[0]?.objects);
    expect([filled[1], filled[3], filled[8], filled[9]]).toEqual([0, 2, 1, 0]);
  });
});

describe("a frame that comes twice", () => {
  it("tells nothing", () => {
    const { state } = watch([0.4, 0.45, 0.48].map((x) => found(egg(x))))[2]!;
    const again = advanceFacts(state, found(egg(0.9)), { id: "f2", atMs: 400 }, settings);
    expect([again.events, again.state.tracker.counters.stale]).toEqual([[], 1]);
  });
});

describe("a whole-picture classifier", () => {
  it("tells one egg in five frames once", () => {
    const frames = ["background", ...Array.from({ length: 5 }, () => "white"), "background"];
    const steps = watch(frames.map((label) => whole(label)));
    expect(kindsOf(steps)).toEqual(["object-appeared", "object-seen"]);
    expect(eventsOf(steps).at(-1)?.object).toMatchObject({
      label: "white",
      frames: 5,
      firstSeenAtMs: 200,
      lastSeenAtMs: 1000,
      box: null,
    });
  });

  it("takes over from a detector, whose objects end, with ids of its own", () => {
    const detector = [0.2, 0.2, 0.2].map((x) => found(egg(x)));
    const steps = watch([...detector, whole("white"), whole("white")]);
    const told = eventsOf(steps).map(({ kind, object }) => `${kind} ${object.track}`);
    expect(told).toEqual([
      "object-appeared 1",
      "object-seen 1",
      "object-appeared 2",
      "object-seen 2",
    ]);
  });
});

describe("counts", () => {
  const crossing = { line: "gate", direction: "left-to-right", label: "a" } as const;

  it("move with a correction and keep their total", () => {
    const [one] = countCrossing([], crossing);
    const moved = correctCrossing(one, crossing, "b");
    expect(moved).toEqual([{ ...crossing, label: "b", count: 1 }]);
    expect(totalOf(moved, "gate", "left-to-right")).toBe(1);
  });

  it("put classes that no longer fit together", () => {
    const labels = Array.from({ length: trackingLimits.countedLabelsMax + 5 }, (_, i) => `c${i}`);
    const all = labels.reduce(
      (counts, label) => countCrossing(counts, { ...crossing, label })[0],
      countCrossing([], crossing)[0],
    );
    expect(all.find(({ label }) => label === otherLabel)?.count).toBe(6);
    expect(totalOf(all, "gate", "left-to-right")).toBe(labels.length + 1);
  });

  it("of a line that is no longer set are forgotten", () => {
    const steps = watch([0.3, 0.4, 0.5, 0.6].map((x) => found(egg(x))));
    const { state } = steps.at(-1)!;
    expect(state.counts).toHaveLength(1);
    const later = advanceFacts(state, found(), { id: "f", atMs: 5000 }, { ...settings, lines: [] });
    expect(later.state.counts).toEqual([]);
  });
});
