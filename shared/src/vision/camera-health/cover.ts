/** How much of the picture something before the lens hides. */
import { judgedTilesMin } from "./bands.ts";
import type { Tile } from "./compare.ts";
import { besides, neighbours, patternLikeness } from "./layout.ts";
import { median, quantile } from "./tone.ts";

/** Below this share of its contrast a tile counts as lost. */
const lostContrastShare = 0.3;
/** With more of the fine band left than this the picture is in focus, and the fine band tells. */
const fineKeptMin = 0.35;
/** A picture without contrast that still has the reference's pattern is defocused or fogged. */
const patternLikenessMin = 0.35;
/** Unlit tiles count as covered while the lit ones have at least this share of their brightness. */
const litGainMin = 0.5;
/** Around a cover, which is out of focus, at most this share of the fine structure is left. */
const rimFineMax = 0.8;
/** Its soft edge leaves at least this share of the middle band in the tiles it lies in. */
const rimMiddleMin = 0.27;
/** Larger groups are covers whatever lies around them. */
const thingShareMax = 0.3;

/**
 * Share of the tiles that have lost their structure in the largest patch of them; 1 when all is lost and
 * the reference's pattern too. Unlit tiles count while the rest is as bright as it was: a lamp that
 * went out in one half of a hall looks the same, unless the reference has seen it. A small group
 * with sharp structure around it is a thing that stands there.
 * @param means of all tiles, grey levels
 * @returns `null` where too few tiles can be judged
 */
export function coveredShareOf(
  tiles: readonly Tile[],
  means: { readonly now: ArrayLike<number>; readonly was: ArrayLike<number> },
): number | null {
  const visible = tiles.filter(({ state }) => state === "visible");
  const lit = median(visible.map(({ gain }) => gain)) ?? 0;
  const judged = tiles.map(
    ({ state }) => state === "visible" || (state === "unlit" && lit >= litGainMin),
  );
  const seen = judged.filter(Boolean).length;
  if (seen < judgedTilesMin || visible.length < seen / 20) return null;
  const most = upper(visible.map(({ middle }) => middle));
  if (most < lostContrastShare) {
    return patternLikeness(means.now, means.was) >= patternLikenessMin ? 0 : 1;
  }
  const mostFine = upper(visible.map(({ fine }) => fine));
  const lost = tiles.map(
    (tile, i) =>
      judged[i] === true && (tile.state === "unlit" || isLost(tile, lit, most, mostFine)),
  );
  const grouped = lost.map((is, tile) => is && hasLostNeighbours(tile, lost, judged));
  const conducts = tiles.map(({ state }, tile) => grouped[tile] === true || state === "plain");
  const largest = largestPatch(grouped, conducts);
  const share = largest.filter(Boolean).length / seen;
  return share < thingShareMax && isThing(tiles, largest, judged, mostFine) ? 0 : share;
}

/** Lost tiles that hang together, across tiles of which nothing is known: a cover is one thing. */
function largestPatch(lost: readonly boolean[], conducts: readonly boolean[]): readonly boolean[] {
  const patchOf = new Int16Array(lost.length).fill(-1);
  let best = { patch: -1, size: 0 };
  lost.forEach((is, start) => {
    if (!is || (patchOf[start] ?? 0) >= 0) return;
    let size = 0;
    const open = [start];
    patchOf[start] = start;
    for (let tile = open.pop(); tile !== undefined; tile = open.pop()) {
      if (lost[tile] === true) size++;
      for (const next of besides(tile)) {
        if (conducts[next] !== true || (patchOf[next] ?? 0) === start) continue;
        patchOf[next] = start;
        open.push(next);
      }
    }
    if (size > best.size) best = { patch: start, size };
  });
  return lost.map((is, tile) => is && patchOf[tile] === best.patch);
}

/** The best tenth, at most as it was. */
function upper(values: readonly number[]): number {
  return Math.min(1, quantile(values, 0.9) ?? 0);
}

/**
 * The soft edge of a cover has a middle band but no fine one, so the fine band tells while there is
 * one. It is held against the light on the rest, since the edge of a dark cover has contrast of its
 * own; in a shadow, which is as dark, the fine contrast stays.
 */
function isLost(
  { middle, fine, gain }: Tile,
  lit: number,
  most: number,
  mostFine: number,
): boolean {
  if (mostFine < fineKeptMin) return middle < lostContrastShare * most;
  const inLight = fine * Math.min(1, gain / lit);
  return inLight < lostContrastShare * mostFine && fine < 0.6 * mostFine;
}

function hasLostNeighbours(
  tile: number,
  lost: readonly boolean[],
  judged: readonly boolean[],
): boolean {
  const around = neighbours(tile).filter((other) => judged[other] === true);
  const gone = around.filter((other) => lost[other] === true);
  return gone.length >= Math.max(2, 0.3 * around.length);
}

/** Sharp outside and without a soft edge inside: that is in focus, so it stands in the scene. */
function isThing(
  tiles: readonly Tile[],
  grouped: readonly boolean[],
  judged: readonly boolean[],
  mostFine: number,
): boolean {
  const borders = (tile: number, on: boolean) =>
    neighbours(tile).some((other) => judged[other] === true && grouped[other] === on);
  const outer = tiles.filter(
    (_, i) => judged[i] === true && grouped[i] !== true && borders(i, true),
  );
  const inner = tiles.filter((_, i) => grouped[i] === true && borders(i, false));
  const fine = median(outer.map((tile) => tile.fine)) ?? 0;
  const softness =
    quantile(
      inner.map(({ middle }) => middle),
      0.75,
    ) ?? 0;
  return fine > rimFineMax * mostFine && softness < rimMiddleMin;
}
