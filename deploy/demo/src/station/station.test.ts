import { labelsMessage } from "@fieldloop/shared/messages/control";
import { isSampled } from "@fieldloop/shared/sampling";
import { describe, expect, it } from "vitest";
import { truthAt } from "../scene/item.ts";
import {
  CATCH_UP_MS_MAX,
  DELAY_MS_MAX,
  DELAY_MS_MIN,
  delayMs,
  dueLabels,
  findingAt,
  LABELS_PER_MESSAGE_MAX,
  labelMessages,
  type StationView,
} from "./station.ts";

const devices = ["egg-cam-1", "egg-cam-2", "egg-cam-3"];
const start = Date.UTC(2026, 5, 1, 8);
const base: StationView = { devices, periodMs: 500, share: 0.1, now: start + 60_000, last: start };

/** Asks in steps, as the running station does. */
function ask(fromMs: number, toMs: number, stepMs: number) {
  const labels = [];
  for (let last = fromMs; last < toMs; last += stepMs) {
    labels.push(...dueLabels({ ...base, last, now: Math.min(toMs, last + stepMs) }));
  }
  return labels;
}

describe("the inspection station", () => {
  it("tells each finding once, however often it is asked", () => {
    const often = ask(start, start + 300_000, 1_700);
    const seldom = ask(start, start + 300_000, 60_000);
    expect(often).toEqual(seldom);
    const names = often.map((label) => `${label.device}/${label.frame}`);
    expect(new Set(names).size).toBe(names.length);
  });

  it("labels exactly the sampled frames, for every camera", () => {
    const labels = ask(start, start + 400_000, 10_000);
    const settled = labels.filter(
      (l) => l.capturedAt > start && l.capturedAt <= start + 400_000 - DELAY_MS_MAX,
    );
    const expected = [];
    for (let at = start + 500; at <= start + 400_000 - DELAY_MS_MAX; at += 500) {
      if (isSampled(String(at / 500), base.share)) expected.push(String(at / 500));
    }
    for (const device of devices) {
      const frames = settled.filter((l) => l.device === device).map((l) => l.frame);
      expect(frames.sort()).toEqual([...expected].sort());
    }
    expect(expected.length / 560).toBeGreaterThan(0.05);
    expect(expected.length / 560).toBeLessThan(0.15);
  });

  it("is 20 to 120 seconds late", () => {
    const delays = Array.from({ length: 2000 }, (_, tick) => delayMs("egg-cam-1", tick));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(DELAY_MS_MIN);
    expect(Math.max(...delays)).toBeLessThan(DELAY_MS_MAX);
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(95_000);
    for (const label of dueLabels(base)) {
      expect(label.at - label.capturedAt).toBe(delayMs(label.device, Number(label.frame)));
      expect(label.at).toBeGreaterThan(base.last);
      expect(label.at).toBeLessThanOrEqual(base.now);
    }
  });

  it("is wrong about one frame in two hundred", () => {
    let wrong = 0;
    for (let tick = 0; tick < 40_000; tick++) {
      if (findingAt("egg-cam-1", tick) !== truthAt("egg-cam-1", tick)) wrong++;
    }
    expect(wrong).toBeGreaterThan(140);
    expect(wrong).toBeLessThan(260);
  });

  it("tells nothing with a share of nothing", () => {
    expect(dueLabels({ ...base, share: 0 })).toEqual([]);
  });

  it("makes up for at most ten minutes after being away", () => {
    const labels = dueLabels({ ...base, last: 0 });
    expect(labels.length).toBeGreaterThan(0);
    for (const label of labels) expect(label.at).toBeGreaterThan(base.now - CATCH_UP_MS_MAX);
  });

  it("packs findings into valid messages with ids of their own", () => {
    const labels = dueLabels({ ...base, share: 1, last: start - 200_000 });
    const messages = labelMessages(labels);
    expect(messages.length).toBeGreaterThan(2);
    expect(messages.flatMap((message) => message.labels)).toEqual(labels);
    expect(new Set(messages.map((message) => message.id)).size).toBe(messages.length);
    for (const message of messages) {
      expect(labelsMessage.parse(message)).toEqual(message);
      expect(message.labels.length).toBeLessThanOrEqual(LABELS_PER_MESSAGE_MAX);
    }
    expect(labelMessages(labels)).toEqual(messages);
  });
});
