/**
 * Lines that an object crossed before it was first seen. A fast object is in the picture for a few
 * frames only; when the first of them are lost it is first seen beyond the line. Pure.
 */
import type { Box } from "../fit.ts";
import type { Happening } from "./events.ts";
import { anchorOf, beyondEdges, distanceTo, netCrossings, type Point } from "./geometry.ts";
import { sizeOf } from "./motion.ts";
import type { CountingLine } from "./settings.ts";
import type { Track } from "./track.ts";

/**
 * What happened on the straight way from the picture's edge to where a track, just confirmed, was
 * first seen. Nothing did where that way takes longer than the line's `unseenMsMax`, or where an
 * object was lost on it: then this one may be that one, which has had its own crossings.
 * @param others live tracks
 */
export function crossingsBefore(
  track: Track,
  others: readonly Track[],
  lines: readonly CountingLine[],
): Happening[] {
  const elapsedMs = entryMs(track);
  const edge = moved(track.first, -track.motion.vx * elapsedMs, -track.motion.vy * elapsedMs);
  if (others.some((other) => isLostBetween(other, track, edge))) return [];
  return lines
    .filter(({ unseenMsMax }) => elapsedMs <= unseenMsMax)
    .flatMap((line): Happening[] => {
      const [from, to] = [anchorOf(edge, line.anchor), anchorOf(track.first, line.anchor)];
      const net = netCrossings(from, to, beyondEdges(line.points));
      const direction = net > 0 ? "left-to-right" : "right-to-left";
      const crossing = { line: line.name, direction, atMs: track.firstSeenAtMs } as const;
      return net === 0 ? [] : [{ kind: "line-crossed", ...crossing }];
    });
}

/** How long before it was first seen its centre came in; `Infinity` for one that stands. */
function entryMs({ first, motion }: Track): number {
  const [x, y] = centre(first);
  const since = (at: number, v: number): number =>
    v > 0 ? at / v : v < 0 ? (at - 1) / v : Infinity;
  return Math.min(since(x, motion.vx), since(y, motion.vy));
}

function isLostBetween(other: Track, track: Track, edge: Box): boolean {
  if (other.phase !== "lost" || other.lastSeenAtMs >= track.firstSeenAtMs) return false;
  const way = [centre(edge), centre(track.first)];
  return distanceTo(way, centre(other.observed)) <= sizeOf(track.first);
}

function centre(box: Box): Point {
  return anchorOf(box, "centre");
}

function moved(box: Box, dx: number, dy: number): Box {
  return [box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy];
}
