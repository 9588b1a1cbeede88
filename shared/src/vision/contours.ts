/** Regions of a label map and their outlines. Pure. */

/** A point of the map in cells: corners of cells have whole numbers. */
export type Corner = readonly [number, number];

/** One connected region of equal cells. */
export interface Region {
  readonly value: number;
  /** Indices of its cells, row by row from the first. */
  readonly cells: readonly number[];
  /** Cells of its box: left, top, right and bottom, the last two exclusive. */
  readonly bounds: readonly [number, number, number, number];
}

/**
 * The regions of cells that touch along a side and hold the same value.
 * @param map row by row
 * @param background cells that belong to no region
 * @param cellsMin smaller regions are left out
 */
export function regionsOf(
  map: ArrayLike<number>,
  width: number,
  background: number,
  cellsMin: number,
): Region[] {
  const seen = new Uint8Array(map.length);
  const regions: Region[] = [];
  for (let start = 0; start < map.length; start++) {
    const value = map[start] ?? background;
    if (seen[start] === 1 || value === background) continue;
    const region = flood(map, width, start, seen);
    if (region.cells.length >= cellsMin) regions.push(region);
  }
  return regions;
}

function flood(map: ArrayLike<number>, width: number, start: number, seen: Uint8Array): Region {
  const value = map[start] ?? 0;
  const height = Math.floor(map.length / width);
  const cells = [start];
  seen[start] = 1;
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i] ?? start;
    const [x, y] = [cell % width, Math.floor(cell / width)];
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + 1);
    bottom = Math.max(bottom, y + 1);
    const take = (next: number, inside: boolean): void => {
      if (!inside || seen[next] === 1 || map[next] !== value) return;
      seen[next] = 1;
      cells.push(next);
    };
    take(cell - 1, x > 0);
    take(cell + 1, x + 1 < width);
    take(cell - width, y > 0);
    take(cell + width, y + 1 < height);
  }
  return { value, cells, bounds: [left, top, right, bottom] };
}

/** Steps along the sides of cells: east, south, west, north. */
const steps = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
] as const;

/**
 * The outer outline of a region, clockwise, as corners where it turns: crack following (Rosenfeld and
 * Kak, "Digital Picture Processing", 1982), with the region always to the right. Holes are filled.
 */
export function outlineOf(region: Region, width: number): Corner[] {
  const cells = new Set(region.cells);
  const [left, top, right, bottom] = region.bounds;
  const holds = (x: number, y: number): boolean =>
    x >= left && x < right && y >= top && y < bottom && cells.has(y * width + x);
  const first = Math.min(...firstRow(region, width));
  let [x, y, heading] = [first, top, 0];
  const corners: Corner[] = [[x, y]];
  do {
    const [dx, dy] = steps[heading] ?? steps[0];
    x += dx;
    y += dy;
    // The cells ahead, right and left of the way.
    const [aheadRight, aheadLeft] = cellsAhead(x, y, heading);
    const turn = !holds(...aheadRight) ? 1 : holds(...aheadLeft) ? 3 : 0;
    if (turn !== 0) corners.push([x, y]);
    heading = (heading + turn) % 4;
  } while (x !== first || y !== top || heading !== 0);
  corners.pop(); // the way ends where it began
  return corners;
}

function firstRow({ cells, bounds }: Region, width: number): number[] {
  return cells.filter((cell) => Math.floor(cell / width) === bounds[1]).map((cell) => cell % width);
}

function cellsAhead(
  x: number,
  y: number,
  heading: number,
): readonly [readonly [number, number], readonly [number, number]] {
  const around = [
    [x, y],
    [x - 1, y],
    [x - 1, y - 1],
    [x, y - 1],
  ] as const;
  const right = around[heading] ?? around[0];
  const left = around[(heading + 3) % 4] ?? around[0];
  return [right, left];
}

/**
 * Leaves corners out that lie within a tolerance of what remains (Douglas and Peucker 1973, on a closed
 * line cut at its first corner and the one farthest from it).
 * @param cornersMax the tolerance is raised until no more are left
 */
export function simplified(
  corners: readonly Corner[],
  tolerance: number,
  cornersMax: number,
): Corner[] {
  const first = corners[0];
  if (first === undefined || corners.length <= 4) return [...corners];
  const far = farthest(corners, (corner) => Math.hypot(corner[0] - first[0], corner[1] - first[1]));
  const halves = [corners.slice(0, far.at + 1), [...corners.slice(far.at), first]];
  for (let bound = tolerance; ; bound = Math.max(0.5, bound * 1.5)) {
    const kept = halves.flatMap((half) => between(half, bound).slice(0, -1));
    // What is thinner than the tolerance is kept as its box, not as a line.
    if (kept.length < 3) return boxOf(corners);
    if (kept.length <= cornersMax) return kept;
  }
}

function boxOf(corners: readonly Corner[]): Corner[] {
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  return [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
}

/** The ends and what lies farther than the tolerance from the way between them. */
function between(line: readonly Corner[], tolerance: number): Corner[] {
  const [from, to] = [line[0], line.at(-1)];
  if (from === undefined || to === undefined || line.length <= 2) return [...line];
  const far = farthest(line, (corner) => distanceTo(from, to, corner));
  if (far.distance <= tolerance) return [from, to];
  const before = between(line.slice(0, far.at + 1), tolerance);
  return [...before.slice(0, -1), ...between(line.slice(far.at), tolerance)];
}

function farthest(line: readonly Corner[], distanceOf: (corner: Corner) => number) {
  let [at, distance] = [0, -1];
  for (const [i, corner] of line.entries()) {
    const own = distanceOf(corner);
    if (own > distance) [at, distance] = [i, own];
  }
  return { at, distance };
}

function distanceTo(from: Corner, to: Corner, p: Corner): number {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length2 = dx * dx + dy * dy;
  const along = length2 > 0 ? ((p[0] - from[0]) * dx + (p[1] - from[1]) * dy) / length2 : 0;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(p[0] - from[0] - t * dx, p[1] - from[1] - t * dy);
}
