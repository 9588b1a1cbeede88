/** What passed before a device's cameras, as rows. Pure. */
import type { SeriesPoint } from "@fieldloop/shared/contract/devices";
import { readTallyKey, type TallyKey } from "@fieldloop/shared/vision/tracking/tally";
import { tv } from "../../text/t-cameras.ts";

export interface FactRow {
  readonly key: string;
  readonly text: string;
  readonly count: number;
}

/** Objects first, then lines, then zones, each by its count; kinds of a newer agent are left out. */
export function factRows(points: readonly Pick<SeriesPoint, "facts">[]): readonly FactRow[] {
  const counts = new Map<string, number>();
  for (const { facts } of points)
    for (const [key, n] of Object.entries(facts)) counts.set(key, (counts.get(key) ?? 0) + n);
  const rank = { object: 0, line: 1, zone: 2 } as const;
  return [...counts]
    .flatMap(([key, count]) => {
      const read = readTallyKey(key);
      // A correction may have taken back all that a class was counted.
      return read === undefined || count === 0 ? [] : [{ key, read, count }];
    })
    .sort((a, b) => rank[a.read.kind] - rank[b.read.kind] || b.count - a.count)
    .map(({ key, read, count }) => ({ key, text: textOf(read), count }));
}

function textOf(key: TallyKey): string {
  switch (key.kind) {
    case "object":
      return tv("facts.object", { label: key.label });
    case "line":
      return key.direction === "left-to-right"
        ? tv("facts.forwards", { line: key.line, label: key.label })
        : tv("facts.backwards", { line: key.line, label: key.label });
    case "zone":
      return tv("facts.zone", { zone: key.zone, what: key.what });
  }
}
