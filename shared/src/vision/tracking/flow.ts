/**
 * How things usually move in each part of the picture, learned from the objects themselves. A new
 * object has no velocity yet; where it moves farther from frame to frame than half the way to its
 * neighbour, the neighbour would look like the object itself. What moved here before tells the two
 * apart. Pure.
 */
import * as z from "zod/mini";
import type { Box } from "../fit.ts";
import { type Motion, type Start, sizeOf } from "./motion.ts";
import type { TrackingSettings } from "./settings.ts";

/** Cells across and down. */
const cellsAcross = 8;

export const flowSchema = z
  .array(
    z.object({
      cell: z.int().check(z.gte(0), z.lt(cellsAcross ** 2)),
      /** Mean velocity, picture fractions per millisecond. */
      vx: z.number(),
      vy: z.number(),
      /** Mean squared deviation from it, per axis. */
      variance: z.number().check(z.gte(0)),
      /** Observations, up to where they only replace older ones. */
      weight: z.number().check(z.gte(0)),
    }),
  )
  .check(z.maxLength(cellsAcross ** 2));
export type Flow = z.infer<typeof flowSchema>;

/** Observations that a cell remembers; older ones fade, so a belt may change its speed. */
const weightMax = 40;
/** Below this a cell is not asked. */
const weightMin = 3;
/** A learned speed is never believed to better than this, in sizes a second. */
const spreadSizesPerSMin = 1;

/** Adds what one object does where it is. */
export function learnFlow(flow: Flow, box: Box, { vx, vy }: Pick<Motion, "vx" | "vy">): Flow {
  const cell = cellOf(box);
  const known = flow.find((entry) => entry.cell === cell);
  if (known === undefined) return [...flow, { cell, vx, vy, variance: 0, weight: 1 }];
  const weight = Math.min(weightMax, known.weight + 1);
  const [dx, dy] = [vx - known.vx, vy - known.vy];
  const deviation = (dx * dx + dy * dy) / 2;
  const learned = {
    cell,
    vx: known.vx + dx / weight,
    vy: known.vy + dy / weight,
    variance: (1 - 1 / weight) * (known.variance + deviation / weight),
    weight,
  };
  return flow.map((entry) => (entry.cell === cell ? learned : entry));
}

/** What to expect of an object that is seen for the first time. */
export function startAt(
  flow: Flow,
  box: Box,
  { motionHint, speedSizesPerS }: Pick<TrackingSettings, "motionHint" | "speedSizesPerS">,
): Start {
  const cell = cellOf(box);
  const known = flow.find((entry) => entry.cell === cell && entry.weight >= weightMin);
  const unknown = (speedSizesPerS / 1000) ** 2;
  if (known === undefined) {
    const [vx, vy] = motionHint === null ? [0, 0] : [motionHint.xPerS, motionHint.yPerS];
    return { vx: vx / 1000, vy: vy / 1000, vv: unknown };
  }
  const spread = (spreadSizesPerSMin / 1000) ** 2 + known.variance / sizeOf(box) ** 2;
  return { vx: known.vx, vy: known.vy, vv: Math.min(unknown, spread) };
}

function cellOf(box: Box): number {
  const index = (lo: number, hi: number): number =>
    Math.min(cellsAcross - 1, Math.max(0, Math.floor(((lo + hi) / 2) * cellsAcross)));
  return index(box[1], box[3]) * cellsAcross + index(box[0], box[2]);
}
