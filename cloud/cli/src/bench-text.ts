/** Speeds of a version's files, for people. */
import type { Benchmark, BenchmarkFigures } from "@fieldloop/shared/contract/benchmarks";
import { type TableLook, table } from "./table.ts";
import { agoText, bytesText, plain } from "./text.ts";

type Measured = BenchmarkFigures["variants"][number];

/** What one machine measured: a table of its files, and what it is. */
export function benchText(figures: BenchmarkFigures, look: TableLook): string {
  const { processor, features, threads, rssBytes, temperatureC, passedOver } = figures;
  const rows = table<Measured>(
    figures.variants,
    [
      { title: "FILE", cell: ({ kind }) => kind },
      { title: "P50", cell: ({ latency }) => ms(latency.subjectMs.p50), right: true },
      { title: "P95", cell: ({ latency }) => ms(latency.subjectMs.p95), right: true },
      { title: "REFERENCE P50", cell: ({ latency }) => ms(latency.referenceMs.p50), right: true },
      { title: "TIMES AS FAST", cell: ({ latency }) => times(latency), right: true },
      { title: "AT LEAST", cell: ({ latency }) => latency.ratioLower90.toFixed(2), right: true },
      { title: "PAIRS", cell: ({ latency }) => latency.pairs, right: true },
      { title: "PROVIDER", cell: ({ provider }) => provider },
    ],
    look,
  );
  const heat = temperatureC === null ? "" : `, ${temperatureC.toFixed(1)} °C`;
  const lines = [
    `${plain(processor)}; ${features.join(", ") || "no known features"}; ${threads} ${threads === 1 ? "thread" : "threads"}, ${bytesText(rssBytes)} resident${heat}`,
    ...passedOver.map(({ kind, reason }) => `${kind} was not measured: ${plain(reason)}`),
  ];
  return `${rows}${lines.join("\n")}\n`;
}

/** Measurements on devices, by profile: one line a file, or what stands in its way. */
export function benchmarksText(
  items: readonly Benchmark[],
  nowMs: number,
  look: TableLook,
): string {
  const rows = items
    .toSorted((a, b) => compare(a.profile, b.profile) || compare(a.device, b.device))
    .flatMap<{ readonly one: Benchmark; readonly measured: Measured | undefined }>((one) =>
      one.figures === null
        ? [{ one, measured: undefined }]
        : one.figures.variants.map((measured) => ({ one, measured })),
    );
  return table(
    rows,
    [
      { title: "PROFILE", cell: ({ one }) => one.profile },
      { title: "DEVICE", cell: ({ one }) => one.device },
      { title: "FILE", cell: ({ measured }) => measured?.kind },
      { title: "P50", cell: ({ measured: m }) => m && ms(m.latency.subjectMs.p50), right: true },
      { title: "P95", cell: ({ measured: m }) => m && ms(m.latency.subjectMs.p95), right: true },
      { title: "TIMES AS FAST", cell: ({ measured: m }) => m && times(m.latency), right: true },
      { title: "WHEN", cell: ({ one }) => agoText(one.finishedAt ?? one.requestedAt, nowMs) },
      { title: "STATE", cell: ({ one: { state, error } }) => error ?? state },
    ],
    look,
  );
}

const ms = (value: number): string => `${value.toFixed(2)} ms`;
const times = ({ ratioMedian }: { ratioMedian: number }): string => ratioMedian.toFixed(2);
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
