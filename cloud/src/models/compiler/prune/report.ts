/** The report of pruning in words, for a terminal. */
import { percent, points } from "../report-text.ts";
import type { Cost } from "./costs.ts";
import type { GroupReport, PruneReport } from "./prune.ts";

const labelsShown = 1;

export function pruneText(report: PruneReport): string {
  const { model, total, share, block } = report;
  const channels = report.groups.reduce((n, group) => n + group.channels.before, 0);
  const removed = report.groups.reduce((n, { channels: c }) => n + c.before - c.after, 0);
  const locked = report.groups.filter(({ why }) => why !== null);
  const blocks = block > 1 ? ` (to multiples of ${block})` : "";
  const lines = [
    `${model.name} ${model.version}: ${removed} of ${channels} channels go at a share of ${percent(share)}${blocks}`,
    ...magnitudeLines(report),
    "",
    row(["group", "channels", "parameters", "MACs", "bytes saved alone"]),
    ...report.groups.map(groupLine),
    ...locked.map((group) => `  left       ${names(group)}: ${leftWhy(group)}`),
    "",
    row(["layer", "operator", "parameters", "MACs", "bytes"]),
    ...report.layers.map(({ node, opType, cost }) =>
      row([node, opType, ...changes(cost.before, cost.after)]),
    ),
    row(["all", "", ...changes(total.before, total.after)]),
    "",
    ...measuredLines(report),
  ];
  return `${lines.join("\n")}\n`;
}

function magnitudeLines({ magnitude }: PruneReport): readonly string[] {
  const sum = (of: (layer: (typeof magnitude)[number]) => number): number =>
    magnitude.reduce((total, layer) => total + of(layer), 0);
  const [weights, bytes] = [sum((layer) => layer.weights), sum((layer) => layer.bytes)];
  const near = sum((layer) => layer.nearZero * layer.weights) / Math.max(1, weights);
  const saved = bytes - sum((layer) => layer.sparseBytes);
  return [
    `  single weights: ${percent(near)} are at most 1 % of their layer's largest. Stored sparsely that would ${saved >= 0 ? "save" : "cost"} ${count(Math.abs(saved))} of ${count(bytes)} bytes; ONNX Runtime stores and multiplies zeros like all others, so nothing is gained by it here`,
    ...magnitude.map(
      (layer) =>
        `    ${layer.node}: ${percent(layer.nearZero)} near zero, ${percent(layer.zero)} zero, of ${count(layer.weights)}`,
    ),
  ];
}

function groupLine(group: GroupReport): string {
  const { channels, saved } = group;
  return row([
    names(group),
    `${channels.before} -> ${channels.after}`,
    count(saved.parameters),
    saved.macs === null ? "?" : count(saved.macs),
    count(saved.bytes),
  ]);
}

function leftWhy({ locked, channels, why }: GroupReport): string {
  return `${locked === channels.before ? "all" : locked} of its channels stay, since ${why}`;
}

function names({ layers }: GroupReport): string {
  const more = layers.length - labelsShown;
  return `${layers.slice(0, labelsShown).join(" + ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function changes(before: Cost, after: Cost): readonly string[] {
  const change = (a: number | null, b: number | null): string => {
    if (a === null || b === null) return "?";
    return a === b ? count(a) : `${count(a)} -> ${count(b)}`;
  };
  return [
    change(before.parameters, after.parameters),
    change(before.macs, after.macs),
    change(before.bytes, after.bytes),
  ];
}

function measuredLines({ sizes, score, latency }: PruneReport): readonly string[] {
  const { cleanBytes, prunedBytes } = sizes;
  return [
    `  size       ${count(cleanBytes)} bytes cleaned up, ${count(prunedBytes)} pruned (${(prunedBytes / cleanBytes).toFixed(3)}x)`,
    ...(latency === null
      ? []
      : [
          `  latency    p50 ${latency.beforeMs.p50.toFixed(2)} ms before, ${latency.afterMs.p50.toFixed(2)} ms pruned; ${latency.ratioMedian.toFixed(2)} times as fast, at least ${latency.ratioLower90.toFixed(2)} with 90 % confidence (${latency.pairs} pairs, one thread, this machine)`,
        ]),
    score === null
      ? "  accuracy   not measured: name pictures with --calibration, and --labels where they have labels"
      : `  ${score.before.kind.padEnd(10)} ${percent(score.before.overall)} -> ${percent(score.after.overall)} (${points(score.lossPoints)} points lost) on ${score.before.samples} pictures`,
    ...Object.entries(score?.before.perClass ?? {}).map(
      ([label, value]) =>
        `    ${label.padEnd(16)} ${percent(value)} -> ${percent(score?.after.perClass[label] ?? 0)}`,
    ),
    "  The network was not trained any further: what it lost, training it on from here may win back.",
  ];
}

function row(cells: readonly string[]): string {
  const widths = [58, 14, 24, 30, 0];
  return `  ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" ")}`.trimEnd();
}

function count(value: number): string {
  return value.toLocaleString("en");
}
