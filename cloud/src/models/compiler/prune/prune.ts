/**
 * Pruning: what leaving out weights or channels would save, and taking channels out for real. There
 * is no fine-tuning here: what a network loses is measured, and training it further is the trainer's
 * work. Knows neither database nor network.
 */
import { AppError } from "@fieldloop/shared/errors";
import type { LatencyComparison } from "@fieldloop/shared/manifest/latency";
import type { ModelManifest, ModelVariant } from "@fieldloop/shared/manifest/model";
import { greyPixels } from "@fieldloop/shared-node/latency";
import { decodeModel, encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { type Graph, graphOf, modelOf } from "@fieldloop/shared-node/onnx/graph";
import { labelOf } from "@fieldloop/shared-node/onnx/node";
import { askAll, lossPoints, type Sample, type Score, type Subject, scoreOf } from "../evaluate.ts";
import { measureGain } from "../gain.ts";
import { cleanGraph } from "../passes/clean.ts";
import { applyPruning, type Removed } from "./apply.ts";
import { chooseChannels, filterNorms, type Norms } from "./choose.ts";
import { type Cost, layerCosts, totalOf } from "./costs.ts";
import type { Group } from "./lanes.ts";
import { type LayerMagnitude, magnitudes } from "./magnitude.ts";
import { type Trace, traceChannels } from "./trace.ts";

/** Channels that ONNX Runtime's kernels take at once with AVX2; with AVX-512 it is twice as many. */
export const pruneBlock = 8;

export interface PruneOptions {
  readonly file: Uint8Array;
  /** The file's name, for sentences. */
  readonly name: string;
  readonly manifest: Omit<ModelManifest, "variants">;
  readonly variant: Pick<ModelVariant, "input" | "kind" | "temperature">;
  /** Of each group's channels, 0 to below 1. */
  readonly share: number;
  /**
   * Groups keep a multiple of this many channels; 1 takes the share as it is. ONNX Runtime's blocked
   * kernels do without a network whose channels fill no blocks, which can halve its speed.
   */
  readonly block?: number;
  /** Pictures that show what it costs; none are needed to choose the channels. */
  readonly samples?: readonly Sample[];
  /** Pairs of runs that compare the speeds. */
  readonly pairs?: number;
  readonly progress?: (stage: string, share: number) => void;
}

interface Change<Value> {
  readonly before: Value;
  readonly after: Value;
}

export interface GroupReport {
  /** Layers whose output channels hang together. */
  readonly layers: readonly string[];
  readonly channels: Change<number>;
  /** How many channels may not go, and why. */
  readonly locked: number;
  readonly why: string | null;
  /** What this group alone saves, with the others as they are. */
  readonly saved: Cost;
}

export interface LayerReport {
  readonly node: string;
  readonly opType: string;
  readonly cost: Change<Cost>;
}

export interface PruneReport {
  readonly schema: "fieldloop.prune-report/1";
  readonly model: { readonly name: string; readonly version: string; readonly file: string };
  readonly share: number;
  readonly block: number;
  readonly magnitude: readonly LayerMagnitude[];
  readonly groups: readonly GroupReport[];
  readonly layers: readonly LayerReport[];
  readonly total: Change<Cost>;
  /** Of the files: as given, cleaned up, and pruned. */
  readonly sizes: {
    readonly sourceBytes: number;
    readonly cleanBytes: number;
    readonly prunedBytes: number;
  };
  /** `null` without pictures. */
  readonly score: (Change<Score> & { readonly lossPoints: number }) | null;
  readonly latency: {
    readonly pairs: number;
    readonly beforeMs: LatencyComparison["referenceMs"];
    readonly afterMs: LatencyComparison["referenceMs"];
    /** Above 1 is faster. */
    readonly ratioMedian: number;
    readonly ratioLower90: number;
  } | null;
}

export interface Pruned {
  readonly bytes: Uint8Array;
  /** Channels, counted per group, that went. */
  readonly channelsRemoved: number;
  readonly report: PruneReport;
}

/**
 * Prunes a copy of a model and measures it.
 * @throws AppError `model-unreadable`, `model-quantised`, or `model-damaged` where weights are no
 *   numbers
 */
export async function pruneModel(options: PruneOptions): Promise<Pruned> {
  const { file, name, variant, share, block = pruneBlock, progress = () => undefined } = options;
  if (variant.kind === "int8")
    throw new AppError({
      code: "model-quantised",
      message: `${name} is quantised already; prune the float model that it was made from`,
      status: 422,
    });
  progress("reading", 0);
  const { graph } = await cleanGraph(graphOf(decodeModel(file, name)));
  const trace = traceChannels(graph);
  const norms = filterNorms(graph, trace);
  checkNorms(norms, name);
  const removed = chooseChannels(trace, norms, { share, block });
  const clean = encodeModel(modelOf(graph));
  const bytes = encodeModel(modelOf(applyPruning(graph, trace, removed)));
  const groups = groupReports(graph, trace, removed);
  const measured = removed.size === 0 ? unmeasured : await measure(options, clean, bytes);
  const { manifest } = options;
  return {
    bytes,
    channelsRemoved: groups.reduce((n, { channels }) => n + channels.before - channels.after, 0),
    report: {
      schema: "fieldloop.prune-report/1",
      model: { name: manifest.name, version: manifest.version, file: name },
      share,
      block,
      magnitude: magnitudes(graph),
      groups,
      ...layerReports(graph, trace, removed),
      sizes: {
        sourceBytes: file.length,
        cleanBytes: clean.length,
        prunedBytes: bytes.length,
      },
      ...measured,
    },
  };
}

const unmeasured = { score: null, latency: null };

function checkNorms(norms: Norms, name: string): void {
  if ([...norms.values()].every(Number.isFinite)) return;
  throw new AppError({
    code: "model-damaged",
    message: `${name} cannot be pruned: some of its weights are not finite numbers, so its training has failed or the file is damaged`,
    status: 422,
  });
}

function groupReports(graph: Graph, trace: Trace, removed: Removed): readonly GroupReport[] {
  const whole = totalOf(layerCosts(graph, trace).values());
  return trace.groups.map(({ sources, channels }: Group) => {
    const gone = channels.filter(({ atoms }) => atoms.some((atom) => removed.has(atom)));
    const alone = new Set(gone.flatMap(({ atoms }) => atoms));
    const locked = channels.filter((channel) => channel.locked !== null);
    return {
      layers: sources.map(labelOf),
      channels: { before: channels.length, after: channels.length - gone.length },
      locked: locked.length,
      why: locked[0]?.locked ?? null,
      saved: difference(whole, totalOf(layerCosts(graph, trace, alone).values())),
    };
  });
}

function layerReports(
  graph: Graph,
  trace: Trace,
  removed: Removed,
): Pick<PruneReport, "layers" | "total"> {
  const [before, after] = [layerCosts(graph, trace), layerCosts(graph, trace, removed)];
  return {
    layers: [...before].map(([node, cost]) => ({
      node: labelOf(node),
      opType: node.opType,
      cost: { before: cost, after: after.get(node) ?? cost },
    })),
    total: { before: totalOf(before.values()), after: totalOf(after.values()) },
  };
}

function difference(a: Cost, b: Cost): Cost {
  return {
    parameters: a.parameters - b.parameters,
    macs: a.macs === null || b.macs === null ? null : a.macs - b.macs,
    bytes: a.bytes - b.bytes,
  };
}

async function measure(
  options: PruneOptions,
  clean: Uint8Array,
  bytes: Uint8Array,
): Promise<Pick<PruneReport, "score" | "latency">> {
  const { manifest, variant, samples = [], progress = () => undefined } = options;
  const subject = (model: Uint8Array): Subject => ({ bytes: model, manifest, variant });
  const pictures =
    samples.length > 0
      ? samples
      : [{ name: "grey", pixels: await greyPixels(variant.input), label: null }];
  progress("measuring", 0);
  const found = await measureGain(subject(clean), subject(bytes), pictures, options.pairs);
  progress("measuring", 1);
  const { referenceMs, subjectMs, ...ratios } = found;
  const latency = { ...ratios, beforeMs: referenceMs, afterMs: subjectMs };
  if (samples.length === 0) return { score: null, latency };
  const labelled = samples.filter(({ label }) => label !== null);
  const judges = labelled.length > 0 ? labelled : samples;
  const reference = await askAll(subject(clean), judges, (share) =>
    progress("evaluating", share / 2),
  );
  const answers = await askAll(subject(bytes), judges, (share) =>
    progress("evaluating", 0.5 + share / 2),
  );
  const before = scoreOf(reference, judges, reference);
  const after = scoreOf(answers, judges, reference);
  return { score: { before, after, lossPoints: lossPoints(before, after) }, latency };
}
