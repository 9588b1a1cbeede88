/** Telemetry points turned into what a chart draws. Pure. */
import type { AccuracyPoint, SeriesPoint } from "@fieldloop/shared/contract/devices";

export interface Line {
  readonly name: string;
  /** CSS variable of the colour. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  /** How often something happened: low bars behind the lines, in numbers and not in the unit of y. */
  readonly isCount?: true;
}

export interface ChartData {
  /** Unix milliseconds, ascending. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
}

export const seriesMax = 5;
const gapFactor = 2.5;

/**
 * Puts an empty point wherever windows are missing, so that a gap is drawn as a gap.
 * @param expectedMs the usual distance of two points
 */
export function withGaps<P extends { readonly at: number }>(
  points: readonly P[],
  expectedMs: number,
): readonly (P | { readonly at: number; readonly gap: true })[] {
  return points.flatMap((point, i) => {
    const next = points[i + 1];
    if (next === undefined || next.at - point.at <= expectedMs * gapFactor) return [point];
    return [point, { at: point.at + expectedMs, gap: true as const }];
  });
}

type Pick = (point: SeriesPoint) => number | null;

/** One chart's lines from the points of a range. */
export function linesOf(
  points: readonly SeriesPoint[],
  expectedMs: number,
  picks: readonly { readonly name: string; readonly pick: Pick }[],
): ChartData {
  const spaced = withGaps(points, expectedMs);
  return {
    times: spaced.map((point) => point.at),
    lines: picks.map(({ name, pick }, i) => ({
      name,
      colour: `--series-${i + 1}`,
      values: spaced.map((point) => ("gap" in point ? null : pick(point))),
    })),
  };
}

/** Most frequent classes first; those beyond the fifth are counted together as `other`. */
export function classesOf(points: readonly SeriesPoint[]): readonly string[] {
  const totals = new Map<string, number>();
  for (const point of points)
    for (const [name, n] of Object.entries(point.classes))
      totals.set(name, (totals.get(name) ?? 0) + n);
  return [...totals].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([name]) => name);
}

/** Share of each class in each point; `null` where nothing was counted. */
export function classShares(
  points: readonly SeriesPoint[],
  expectedMs: number,
  other: string,
): ChartData {
  const names = classesOf(points);
  const shown = names.length > seriesMax ? names.slice(0, seriesMax - 1) : names;
  const rest = names.slice(shown.length);
  const share = (of: readonly string[]) => (point: SeriesPoint) => {
    const sum = (keys: readonly string[]) =>
      keys.reduce((n, key) => n + (point.classes[key] ?? 0), 0);
    const all = sum(names);
    return all === 0 ? null : sum(of) / all;
  };
  return linesOf(points, expectedMs, [
    ...shown.map((name) => ({ name, pick: share([name]) })),
    ...(rest.length > 0 ? [{ name: other, pick: share(rest) }] : []),
  ]);
}

/** The share that agrees and how many were labelled, each step drawn in its middle. */
export function agreementOf(
  points: readonly AccuracyPoint[],
  stepMs: number,
  names: { readonly share: string; readonly labels: string },
): ChartData {
  const spaced = withGaps(points, stepMs / 2); // a step without labels is a gap, however short
  const of = (value: (point: AccuracyPoint) => number) =>
    spaced.map((point) => ("gap" in point ? null : value(point)));
  return {
    times: spaced.map(({ at }) => at + stepMs / 2),
    lines: [
      {
        name: names.share,
        colour: "--series-1",
        values: of(({ agreed, labelled }) => agreed / labelled),
      },
      { name: names.labels, colour: "--control", values: of((p) => p.labelled), isCount: true },
    ],
  };
}

/** Sums up from the first line, so that areas can be drawn on each other. */
export function stacked(lines: readonly Line[]): readonly Line[] {
  const sums: (number | null)[][] = [];
  for (const line of lines) {
    const below = sums.at(-1);
    sums.push(line.values.map((v, i) => (v === null ? null : v + (below?.[i] ?? 0))));
  }
  return lines.map((line, i) => ({ ...line, values: sums[i] ?? [] }));
}

/** How a line's values are written: counts whole, whatever the unit of the chart. */
export const formatOf = (line: Line, format: (value: number) => string) =>
  line.isCount ? (value: number) => String(value) : format;

export interface Extent {
  readonly last: number;
  readonly lastAt: number;
  readonly min: number;
  readonly max: number;
}

/** Last, least and greatest value of a line; `undefined` where it has none. */
export function extentOf(data: ChartData, line: Line): Extent | undefined {
  const known = line.values.flatMap((v, i) => {
    const at = data.times[i];
    return v === null || at === undefined ? [] : [{ v, at }];
  });
  const last = known.at(-1);
  if (last === undefined) return undefined;
  const values = known.map(({ v }) => v);
  return {
    last: last.v,
    lastAt: last.at,
    min: values.reduce((a, b) => Math.min(a, b)),
    max: values.reduce((a, b) => Math.max(a, b)),
  };
}
