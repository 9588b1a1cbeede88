/** Counting lines: when an object has crossed one, and in which direction. Pure. */
import * as z from "zod/mini";
import { slug } from "../../ids.ts";
import type { Box } from "../fit.ts";
import { anchorOf, beyondEdges, distanceTo, netCrossings } from "./geometry.ts";
import { sizeOf } from "./motion.ts";
import type { CountingLine } from "./settings.ts";

/** As somebody sees it who looks along the line from its first corner to its last. */
export const directions = ["left-to-right", "right-to-left"] as const;
export type Direction = (typeof directions)[number];

/** What is known about one object and one line. */
export const lineMarkSchema = z.object({
  line: slug,
  /** Crossings since the object was last clear of the line, left to right less right to left. */
  net: z.int(),
  /** When it last crossed and was not clear of the line yet. */
  atMs: z.nullable(z.number()),
});
export type LineMark = z.infer<typeof lineMarkSchema>;

export interface Crossing {
  readonly line: string;
  readonly direction: Direction;
  /** Capture time of the first frame that showed the object beyond the line. */
  readonly atMs: number;
}

export interface LineStep {
  readonly mark: LineMark;
  readonly crossing: Crossing | undefined;
}

export function newLineMark({ name }: CountingLine): LineMark {
  return { line: name, net: 0, atMs: null };
}

/**
 * Takes one step of an object in. Crossings are found on the way between the two places, so a line is
 * also crossed between two frames. They count once the object is clear of the line; what it does
 * before cancels out, so one that trembles on the line crosses it once or not at all.
 */
export function advanceLine(
  mark: LineMark,
  line: CountingLine,
  from: Box,
  to: Box,
  atMs: number,
): LineStep {
  const [p, q] = [anchorOf(from, line.anchor), anchorOf(to, line.anchor)];
  const points = beyondEdges(line.points);
  const crossed = netCrossings(p, q, points);
  const next = crossed === 0 ? mark : { ...mark, net: mark.net + crossed, atMs };
  const isClear = distanceTo(points, q) >= line.marginSizesMin * sizeOf(to);
  return isClear ? settleLine(next) : { mark: next, crossing: undefined };
}

/** Counts what is pending, as at an object's end: it was last seen on the other side. */
export function settleLine(mark: LineMark): LineStep {
  const settled = { ...mark, net: 0, atMs: null };
  if (mark.net === 0 || mark.atMs === null) return { mark: settled, crossing: undefined };
  const direction = mark.net > 0 ? "left-to-right" : "right-to-left";
  return { mark: settled, crossing: { line: mark.line, direction, atMs: mark.atMs } };
}
