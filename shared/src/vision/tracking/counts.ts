/** How many objects of each class have crossed each line in each direction. Pure. */
import * as z from "zod/mini";
import { count, slug } from "../../ids.ts";
import { type Direction, directions } from "./lines.ts";
import type { CountedCrossing } from "./marks.ts";
import { trackingLimits } from "./settings.ts";

/** Classes beyond `countedLabelsMax` of a line and direction are counted under this name. */
export const otherLabel = "(other)";

const entriesMax =
  trackingLimits.linesMax * directions.length * (trackingLimits.countedLabelsMax + 1);

export const countsSchema = z
  .array(
    z.object({
      line: slug,
      direction: z.enum(directions),
      label: z.string().check(z.minLength(1), z.maxLength(128)),
      count,
    }),
  )
  .check(z.maxLength(entriesMax));
export type Counts = z.infer<typeof countsSchema>;

/** Counts one crossing; returns also the class it went under. */
export function countCrossing(counts: Counts, crossing: CountedCrossing): [Counts, string] {
  const label = placeOf(counts, crossing);
  const at = counts.findIndex((entry) => isOf(entry, crossing) && entry.label === label);
  const known = counts[at];
  if (known === undefined) return [[...counts, { ...crossing, label, count: 1 }], label];
  return [
    counts.map((entry, i) => (i === at ? { ...known, count: known.count + 1 } : entry)),
    label,
  ];
}

/** Moves one crossing to another class. */
export function correctCrossing(counts: Counts, was: CountedCrossing, label: string): Counts {
  const less = counts
    .map((entry) =>
      isOf(entry, was) && entry.label === was.label ? { ...entry, count: entry.count - 1 } : entry,
    )
    .filter((entry) => entry.count > 0);
  return countCrossing(less, { ...was, label })[0];
}

/** All classes of a line in one direction together. */
export function totalOf(counts: Counts, line: string, direction: Direction): number {
  const entries = counts.filter((entry) => isOf(entry, { line, direction }));
  return entries.reduce((sum, entry) => sum + entry.count, 0);
}

function placeOf(counts: Counts, crossing: CountedCrossing): string {
  const labels = counts.filter((entry) => isOf(entry, crossing)).map(({ label }) => label);
  const fits = labels.includes(crossing.label) || labels.length < trackingLimits.countedLabelsMax;
  return fits ? crossing.label : otherLabel;
}

function isOf(
  entry: Pick<CountedCrossing, "line" | "direction">,
  { line, direction }: Pick<CountedCrossing, "line" | "direction">,
): boolean {
  return entry.line === line && entry.direction === direction;
}
