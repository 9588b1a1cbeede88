/** Charts from telemetry windows. Pure. */
import type { SeriesPoint } from "@fieldloop/shared/contract/devices";
import { AppError } from "@fieldloop/shared/errors";
import { pointOf, type WindowFacts } from "../ingest/point.ts";

export const seriesLimits = {
  /** Points of one answer. */
  pointsMax: 2000,
  /** Windows merged for one answer. */
  windowsMax: 20_000,
} as const;

const hourMs = 3_600_000;
/** Steps that people read off an axis without arithmetic. */
const stepsMs = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400].map(
  (s) => s * 1000,
);
const pointsWanted = 240;

export interface SeriesRange {
  readonly from: number;
  readonly to: number;
  readonly stepMs: number;
}

/**
 * What to show: the last hour unless said, in about 240 steps unless said.
 * @throws AppError `range` where it is empty or holds more than 2000 steps
 */
export function rangeOf(
  query: { readonly from?: number; readonly to?: number; readonly stepMs?: number },
  now: number,
): SeriesRange {
  const to = query.to ?? now;
  const from = query.from ?? to - hourMs;
  const length = to - from;
  const fits = stepsMs.find((step) => length / step <= pointsWanted);
  const stepMs = query.stepMs ?? fits ?? Math.ceil(length / pointsWanted);
  if (!(from >= 0 && length > 0 && to <= 8.64e15)) throw refuse("`from` must be before `to`");
  if (length / stepMs > seriesLimits.pointsMax)
    throw refuse(
      `${Math.ceil(length / stepMs)} steps are too many; at most ${seriesLimits.pointsMax}, so choose a longer stepMs or a shorter range`,
    );
  return { from, to, stepMs };
}

/** Windows merged into the steps in which they begin; a step without a window is absent. */
export function toSeries(
  windows: readonly (WindowFacts & { readonly startsAt: number })[],
  stepMs: number,
): SeriesPoint[] {
  const steps = new Map<number, WindowFacts[]>();
  for (const window of windows) {
    const at = Math.floor(window.startsAt / stepMs) * stepMs;
    const step = steps.get(at);
    if (step === undefined) steps.set(at, [window]);
    else step.push(window);
  }
  return [...steps].sort(([a], [b]) => a - b).map(([at, merged]) => pointOf(at, merged));
}

function refuse(message: string): AppError {
  return new AppError({ code: "range", message });
}
