import { describe, expect, it } from "vitest";
import type { Detection } from "../../messages/telemetry.ts";
import { trackingSettings } from "./settings.ts";
import { advanceTracks, newTracker, type TrackerStep } from "./tracker.ts";
import { verdictOf } from "./votes.ts";

const usual = trackingSettings.parse({});

const square = (x: number, y: number, score = 0.9, label = "egg", size = 0.1): Detection => ({
  label,
  score,
  box: [x - size / 2, y - size / 2, x + size / 2, y + size / 2],
});

/** Frames every 200 ms, as lists of detections; `null` for one that was dropped. */
function follow(frames: readonly (readonly Detection[] | null)[], settings = usual): TrackerStep[] {
  let state = newTracker();
  return frames.flatMap((detections, i) => {
    if (detections === null) return [];
    const step = advanceTracks(state, detections, { id: `f${i}`, atMs: i * 200 }, settings);
    state = step.state;
    return [step];
  });
}

const still = (n: number) => Array.from({ length: n }, () => [square(0.5, 0.5)]);
const nothing = (n: number): Detection[][] => Array.from({ length: n }, () => []);

describe("a track", () => {
  it("is tentative until its third hit", () => {
    const phases = follow(still(4)).map(({ tracks }) => tracks[0]?.phase);
    expect(phases).toEqual(["tentative", "tentative", "confirmed", "confirmed"]);
  });

  it("is lost when unseen and ends after lostMsMax", () => {
    const steps = follow([...still(3), ...nothing(9)]);
    expect(steps[3]?.tracks[0]?.phase).toBe("lost");
    const ends = steps.findIndex(({ ended }) => ended.length > 0);
    expect(ends).toBe(2 + 8); // the first frame that is more than 1500 ms after the last hit
    expect(steps[ends]?.ended.map(({ id }) => id)).toEqual([1]);
  });

  it("is discarded and counted when it does not get its hits", () => {
    const steps = follow([...still(2), ...nothing(8)]);
    expect(steps.flatMap(({ ended }) => ended)).toEqual([]);
    expect(steps.flatMap(({ discarded }) => discarded)).toEqual([1]);
    expect(steps.at(-1)?.state.counters.discarded).toBe(1);
  });

  it("goes on over dropped frames by the time that has passed", () => {
    const move = (i: number) => [square(0.1 + 0.05 * i, 0.5)];
    const steps = follow([move(0), move(1), null, null, move(4), move(5), null, move(7)]);
    expect(steps.map(({ tracks }) => tracks.map(({ id }) => id))).toEqual(steps.map(() => [1]));
    expect(steps.at(-1)?.tracks[0]?.motion.vx).toBeCloseTo(0.05 / 200, 5);
  });

  it("is followed where its boxes never overlap", () => {
    const steps = follow([0, 1, 2, 3, 4].map((i) => [square(0.1 + 0.17 * i, 0.5)]));
    expect(steps.at(-1)?.tracks.map(({ id, hits }) => [id, hits])).toEqual([[1, 5]]);
  });

  it("is extended by an unsure detection, which begins none", () => {
    const unsure = [square(0.5, 0.5, 0.2), square(0.2, 0.2, 0.2)];
    const tracks = follow([...still(3), unsure]).at(-1)?.tracks;
    expect(tracks?.map(({ id, hits, phase }) => [id, hits, phase])).toEqual([[1, 4, "confirmed"]]);
  });

  it("has the class that has most confidence", () => {
    const last = follow([
      [square(0.5, 0.5, 0.9, "brown")],
      [square(0.5, 0.5, 0.6, "white")],
      [square(0.5, 0.5, 0.5, "brown")],
    ]).at(-1);
    const verdict = verdictOf(last!.tracks[0]!.votes);
    expect(verdict.label).toBe("brown");
    expect(verdict.share).toBeCloseTo(0.7, 9);
    expect(verdict.margin).toBeCloseTo(0.4, 9);
  });

  it("keeps the frame that shows it whole, large and surely", () => {
    const last = follow([
      [{ label: "egg", score: 0.99, box: [0, 0.3, 0.3, 0.7] }],
      [square(0.22, 0.5, 0.8, "egg", 0.3)],
      [square(0.26, 0.5, 0.9, "egg", 0.3)],
      [square(0.3, 0.5, 0.7, "egg", 0.3)],
    ]).at(-1);
    expect(last?.tracks.map(({ best }) => best.frame)).toEqual(["f2"]);
  });

  it("begins anew when it began with a false detection", () => {
    const [track] = follow([[square(0.2, 0.3)], ...still(4)]).at(-1)?.tracks ?? [];
    expect(track?.first).toEqual(square(0.5, 0.5).box);
  });

  it("is one although its detection comes under two classes", () => {
    const twice = () => [square(0.5, 0.5, 0.9, "egg"), square(0.505, 0.5, 0.6, "ball")];
    const last = follow([twice(), twice(), twice()]).at(-1);
    expect(last?.tracks.map(({ hits }) => hits)).toEqual([3]);
    expect(last?.tracks[0]?.votes.byLabel.map(([label]) => label)).toEqual(["egg", "ball"]);
  });
});

describe("a tracker", () => {
  it("refuses and counts what is more than tracksMax, the least sure first", () => {
    const many = [1, 3, 5, 7].map((x) => square(x / 10, 0.5, 0.6 + x / 50));
    const [step] = follow([many], { ...usual, tracksMax: 3 });
    expect(step?.tracks.map(({ observed }) => observed)).toEqual(
      [3, 2, 1].map((i) => many[i]?.box),
    );
    expect(step?.state.counters.refused).toBe(1);
  });

  it("leaves out a frame that comes late, and counts it", () => {
    const before = follow(still(3)).at(-1)!;
    const late = advanceTracks(before.state, [square(0.9, 0.9)], { id: "old", atMs: 300 }, usual);
    expect(late.tracks).toEqual(before.tracks);
    expect(late.state.counters.stale).toBe(1);
  });

  it("begins anew when the clock was set back, with new ids", () => {
    const ahead = { ...follow(still(3)).at(-1)!.state, atMs: 1e9 };
    const step = advanceTracks(ahead, [square(0.5, 0.5)], { id: "f", atMs: 1000 }, usual);
    expect(step.ended.map(({ id }) => id)).toEqual([1]);
    expect(step.tracks.map(({ id }) => id)).toEqual([2]);
    expect(step.state.counters.clockSteps).toBe(1);
  });

  it("ends tracks before a pause ends, so that what is there then is new", () => {
    const { state } = follow(still(3)).at(-1)!;
    const step = advanceTracks(state, [square(0.5, 0.5)], { id: "f", atMs: 3_600_000 }, usual);
    expect(step.ended.map(({ id }) => id)).toEqual([1]);
    expect(step.tracks.map(({ id }) => id)).toEqual([2]);
  });

  it("passes over boxes without area or number", () => {
    const odd: Detection[] = [
      { label: "egg", score: 0.9, box: [0.5, 0.5, 0.5, 0.6] },
      { label: "egg", score: 0.9, box: [Number.NaN, 0, 1, 1] },
      { label: "egg", score: 0.9, box: [0, 0, Infinity, 1] },
      { label: "egg", score: Number.NaN, box: [0, 0, 1, 1] },
    ];
    expect(follow([odd])[0]?.tracks).toEqual([]);
  });
});
