/** Whether two pictures show the same thing, tile by tile. */
import { judgedTilesMin, tileAt, tileGrid } from "./bands.ts";
import type { Grey } from "./flatten.ts";
import { drawnBack, identity, type Similarity } from "./similarity.ts";

/** A tile agrees when the likeness of its structure reaches this. */
const likenessMin = 0.5;
/** A tile takes part when the reference's structure in it has at least this mean square. */
const energyMin = 0.15;

export interface Agreement {
  /** Share of the tiles that agree. */
  readonly share: number;
  /** Sum of the tiles' likeness, so that a tile shifted out of the picture counts as unlike. */
  readonly total: number;
  /** Likeness of each tile; NaN where the reference has too little structure. */
  readonly tiles: Float64Array;
}

/** Likeness (normalised cross-correlation) tile by tile; `undefined` with too few tiles. */
export function agreementOf(was: Grey, now: Grey, similarity: Similarity) {
  const moved = similarity === identity ? now : drawnBack(now, similarity);
  const { count, columns, rows } = tileGrid;
  const sums = {
    n: new Uint32Array(count),
    aa: new Float64Array(count),
    bb: new Float64Array(count),
    ab: new Float64Array(count),
  };
  const column = tileAt(was.width, columns);
  const row = tileAt(was.height, rows);
  for (let y = 0; y < was.height; y++) {
    const first = (row[y] ?? 0) * columns;
    for (let x = 0; x < was.width; x++) {
      const b = moved.values[y * was.width + x] ?? 0;
      if (Number.isNaN(b)) continue;
      const a = was.values[y * was.width + x] ?? 0;
      const tile = first + (column[x] ?? 0);
      sums.n[tile] = (sums.n[tile] ?? 0) + 1;
      sums.aa[tile] = (sums.aa[tile] ?? 0) + a * a;
      sums.bb[tile] = (sums.bb[tile] ?? 0) + b * b;
      sums.ab[tile] = (sums.ab[tile] ?? 0) + a * b;
    }
  }
  return shareOf(sums, (was.width * was.height) / count);
}

function shareOf(
  sums: {
    readonly n: Uint32Array;
    readonly aa: Float64Array;
    readonly bb: Float64Array;
    readonly ab: Float64Array;
  },
  tilePixels: number,
): Agreement | undefined {
  const tiles = new Float64Array(sums.n.length).fill(Number.NaN);
  let judged = 0;
  let agreeing = 0;
  let total = 0;
  for (let tile = 0; tile < sums.n.length; tile++) {
    const n = sums.n[tile] ?? 0;
    const [aa, bb, ab] = [sums.aa[tile] ?? 0, sums.bb[tile] ?? 0, sums.ab[tile] ?? 0];
    if (n < tilePixels / 2 || aa / n < energyMin) continue;
    judged++;
    const likeness = bb <= 0 ? 0 : ab / Math.sqrt(aa * bb);
    tiles[tile] = likeness;
    total += Math.max(0, likeness);
    if (likeness >= likenessMin) agreeing++;
  }
  return judged < judgedTilesMin ? undefined : { share: agreeing / judged, total, tiles };
}

/** How much of the unlikeness of the tiles that agree before or after is gone, 0 to 1. */
export function explainedOf(after: Float64Array, before: Float64Array): number {
  let gained = 0;
  let missing = 0;
  after.forEach((likeness, tile) => {
    const was = before[tile] ?? Number.NaN;
    if (Number.isNaN(was + likeness) || Math.max(was, likeness) < likenessMin) return;
    gained += likeness - was;
    missing += 1 - was;
  });
  return missing <= 0 ? 0 : Math.max(0, gained / missing);
}
