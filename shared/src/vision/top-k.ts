/** Indices of the `k` largest values, largest first; among equals the lower index comes first. */
export function topK(values: ArrayLike<number>, k: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = at(values, i);
    if (best.length === k && value <= at(values, best[k - 1] ?? 0)) continue;
    let place = best.length;
    while (place > 0 && value > at(values, best[place - 1] ?? 0)) place--;
    best.splice(place, 0, i);
    if (best.length > k) best.pop();
  }
  return best;
}

function at(values: ArrayLike<number>, index: number): number {
  const value = values[index];
  return value === undefined || Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
}
