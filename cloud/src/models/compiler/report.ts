/** What compiling found out, for the console, for a file beside the model, and in words. */
import type { CalibrationMethod } from "./calibrate/range.ts";
import type { Score } from "./evaluate.ts";
import type { Latency, Verdict } from "./gain.ts";
import type { PassReport } from "./passes/pass.ts";
import type { LayerNoise } from "./sqnr.ts";
import type { Calibration } from "./temperature.ts";
import type { Operators } from "./verify-fusion.ts";

export interface CompileReport {
  readonly schema: "fieldloop.compile-report/1";
  readonly model: { readonly name: string; readonly version: string; readonly file: string };
  readonly passes: readonly PassReport[];
  /** Why agents still prepare pixels themselves; `null` where the graph takes them. */
  readonly inputLeft: string | null;
  readonly samples: {
    readonly calibration: number;
    readonly evaluation: number;
    /** Whether the pictures that judged had no part in calibration. */
    readonly heldOut: boolean;
  };
  readonly sizes: {
    readonly sourceBytes: number;
    readonly floatBytes: number;
    readonly int8Bytes: number | null;
  };
  readonly score: {
    readonly source: Score;
    readonly float: Score;
    readonly int8: Score | null;
  };
  readonly operators: { readonly float: Operators; readonly int8: Operators | null };
  readonly quantisation: QuantisationReport | null;
  readonly temperature: {
    readonly float32: Calibration | null;
    readonly int8: Calibration | null;
  };
  /** Whether an 8-bit variant is published, and why or why not, in one sentence. */
  readonly outcome: { readonly kind: "int8" | "float"; readonly because: string };
}

export interface QuantisationReport {
  readonly calibration: CalibrationMethod["kind"];
  readonly reduced: boolean;
  readonly lossPoints: number;
  readonly lossPointsMax: number;
  /** Evaluations that the search made. */
  readonly trials: number;
  /** Names of nodes that stay in float for the sake of accuracy. */
  readonly float: readonly string[];
  /** Nodes with weights that cannot be quantised, with the reason. */
  readonly left: readonly {
    readonly node: string;
    readonly opType: string;
    readonly why: string;
  }[];
  /** Nodes that were planned in 8 bits and run in float all the same. */
  readonly notFused: readonly string[];
  readonly layers: readonly LayerNoise[];
  readonly latency: Latency | null;
  readonly gain: Verdict | null;
}

/** The report in words, for a terminal. */
export function reportText(report: CompileReport): string {
  const { sizes, samples, score, quantisation, outcome } = report;
  const lines = [
    `${report.model.name} ${report.model.version}: ${outcome.because}`,
    `  size       ${kilobytes(sizes.sourceBytes)} as given, ${kilobytes(sizes.floatBytes)} float, ${sizes.int8Bytes === null ? "no int8" : `${kilobytes(sizes.int8Bytes)} int8 (${(sizes.int8Bytes / sizes.sourceBytes).toFixed(3)}x)`}`,
    `  ${score.source.kind.padEnd(10)} ${percent(score.source.overall)} as given, ${percent(score.float.overall)} float${score.int8 === null ? "" : `, ${percent(score.int8.overall)} int8`} on ${samples.evaluation} pictures${samples.heldOut ? "" : " (the same that calibrated: too few to hold some back)"}`,
    ...classLines(score.source, score.int8),
    ...(quantisation === null ? [] : quantisationLines(report, quantisation)),
    ...temperatureLines(report),
  ];
  return `${lines.join("\n")}\n`;
}

function classLines(before: Score, after: Score | null): readonly string[] {
  if (after === null) return [];
  return Object.entries(before.perClass).map(([label, value]) => {
    const now = after.perClass[label] ?? 0;
    return `    ${label.padEnd(16)} ${percent(value)} -> ${percent(now)}`;
  });
}

function quantisationLines(report: CompileReport, found: QuantisationReport): readonly string[] {
  const { latency, layers } = found;
  const { int8 } = report.operators;
  const worst = layers.toSorted((a, b) => a.sqnrDb - b.sqnrDb).slice(0, 3);
  const counts = (operators: Readonly<Record<string, number>>): string =>
    Object.entries(operators)
      .map(([name, count]) => `${count} ${name}`)
      .join(", ") || "none";
  return [
    `  ranges     ${found.calibration}, from ${report.samples.calibration} pictures; ${found.trials} ${found.trials === 1 ? "mix" : "mixes"} tried, ${found.float.length} nodes kept in float${found.float.length === 0 ? "" : `: ${found.float.join(", ")}`}`,
    ...(int8 === null
      ? []
      : [`  operators  8 bits: ${counts(int8.int8)}`, `             float: ${counts(int8.float)}`]),
    ...found.notFused.map((node) => `  warning    ${node} stayed in float though it was quantised`),
    ...found.left.map(({ node, why }) => `  left       ${node}: ${why}`),
    ...(worst.length === 0
      ? []
      : [
          `  noisiest   ${worst.map(({ node, sqnrDb }) => `${node} ${sqnrDb.toFixed(1)} dB`).join(", ")}`,
        ]),
    ...(latency === null
      ? []
      : [
          `  latency    p50 ${latency.floatMs.p50.toFixed(2)} ms float, ${latency.quantisedMs.p50.toFixed(2)} ms int8; p95 ${latency.floatMs.p95.toFixed(2)} and ${latency.quantisedMs.p95.toFixed(2)} (${latency.pairs} pairs, one thread, this machine)`,
        ]),
  ];
}

function temperatureLines({ temperature }: CompileReport): readonly string[] {
  const found = temperature.int8 ?? temperature.float32;
  if (found === null) return [];
  return [
    `  confidence temperature ${found.temperature}; calibration error ${percent(found.ece.before)} -> ${percent(found.ece.after)}`,
  ];
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function kilobytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
}
