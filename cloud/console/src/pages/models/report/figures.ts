/** What the pages work out from a compile report. Pure. */
import type {
  CompiledOperators,
  CompileScore,
  LayerNoise,
} from "@fieldloop/shared/manifest/compile-report";

export interface ClassRow {
  readonly name: string;
  /** Shares between 0 and 1; `undefined` where a side did not see the class. */
  readonly before: number | undefined;
  readonly after: number | undefined;
  /** Points (hundredths) lost, 0 where a side is missing. */
  readonly lost: number;
}

/** Figures by class, the largest loss first, then by name. */
export function classRows(before: CompileScore, after: CompileScore): readonly ClassRow[] {
  const names = new Set([...Object.keys(before.perClass), ...Object.keys(after.perClass)]);
  return [...names]
    .map((name) => {
      const [a, b] = [before.perClass[name], after.perClass[name]];
      const lost = a === undefined || b === undefined ? 0 : (a - b) * 100;
      return { name, before: a, after: b, lost };
    })
    .sort((x, y) => y.lost - x.lost || x.name.localeCompare(y.name, "en"));
}

export interface OperatorRow {
  readonly name: string;
  readonly int8: number;
  readonly float: number;
}

/** Operators of both kinds, the most frequent first, then by name. */
export function operatorRows({ int8, float }: CompiledOperators): readonly OperatorRow[] {
  const names = new Set([...Object.keys(int8), ...Object.keys(float)]);
  return [...names]
    .map((name) => ({ name, int8: int8[name] ?? 0, float: float[name] ?? 0 }))
    .sort((x, y) => y.int8 + y.float - x.int8 - x.float || x.name.localeCompare(y.name, "en"));
}

/** A layer and its place in the graph, counted from 1. */
export interface PlacedLayer extends LayerNoise {
  readonly place: number;
}

export const placed = (layers: readonly LayerNoise[]): readonly PlacedLayer[] =>
  layers.map((layer, i) => ({ ...layer, place: i + 1 }));

/** Worst first; of equals the earlier one. */
export const worstFirst = (layers: readonly PlacedLayer[]): readonly PlacedLayer[] =>
  layers.toSorted((a, b) => a.sqnrDb - b.sqnrDb || a.place - b.place);

/** In graph order, at most `binsMax` of them: of neighbours that share a bin the noisiest stands for all. */
export function binned(layers: readonly PlacedLayer[], binsMax: number): readonly PlacedLayer[] {
  const size = Math.max(1, Math.ceil(layers.length / binsMax));
  const bins: PlacedLayer[] = [];
  for (let at = 0; at < layers.length; at += size) {
    const [worst] = worstFirst(layers.slice(at, at + size));
    if (worst !== undefined) bins.push(worst);
  }
  return bins;
}

/** The middle value, or the mean of the two in the middle; `undefined` of nothing. */
export function medianOf(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [
    sorted[Math.floor((sorted.length - 1) / 2)],
    sorted[Math.floor(sorted.length / 2)],
  ];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

/** Ends of the decibel axis in whole tens; 0 is always on it. */
export function decibelRange(layers: readonly LayerNoise[]): readonly [number, number] {
  const values = layers.map(({ sqnrDb }) => sqnrDb);
  const low = Math.min(0, ...values);
  const high = Math.max(10, ...values);
  return [Math.floor(low / 10) * 10, Math.ceil(high / 10) * 10];
}

/** Steps of ten, or of more where that would be over six lines. */
export function decibelTicks([low, high]: readonly [number, number]): readonly number[] {
  const step = Math.max(1, Math.ceil((high - low) / 60)) * 10;
  const first = Math.ceil(low / step) * step;
  return Array.from({ length: Math.floor((high - first) / step) + 1 }, (_, i) => first + i * step);
}

/** `0.00` and never `-0.00`. */
export function pointsText(points: number): string {
  const text = Math.abs(points).toFixed(2);
  return Number(text) === 0 || points > 0 ? text : `−${text}`;
}
