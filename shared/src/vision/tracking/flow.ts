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

const cellSchema = z.object({
  /** Row by row from the top left. */
  cell: z.int().check(z.gte(0), z.lt(cellsAcross ** 2)),
  ways: z.array(waySchema).check(z.maxLength(waysMax)),
  /** Share of what moved here lately in none of its ways. */
  stray: z.number().check(z.gte(0), z.lte(1)),
});
type Cell = z.infer<typeof cellSchema>;

export const flowSchema = z.array(cellSchema).check(z.maxLength(cellsAcross ** 2));
export type Flow = z.infer<typeof flowSchema>;

/** Observations that a way remembers; older ones fade, so a belt may change its speed. */
const weightMax = 40;
/** Below this a way is not asked. */
const weightMin = 4;
/** A usual speed is never believed to better than this, in sizes a second. */
const spreadSizesPerSMin = 0.3;
/** Above this share of strays a cell has no usual ways. */
const strayMax = 0.15;
/** How far beside its way something may be found, in sizes. */
const slackSizes = 0.25;
/** Slower than this is standing, in sizes a second. */
const speedSizesPerSMin = 0.4;

/** Adds what one object does where it is. */
export function learnFlow(flow: Flow, box: Box, { vx, vy }: Pick<Motion, "vx" | "vy">): Flow {
  const size = sizeOf(box);
  if (Math.hypot(vx, vy) < (speedSizesPerSMin / 1000) * size) return flow;
  const at = cellOf(box);
  const known = flow.find(({ cell }) => cell === at);
  const seen: Way = { vx, vy, variance: 0, weight: 1 };
  if (known === undefined) return [...flow, { cell: at, ways: [seen], stray: 0 }];
  return flow.map((cell) => (cell === known ? taught(cell, seen, size) : cell));
}

/**
 * The usual velocities where a box is, as far as they are known; none where many go their own way, as
 * people do on a square.
 */
export function waysAt(flow: Flow, box: Box): Way[] {
  const at = cellOf(box);
  const known = flow.find(({ cell }) => cell === at);
  if (known === undefined || known.stray > strayMax) return [];
  return known.ways.filter(({ weight }) => weight >= weightMin);
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
  step: Step,
  elapsedMs: number,
  size: number,
): boolean {
  return ways.some((way) => {
    const slack = slackSizes * size + 3 * spreadOfWay(way, size) * elapsedMs;
    return offWay(way, step, elapsedMs, 1.5) <= slack;
  });
}

/** The same, but neither faster nor to the side, as something that was stopped on its way. */
export function isStraight(
  ways: readonly Way[],
  step: Step,
  elapsedMs: number,
  size: number,
): boolean {
  return ways.some((way) => offWay(way, step, elapsedMs, 1) <= slackSizes * size);
}

/** x and y of a movement, in picture fractions. */
type Step = readonly [number, number];

/** How far from a way a step ends that may take from none to `most` times the way's own time. */
function offWay(way: Way, [dx, dy]: Step, elapsedMs: number, most: number): number {
  const [wx, wy] = [way.vx * elapsedMs, way.vy * elapsedMs];
  const along = (dx * wx + dy * wy) / (wx * wx + wy * wy);
  const t = Math.min(most, Math.max(0, along));
  return Math.hypot(dx - t * wx, dy - t * wy);
}

function taught(cell: Cell, seen: Way, size: number): Cell {
  const { ways } = cell;
  const off = (way: Way): number =>
    Math.hypot(seen.vx - way.vx, seen.vy - way.vy) / spreadOfWay(way, size);
  const near = ways.filter((way) => off(way) <= 3).sort((a, b) => off(a) - off(b))[0];
  const total = ways.reduce((sum, { weight }) => sum + weight, 1);
  const isStray = near === undefined && ways.length === waysMax ? 1 : 0;
  const stray = cell.stray + (isStray - cell.stray) / total;
  if (near !== undefined) return { ...cell, stray, ways: swapped(ways, near, blended(near, seen)) };
  if (ways.length < waysMax) return { ...cell, stray, ways: [...ways, seen] };
  const rarest = ways.reduce((a, b) => (b.weight < a.weight ? b : a));
  const fading = { ...rarest, weight: rarest.weight - 1 };
  return { ...cell, stray, ways: swapped(ways, rarest, fading.weight > 0 ? fading : seen) };
}

/** Standard deviation of a way's velocity, picture fractions per millisecond. */
function spreadOfWay({ variance }: Way, size: number): number {
  return Math.sqrt(variance + ((spreadSizesPerSMin / 1000) * size) ** 2);
}

function blended(known: Way, { vx, vy }: Way): Way {
  const weight = Math.min(weightMax, known.weight + 1);
  const [dx, dy] = [vx - known.vx, vy - known.vy];
  return {
    vx: known.vx + dx / weight,
    vy: known.vy + dy / weight,
    variance: (1 - 1 / weight) * (known.variance + (dx * dx + dy * dy) / 2 / weight),
    weight,
  };
}

function swapped(ways: readonly Way[], old: Way, by: Way): Way[] {
  return ways.map((way) => (way === old ? by : way));
}

function cellOf(box: Box): number {
  const index = (lo: number, hi: number): number =>
    Math.min(cellsAcross - 1, Math.max(0, Math.floor(((lo + hi) / 2) * cellsAcross)));
  return index(box[1], box[3]) * cellsAcross + index(box[0], box[2]);
}
