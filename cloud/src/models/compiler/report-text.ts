/** A compile report in words, for a terminal. */
import type {
  CompileReport,
  CompileScore,
  QuantisationReport,
  VariantReport,
} from "@fieldloop/shared/manifest/compile-report";

export function reportText(report: CompileReport): string {
  const { model, samples, source, variants, notMade } = report;
  const held = samples.heldOut ? "" : " (the same that calibrated: too few to hold some back)";
  const lines = [
    `${model.name} ${model.version}: ${report.outcome}`,
    `  as given   ${kilobytes(model.bytes)}, ${source.kind} ${percent(source.overall)} on ${samples.evaluation} pictures${held}`,
    ...variants.flatMap((variant) => variantLines(report, variant)),
    ...notMade.map(({ kind, because }) => `  ${kind.padEnd(13)}not made. ${because}`),
  ];
  return `${lines.join("\n")}\n`;
}

function variantLines(report: CompileReport, variant: VariantReport): readonly string[] {
  const { kind, published, bytes, score, quantisation, latency, calibration } = variant;
  const ratio = (bytes / report.model.bytes).toFixed(3);
  return [
    `  ${kind.padEnd(13)}${published ? "published" : "not published"}: ${kilobytes(bytes)} (${ratio}x), ${score.kind} ${percent(score.overall)}`,
    ...(published || report.outcome.includes(variant.because) ? [] : [`    ${variant.because}`]),
    ...(kind === "float32" ? [] : classLines(report.source, score)),
    ...(quantisation === null ? [] : quantisationLines(report, variant, quantisation)),
    ...(latency === null
      ? []
      : [
          `    latency    p50 ${latency.referenceMs.p50.toFixed(2)} ms float, ${latency.subjectMs.p50.toFixed(2)} ms this; p95 ${latency.referenceMs.p95.toFixed(2)} and ${latency.subjectMs.p95.toFixed(2)} (${latency.pairs} pairs, one thread, this machine)`,
        ]),
    ...(calibration === null
      ? []
      : [
          `    confidence temperature ${calibration.temperature}; calibration error ${percent(calibration.ece.before)} -> ${percent(calibration.ece.after)}`,
        ]),
  ];
}

function classLines(before: CompileScore, after: CompileScore): readonly string[] {
  return Object.entries(before.perClass).map(([label, value]) => {
    const now = after.perClass[label] ?? 0;
    return `      ${label.padEnd(16)} ${percent(value)} -> ${percent(now)}`;
  });
}

function quantisationLines(
  { samples }: CompileReport,
  { operators }: VariantReport,
  found: QuantisationReport,
): readonly string[] {
  const { calibration, helped, trials, float, layers } = found;
  const worst = layers.toSorted((a, b) => a.sqnrDb - b.sqnrDb).slice(0, 3);
  const ranges =
    calibration === "dynamic"
      ? "found at run time"
      : `${[calibration, ...helped].join(" and ")}, from ${samples.calibration} pictures; ${trials} ${trials === 1 ? "mix" : "mixes"} tried, ${float.length} nodes kept in float${float.length === 0 ? "" : `: ${float.join(", ")}`}`;
  return [
    `    ranges     ${ranges}`,
    `    operators  8 bits: ${counts(operators.int8)}`,
    `               float: ${counts(operators.float)}`,
    ...found.notFused.map(
      (node) => `    warning    ${node} stayed in float though it was quantised`,
    ),
    ...found.left.map(({ node, why }) => `    left       ${node}: ${why}`),
    ...(worst.length === 0
      ? []
      : [
          `    noisiest   ${worst.map(({ node, sqnrDb }) => `${node} ${sqnrDb.toFixed(1)} dB`).join(", ")}`,
        ]),
  ];
}

function counts(operators: Readonly<Record<string, number>>): string {
  const list = Object.entries(operators).map(([name, count]) => `${count} ${name}`);
  return list.join(", ") || "none";
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** Tenths and hundredths of points matter, and "-0.00" is no number a person writes. */
export function points(value: number): string {
  const text = value.toFixed(2);
  return text === "-0.00" ? "0.00" : text;
}

function kilobytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
}
