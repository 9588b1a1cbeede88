import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  advanceEpisodes,
  type Episode,
  endEpisodes,
  episodesStateSchema,
  newEpisodes,
} from "./episodes.ts";
import { seeded } from "./proof/simulated-scene.ts";
import { type EpisodeSettings, episodeSettings } from "./settings.ts";
import { verdictOf } from "./votes.ts";

const usual = episodeSettings.parse({});

/** Episodes of frames every 200 ms; `-` is background, `.` a dropped frame, letters are classes. */
function episodesOf(frames: string, settings: EpisodeSettings = usual): Episode[] {
  let state = newEpisodes();
  const ended: Episode[] = [];
  for (const [i, letter] of [...frames].entries()) {
    if (letter === ".") continue;
    const label = letter === "-" ? "background" : letter;
    const frame = { id: `f${i}`, atMs: i * 200 };
    const step = advanceEpisodes(state, { label, confidence: 0.8 }, frame, settings);
    state = episodesStateSchema.parse(JSON.parse(JSON.stringify(step.state)));
    ended.push(...step.ended);
  }
  return [...ended, ...endEpisodes(state, settings).ended];
}

const told = (frames: string, settings?: EpisodeSettings) =>
  episodesOf(frames, settings).map((it) => `${verdictOf(it.votes).label}${it.frames}`);

describe("an episode", () => {
  it.each([
    ["one egg in five frames", "--aaaaa---", ["a5"]],
    ["an egg over a dropped frame and a frame of background", "--aa.a-aa---", ["a5"]],
    ["a flicker", "--a---", []],
    ["two eggs with a gap", "-aaa----aaaa---", ["a3", "a4"]],
    ["an egg that is confused once", "-aabaa---", ["a5"]],
    ["an egg that is confused at first", "-baaa---", ["a4"]],
    ["an egg that is confused at last", "-aaab---", ["a4"]],
    ["two eggs of two classes without a gap", "-aaaabbbb---", ["a4", "b4"]],
    ["two with a confusion in each", "-aacaaabbbcb---", ["a6", "b5"]],
    ["an egg that is still there at the end", "-aaa", ["a3"]],
  ])("%s", (_name, frames, events) => {
    expect(told(frames)).toEqual(events);
  });

  it("is a new one at every change of class where that is asked for", () =>
    expect(told("-aabb---", { ...usual, changeFramesMin: 1 })).toEqual(["a2", "b2"]));

  it("keeps the surest frame of its class", () => {
    let state = newEpisodes();
    for (const [i, [label, confidence]] of (
      [
        ["a", 0.6],
        ["b", 0.95],
        ["a", 0.9],
        ["a", 0.7],
      ] as const
    ).entries()) {
      const frame = { id: `f${i}`, atMs: i * 200 };
      state = advanceEpisodes(state, { label, confidence }, frame, usual).state;
    }
    expect(endEpisodes(state, usual).ended.map(({ best }) => best.frame)).toEqual(["f2"]);
  });

  it("appears once, with its second frame", () => {
    let state = newEpisodes();
    const appeared: string[] = [];
    for (const [i, letter] of [..."-aabaa----aaa"].entries()) {
      const label = letter === "-" ? "background" : letter;
      const step = advanceEpisodes(
        state,
        { label, confidence: 0.8 },
        { id: `f${i}`, atMs: i * 200 },
        usual,
      );
      state = step.state;
      if (step.appeared !== undefined) appeared.push(`f${i}`);
    }
    expect(appeared).toEqual(["f2", "f11"]);
  });

  it("has an id of its own, and frames are in one episode at most", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("-", ".", "a", "b", "c"), maxLength: 80 }),
        (frames) => {
          const found = episodesOf(frames, { ...usual, framesMin: 1 });
          expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
          const shown = [...frames].filter((it) => it !== "-" && it !== ".").length;
          expect(found.reduce((sum, it) => sum + it.frames, 0)).toBe(shown);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("a thousand eggs with 15 % confusion, 10 % dropped and 5 % missed frames", () => {
  /** Between two eggs lie five frames, 1200 ms from sight to sight. */
  const settings = { ...usual, gapMsMax: 1000 };

  it("give a thousand events, 99 % of them of the right class", () => {
    const random = seeded(7);
    const labels = ["brown", "cracked", "dirty", "white"];
    const truth: string[] = [];
    const events: Episode[] = [];
    let state = newEpisodes();
    const show = (label: string, atMs: number) => {
      if (random() < 0.1) return;
      const confidence = 0.7 + 0.3 * random();
      const other = labels.filter((it) => it !== label)[Math.floor(3 * random())] ?? label;
      const said = label === "background" || random() < confidence ? label : other;
      const opinion = { label: random() < 0.05 ? "background" : said, confidence };
      const step = advanceEpisodes(state, opinion, { id: `f${atMs}`, atMs }, settings);
      state = step.state;
      events.push(...step.ended);
    };
    for (let frame = 1; frame <= 1000 * 13; frame++) {
      const [egg, part] = [Math.floor((frame - 1) / 13), (frame - 1) % 13];
      if (part === 0) truth.push(labels[Math.floor(4 * random())] ?? "white");
      show(part < 8 ? (truth[egg] ?? "white") : "background", frame * 200);
    }
    events.push(...endEpisodes(state, settings).ended);
    const right = events.filter(({ votes, firstSeenAtMs }) => {
      const egg = Math.floor((firstSeenAtMs / 200 - 1) / 13);
      return verdictOf(votes).label === truth[egg];
    });
    expect(Math.abs(events.length - 1000)).toBeLessThanOrEqual(10);
    expect(right.length / events.length).toBeGreaterThanOrEqual(0.99);
  });
});
