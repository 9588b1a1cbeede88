/** Who goes with whom at the least total cost. Pure. */

/**
 * Optimal assignment of rows to columns, where a row may also stay alone. Shortest augmenting paths
 * with potentials (Jonker and Volgenant 1987); each row has a private column that stands for staying
 * alone. Optimal rather than greedy, because greedy lets the best pair take what makes two others
 * impossible: in a row of objects that all moved by about half their distance it shifts one of them
 * and strands the rest.
 *
 * Ties go to the lower column, and rows are placed in order, so equal input gives equal output.
 * @param costs row by row; `Infinity` forbids a pair
 * @param aloneCosts what each row costs that gets no column; it makes no pair that costs more
 * @returns the column of each row, -1 for none
 */
export function assign(
  costs: readonly (readonly number[])[],
  aloneCosts: readonly number[],
): number[] {
  const rows = costs.length;
  const columns = costs[0]?.length ?? 0;
  const places = columns + rows;
  const costAt = (row: number, place: number): number => {
    if (place >= columns)
      return (place === columns + row ? aloneCosts[row] : undefined) ?? Number.POSITIVE_INFINITY;
    return costs[row]?.[place] ?? Number.POSITIVE_INFINITY;
  };
  const owner = new Int32Array(places).fill(-1);
  const rowPrice = new Float64Array(rows);
  const placePrice = new Float64Array(places);
  for (let row = 0; row < rows; row++) place(row, owner, rowPrice, placePrice, costAt);
  const found = new Array<number>(rows).fill(-1);
  for (const [column, row] of owner.entries()) {
    if (row >= 0 && column < columns) found[row] = column;
  }
  return found;
}

/** Finds a place for one more row, moving others along the cheapest chain. */
function place(
  start: number,
  owner: Int32Array,
  rowPrice: Float64Array,
  placePrice: Float64Array,
  costAt: (row: number, place: number) => number,
): void {
  const places = owner.length;
  const reached = new Float64Array(places).fill(Number.POSITIVE_INFINITY);
  const cameFrom = new Int32Array(places).fill(-1);
  const settled: number[] = [];
  const isSettled = new Uint8Array(places);
  let row = start;
  let via = -1;
  let walked = 0;
  for (;;) {
    let next = -1;
    for (let at = 0; at < places; at++) {
      if (isSettled[at] === 1) continue;
      const step = walked + costAt(row, at) - (rowPrice[row] ?? 0) - (placePrice[at] ?? 0);
      if (step < (reached[at] ?? 0)) {
        reached[at] = step;
        cameFrom[at] = via;
      }
      if (next < 0 || (reached[at] ?? 0) < (reached[next] ?? 0)) next = at;
    }
    walked = reached[next] ?? 0; // finite: a row's own place can always be reached
    isSettled[next] = 1;
    via = next;
    if ((owner[next] ?? -1) < 0) break;
    settled.push(next);
    row = owner[next] ?? -1;
  }
  rowPrice[start] = (rowPrice[start] ?? 0) + walked;
  for (const at of settled) {
    const saved = walked - (reached[at] ?? 0);
    const held = owner[at] ?? -1;
    rowPrice[held] = (rowPrice[held] ?? 0) + saved;
    placePrice[at] = (placePrice[at] ?? 0) - saved;
  }
  while (via >= 0) {
    const from = cameFrom[via] ?? -1;
    owner[via] = from < 0 ? start : (owner[from] ?? -1);
    via = from;
  }
}
