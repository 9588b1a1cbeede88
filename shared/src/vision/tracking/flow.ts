/**
 * How things usually move in each part of the picture, learned from the objects themselves: up to two
 * velocities for each cell, so that two lanes may share one. Where objects move farther from frame to
 * frame than half the way to their neighbour, the neighbour looks like the object itself; what moved
 * here before tells the two apart. Only what moves counts: a belt that stands teaches nothing. Pure.
 */
import * as z from "zod/mini";
import type { Box } from "../fit.ts";
import { type Motion, type Start, sizeOf } from "./motion.ts";
import type { TrackingSettings } from "./settings.ts";

/** Cells across and down. */
const cellsAcross = 8;
const waysMax = 2;

const waySchema = z.object({
  /** Row by row from the top left. */
  cell: z.int().check(z.gte(0), z.lt(cellsAcross ** 2)),
  /** Mean velocity, picture fractions per millisecond. */
  vx: z.number(),
  vy: z.number(),
  /** Mean squared deviation from it, per axis. */
  variance: z.number().check(z.gte(0)),
  /** Observations, up to where they only replace older ones. */
  weight: z.number().check(z.gte(0)),
});
/** One usual velocity of one cell. */
export type Way = z.infer<typeof waySchema>;

export const flowSchema = z.array(waySchema).check(z.maxLength(waysMax * cellsAcross ** 2));
export type Flow = z.infer<typeof flowSchema>;

/** Observations that a way remembers; older ones fade, so a belt may change its speed. */
const weightMax = 40;
/** Below this a way is not asked. */
const weightMin = 4;
/** A usual speed is never believed to better than this, in sizes a second. */
const spreadSizesPerSMin = 0.3;
/** Slower than this is standing, in sizes a second. */
const speedSizesPerSMin = 0.4;

/** Adds what one object does where it is. */
export function learnFlow(flow: Flow, box: Box, { vx, vy }: Pick<Motion, "vx" | "vy">): Flow {
  const size = sizeOf(box);
  if (Math.hypot(vx, vy) < (speedSizesPerSMin / 1000) * size) return flow;
  const cell = cellOf(box);
  const ways = flow.filter((way) => way.cell === cell);
  const offBy = (way: Way): number => Math.hypot(vx - way.vx, vy - way.vy) / spreadOfWay(way, size);
  const near = ways.filter((way) => offBy(way) <= 3).sort((a, b) => offBy(a) - offBy(b))[0];
  const fresh: Way = { cell, vx, vy, variance: 0, weight: 1 };
  if (near !== undefined) return replaced(flow, near, blended(near, fresh));
  if (ways.length < waysMax) return [...flow, fresh];
  const rarest = ways.reduce((a, b) => (b.weight < a.weight ? b : a));
  const fading = { ...rarest, weight: rarest.weight - 1 };
  return replaced(flow, rarest, fading.weight > 0 ? fading : fresh);
}

/** The usual velocities where a box is, as far as they are known. */
export function waysAt(flow: Flow, box: Box): Way[] {
  const cell = cellOf(box);
  return flow.filter((way) => way.cell === cell && way.weight >= weightMin);
}

/** What to expect of an object that is seen for the first time. */
export function startAt(
  flow: Flow,
  box: Box,
  { motionHint, speedSizesPerS }: Pick<TrackingSettings, "motionHint" | "speedSizesPerS">,
): Start {
  const vv = (speedSizesPerS / 1000) ** 2;
  const [way, second] = waysAt(flow, box);
  if (way === undefined) {
    const { xPerS, yPerS } = motionHint ?? { xPerS: 0, yPerS: 0 };
    return { vx: xPerS / 1000, vy: yPerS / 1000, vv };
  }
  if (second !== undefined) return { vx: 0, vy: 0, vv };
  const size = sizeOf(box);
  return { vx: way.vx, vy: way.vy, vv: Math.min(vv, (spreadOfWay(way, size) / size) ** 2) };
}

/**
 * Whether something may have come this far in this time by the usual ways: as they go, slower, or up
 * to half as fast again.
 */
export function isUsual(
  ways: readonly Way[],
  [dx, dy]: readonly [number, number],
  elapsedMs: number,
  size: number,
): boolean {
  return ways.some((way) => {
    const [wx, wy] = [way.vx * elapsedMs, way.vy * elapsedMs];
    const along = (dx * wx + dy * wy) / (wx * wx + wy * wy);
    const t = Math.min(1.5, Math.max(0, along));
    const slack = 0.25 * size + 3 * spreadOfWay(way, size) * elapsedMs;
    return Math.hypot(dx - t * wx, dy - t * wy) <= slack;
  });
}

/** Standard deviation of a way's velocity, picture fractions per millisecond. */
function spreadOfWay({ variance }: Way, size: number): number {
  return Math.sqrt(variance + ((spreadSizesPerSMin / 1000) * size) ** 2);
}

function blended(known: Way, { vx, vy }: Way): Way {
  const weight = Math.min(weightMax, known.weight + 1);
  const [dx, dy] = [vx - known.vx, vy - known.vy];
  return {
    cell: known.cell,
    vx: known.vx + dx / weight,
    vy: known.vy + dy / weight,
    variance: (1 - 1 / weight) * (known.variance + (dx * dx + dy * dy) / 2 / weight),
    weight,
  };
}

function replaced(flow: Flow, old: Way, by: Way): Flow {
  return flow.map((way) => (way === old ? by : way));
}

function cellOf(box: Box): number {
  const index = (lo: number, hi: number): number =>
    Math.min(cellsAcross - 1, Math.max(0, Math.floor(((lo + hi) / 2) * cellsAcross)));
  return index(box[1], box[3]) * cellsAcross + index(box[0], box[2]);
}
