/** Plane geometry in picture fractions: x to the right, y down. Pure. */
import type { Box } from "../fit.ts";

/** x and y as fractions of the picture. */
export type Point = readonly [number, number];

/** Which point of a box stands for the object: where it touches the ground, or its middle. */
export const anchors = ["bottom-centre", "centre"] as const;
export type Anchor = (typeof anchors)[number];

export const polygonCornersMin = 3;
export const polygonCornersMax = 64;
export const lineCornersMax = 16;

export function anchorOf(box: Box, anchor: Anchor): Point {
  return [(box[0] + box[2]) / 2, anchor === "centre" ? (box[1] + box[3]) / 2 : box[3]];
}

/**
 * On which side of the line from `a` to `b` a point lies: positive on the right for somebody who
 * walks from `a` to `b` in a picture whose y points down, negative on the left, 0 on it.
 */
export function sideOf(a: Point, b: Point, p: Point): number {
  return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]);
}

/**
 * How the step from `p` to `q` crosses the segment from `a` to `b`: 1 from its left to its right,
 * -1 from right to left, 0 not at all. A point exactly on a line counts as right of it, for both
 * lines, so a path that goes through a corner that two segments share crosses just one of them.
 */
export function crossingOf(p: Point, q: Point, a: Point, b: Point): -1 | 0 | 1 {
  const before = sideOf(a, b, p) >= 0;
  const after = sideOf(a, b, q) >= 0;
  if (before === after) return 0;
  if (sideOf(p, q, a) >= 0 === sideOf(p, q, b) >= 0) return 0;
  return after ? 1 : -1;
}

/**
 * A line that ends on the picture's edge goes on beyond it: the boxes of objects that the edge cuts
 * have their anchor on the edge itself, or a rounding error outside it.
 */
export function beyondEdges(line: readonly Point[]): readonly Point[] {
  return [...outside(line[0]), ...line, ...outside(line.at(-1))];
}

/** One picture further out, for a point on the edge. */
function outside(end: Point | undefined): readonly Point[] {
  if (end === undefined || !end.some((v) => v === 0 || v === 1)) return [];
  const out = (v: number): number => (v === 0 ? -1 : v === 1 ? 2 : v);
  return [[out(end[0]), out(end[1])]];
}

/** Crossings of a polyline by one step, left to right less right to left. */
export function netCrossings(p: Point, q: Point, line: readonly Point[]): number {
  return segmentsOf(line).reduce((net, [a, b]) => net + crossingOf(p, q, a, b), 0);
}

/**
 * Whether a polygon holds a point: a ray to the right crosses its outline an odd number of times
 * (Shimrat 1962, half-open edges). The outline itself belongs to one of the two sides.
 */
export function contains(polygon: readonly Point[], [x, y]: Point): boolean {
  let inside = false;
  for (const [a, b] of segmentsOf(polygon, true)) {
    if (a[1] > y === b[1] > y) continue;
    if (x < a[0] + ((y - a[1]) / (b[1] - a[1])) * (b[0] - a[0])) inside = !inside;
  }
  return inside;
}

/** Distance from a point to the nearest spot of a polyline, in picture fractions. */
export function distanceTo(line: readonly Point[], p: Point, closed = false): number {
  return Math.min(...segmentsOf(line, closed).map(([a, b]) => distanceToSegment(a, b, p)));
}

/** What is wrong with a polygon, as one sentence; `undefined` where nothing is. */
export function polygonProblem(corners: readonly Point[]): string | undefined {
  return outlineProblem(corners, "polygon", polygonCornersMin, polygonCornersMax, true);
}

/** What is wrong with a counting line, as one sentence; `undefined` where nothing is. */
export function lineProblem(corners: readonly Point[]): string | undefined {
  return outlineProblem(corners, "line", 2, lineCornersMax, false);
}

function outlineProblem(
  corners: readonly Point[],
  what: string,
  cornersMin: number,
  cornersMax: number,
  closed: boolean,
): string | undefined {
  if (corners.length < cornersMin || corners.length > cornersMax) {
    return `a ${what} has ${cornersMin} to ${cornersMax} corners, this one has ${corners.length}`;
  }
  const outside = corners.findIndex((corner) => !corner.every((v) => v >= 0 && v <= 1));
  if (outside >= 0) {
    const at = (corners[outside] ?? []).join(", ");
    return `corner ${outside + 1} (${at}) lies outside the picture; use fractions from 0 to 1`;
  }
  const segments = segmentsOf(corners, closed);
  const twin = segments.findIndex(([a, b]) => a[0] === b[0] && a[1] === b[1]);
  if (twin >= 0) return `corner ${twin + 1} of the ${what} and the next are the same; remove one`;
  return tangleProblem(segments, what, closed);
}

/** Neighbours may share their corner and nothing more, other segments nothing at all. */
function tangleProblem(
  segments: readonly (readonly [Point, Point])[],
  what: string,
  closed: boolean,
): string | undefined {
  const last = segments.length - 1;
  for (const [i, [a, b]] of segments.entries()) {
    for (const [j, [c, d]] of segments.entries()) {
      if (j <= i) continue;
      const meets =
        j === i + 1
          ? foldsBack(a, b, d)
          : closed && i === 0 && j === last
            ? foldsBack(c, d, b)
            : touches(a, b, c, d);
      if (meets) {
        return `sides ${i + 1} and ${j + 1} of the ${what} cross or touch; draw it without crossings`;
      }
    }
  }
  return undefined;
}

/** Whether the way from `corner` to `next` lies on the way that led from `from` to `corner`. */
function foldsBack(from: Point, corner: Point, next: Point): boolean {
  const ahead =
    (corner[0] - from[0]) * (next[0] - corner[0]) + (corner[1] - from[1]) * (next[1] - corner[1]);
  return sideOf(from, corner, next) === 0 && ahead < 0;
}

/** Whether two segments share any point. */
function touches(a: Point, b: Point, c: Point, d: Point): boolean {
  const [s1, s2] = [Math.sign(sideOf(a, b, c)), Math.sign(sideOf(a, b, d))];
  const [s3, s4] = [Math.sign(sideOf(c, d, a)), Math.sign(sideOf(c, d, b))];
  if (s1 * s2 < 0 && s3 * s4 < 0) return true;
  return (
    (s1 === 0 && within(a, b, c)) ||
    (s2 === 0 && within(a, b, d)) ||
    (s3 === 0 && within(c, d, a)) ||
    (s4 === 0 && within(c, d, b))
  );
}

/** Whether a point on the line through `a` and `b` lies between them. */
function within(a: Point, b: Point, p: Point): boolean {
  const between = (from: number, to: number, v: number): boolean =>
    v >= Math.min(from, to) && v <= Math.max(from, to);
  return between(a[0], b[0], p[0]) && between(a[1], b[1], p[1]);
}

function segmentsOf(corners: readonly Point[], closed = false): (readonly [Point, Point])[] {
  return corners.flatMap((corner, i) => {
    const next = corners[i + 1] ?? (closed ? corners[0] : undefined);
    return next === undefined ? [] : [[corner, next] as const];
  });
}

function distanceToSegment(a: Point, b: Point, p: Point): number {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length2 = dx * dx + dy * dy;
  const along = length2 > 0 ? ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length2 : 0;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(p[0] - a[0] - t * dx, p[1] - a[1] - t * dy);
}
