/**
 * Searches for the fastest mix of 8-bit and float nodes that loses no more than the budget.
 *
 * Nodes are ranked by the harm that each does alone. The shortest run of worst nodes whose return to
 * float suffices is found by doubling and halving; then each of them, the mildest first, is tried in
 * 8 bits again. Every step is a real evaluation, so what is accepted has been measured. (The order of
 * neural-compressor's mse_v2, with bisection in place of one node at a time.)
 */

/** One evaluation of a mix. */
export interface Trial {
  /** What was mixed: the kind of file, how ranges were found, and what was corrected. */
  readonly of: string;
  /** Keys of the nodes in float, sorted. */
  readonly float: readonly string[];
  readonly lossPoints: number;
}

/** Every trial of a compilation, whatever was mixed; those of an attempt that was broken off too. */
export interface Ledger {
  readonly trials: readonly Trial[];
  note(trial: Trial): void;
}

export function openLedger(
  known: readonly Trial[] = [],
  onTrial: (trial: Trial, trials: readonly Trial[]) => void = () => undefined,
): Ledger {
  const trials = [...known];
  return {
    trials,
    note(trial) {
      trials.push(trial);
      onTrial(trial, trials);
    },
  };
}

export type SearchResult =
  | {
      readonly kind: "within";
      readonly float: readonly string[];
      readonly trials: readonly Trial[];
    }
  | { readonly kind: "over"; readonly best: Trial; readonly trials: readonly Trial[] };

export interface Search {
  /** Trials of other things are not those of this search. */
  readonly of: string;
  readonly lossPointsMax: number;
  readonly trialsMax: number;
  /** Keys of the nodes that may return to float, the most harmful first; asked for when needed. */
  readonly rank: () => Promise<readonly string[]>;
  /** Builds a mix and measures what it loses, in points. */
  readonly evaluate: (float: ReadonlySet<string>) => Promise<number>;
  /** Trials of a search that was broken off: they are not made again. */
  readonly known?: readonly Trial[];
  readonly onTrial?: (trial: Trial) => void;
}

export async function searchMix(search: Search): Promise<SearchResult> {
  const desk = openDesk(search);
  const all = await desk.tryMix([]);
  if (all.fits) return desk.within([]);
  const ranked = await search.rank();
  const count = await shortestPrefix(ranked, desk);
  if (count === undefined) return { kind: "over", best: desk.best(), trials: desk.trials() };
  let float = ranked.slice(0, count);
  for (const key of float.toReversed()) {
    if (float.length === 1 || desk.isSpent()) break; // none at all has been tried first
    const without = float.filter((other) => other !== key);
    if ((await desk.tryMix(without)).fits) float = without;
  }
  return desk.within(float);
}

/** Length of the shortest prefix found that suffices; `undefined` where none was. */
async function shortestPrefix(ranked: readonly string[], desk: Desk): Promise<number | undefined> {
  let tooShort = 0;
  let enough: number | undefined;
  for (let count = 1; tooShort < ranked.length && !desk.isSpent(); count *= 2) {
    const length = Math.min(count, ranked.length);
    if ((await desk.tryMix(ranked.slice(0, length))).fits) {
      enough = length;
      break;
    }
    tooShort = length;
  }
  while (enough !== undefined && enough - tooShort > 1 && !desk.isSpent()) {
    const middle = Math.floor((tooShort + enough) / 2);
    if ((await desk.tryMix(ranked.slice(0, middle))).fits) enough = middle;
    else tooShort = middle;
  }
  return enough;
}

interface Desk {
  tryMix(float: readonly string[]): Promise<{ readonly fits: boolean }>;
  isSpent(): boolean;
  best(): Trial;
  trials(): readonly Trial[];
  within(float: readonly string[]): SearchResult;
}

function openDesk(search: Search): Desk {
  const done = new Map(
    (search.known ?? [])
      .filter((trial) => trial.of === search.of)
      .map((trial) => [nameOf(trial.float), trial]),
  );
  const fits = ({ lossPoints }: Trial): boolean => lossPoints <= search.lossPointsMax + 1e-9;
  const trials = (): readonly Trial[] => [...done.values()];
  return {
    async tryMix(list) {
      const float = [...list].sort();
      const known = done.get(nameOf(float));
      if (known !== undefined) return { fits: fits(known) };
      const trial = { of: search.of, float, lossPoints: await search.evaluate(new Set(float)) };
      done.set(nameOf(float), trial);
      search.onTrial?.(trial);
      return { fits: fits(trial) };
    },
    isSpent: () => done.size >= search.trialsMax,
    best() {
      const [best] = trials().toSorted((a, b) => a.lossPoints - b.lossPoints);
      if (best === undefined) throw new Error("nothing was tried");
      return best;
    },
    trials,
    within: (float) => ({ kind: "within", float: [...float].sort(), trials: trials() }),
  };
}

function nameOf(float: readonly string[]): string {
  return JSON.stringify([...float].sort());
}
