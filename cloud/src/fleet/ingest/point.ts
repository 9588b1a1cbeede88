/** Telemetry windows as points of a chart. Pure. */

import type { SeriesPoint } from "@fieldloop/shared/contract/devices";
import type { WindowRow } from "@fieldloop/shared/messages/telemetry";
import { lostFrames } from "@fieldloop/shared/messages/telemetry";
import { mergeHistograms, quantile } from "@fieldloop/shared/sketches/histogram";

/** What a window contributes to a point. */
export type WindowFacts = Pick<
  WindowRow,
  | "camera"
  | "from"
  | "to"
  | "results"
  | "dropped"
  | "errors"
  | "classes"
  | "latency"
  | "confidence"
  | "facts"
>;

const futureMsMax = 5 * 60_000;
const pastMsMax = 400 * 86_400_000;

/**
 * Where a span of device time stands: as the device says where that is plausible (windows may wait
 * weeks in an outbox), else so that it ended when it was received.
 * @returns its begin, Unix milliseconds
 */
export function placeInTime(from: number, to: number, receivedAt: number): number {
  const plausible = to <= receivedAt + futureMsMax && from >= receivedAt - pastMsMax && from <= to;
  if (plausible) return from;
  const length = to - from;
  return receivedAt - (length > 0 && length <= 3_600_000 ? length : 0);
}

/**
 * Merges windows: counts and histograms add up, frames per second are each camera's results over
 * the seconds its windows cover, summed over cameras.
 * @param at begin of the step, Unix milliseconds
 */
export function pointOf(at: number, windows: readonly WindowFacts[]): SeriesPoint {
  const latency = mergeHistograms(windows.map((window) => window.latency));
  return {
    at,
    fps: fpsOf(windows),
    results: sum(windows.map((window) => window.results)),
    dropped: sum(windows.map((window) => lostFrames(window.dropped))),
    errors: sum(windows.flatMap((window) => Object.values(window.errors))),
    p50Ms: quantile(latency, 0.5) ?? null,
    p95Ms: quantile(latency, 0.95) ?? null,
    confidence: meanConfidence(windows),
    classes: mergeCounts(windows.map((window) => window.classes)),
    facts: mergeCounts(windows.map((window) => window.facts ?? {})),
  };
}

/** Windows that overlap the newest one: what the device does now, over all its cameras. */
export function newestOf<W extends WindowFacts>(windows: readonly W[]): readonly W[] {
  const newest = windows.reduce<W | undefined>(
    (best, window) => (best === undefined || window.to > best.to ? window : best),
    undefined,
  );
  return newest === undefined
    ? []
    : windows.filter((window) => window.to > newest.from || window === newest);
}

function fpsOf(windows: readonly WindowFacts[]): number {
  const cameras = new Map<string, { results: number; ms: number }>();
  for (const { camera, from, to, results } of windows) {
    const entry = cameras.get(camera) ?? { results: 0, ms: 0 };
    cameras.set(camera, {
      results: entry.results + results,
      ms: entry.ms + Math.max(0, to - from),
    });
  }
  return sum([...cameras.values()].map(({ results, ms }) => (ms > 0 ? (results * 1000) / ms : 0)));
}

/** Mean of the binned confidences, each taken as the middle of its bin. */
function meanConfidence(windows: readonly WindowFacts[]): number | null {
  let weighted = 0;
  let count = 0;
  for (const { confidence } of windows)
    for (const [bin, n] of confidence.entries()) {
      weighted += (n * (bin + 0.5)) / confidence.length;
      count += n;
    }
  return count === 0 ? null : weighted / count;
}

function mergeCounts(parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const merged = new Map<string, number>();
  for (const part of parts)
    for (const [key, n] of Object.entries(part)) merged.set(key, (merged.get(key) ?? 0) + n);
  return Object.fromEntries(merged);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
