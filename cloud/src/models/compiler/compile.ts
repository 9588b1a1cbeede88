/**
 * The model compiler: from a float ONNX model to the fastest one that loses no more than it may, with
 * pixels straight into the graph. Knows neither database nor network; the command line runs it
 * offline and the server beside its jobs.
 */
import type { ModelManifest, ModelVariant } from "@fieldloop/shared/manifest/model";
import type { Trial } from "./budget.ts";
import type { CalibrationMethod } from "./calibrate/range.ts";
import { type Answer, askAll, type Sample, type Score, type Subject, scoreOf } from "./evaluate.ts";
import { judgeGain, type Latency, measureGain, type Verdict } from "./gain.ts";
import { findMix, type Mix } from "./mix.ts";
import { type Prepared, prepare } from "./prepare.ts";
import { type CompiledVariant, calibrate, type GoldenPicture, publishVariant } from "./publish.ts";
import { type CompileReport, percent, type QuantisationReport } from "./report.ts";
import { splitSamples } from "./split.ts";
import { layerNoise } from "./sqnr.ts";
import type { Calibration } from "./temperature.ts";
import { notFused, readOperators } from "./verify-fusion.ts";

export const stages = [
  "reading",
  "calibrating",
  "evaluating",
  "searching",
  "measuring",
  "finishing",
] as const;
export type Stage = (typeof stages)[number];

export interface CompileOptions {
  /** The model's file, and its name for sentences. */
  readonly file: Uint8Array;
  readonly name: string;
  /** The completed manifest of the float model. */
  readonly manifest: Omit<ModelManifest, "variants">;
  readonly variant: Pick<ModelVariant, "input" | "kind" | "temperature">;
  readonly samples: Iterable<Sample> | AsyncIterable<Sample>;
  readonly goldens?: readonly GoldenPicture[];
  /** Points (hundredths) of accuracy, or of agreement where nothing is labelled. */
  readonly lossPointsMax: number;
  /** Default: min-max, and the others where that loses too much. */
  readonly method?: CalibrationMethod;
  /** 7-bit weights, for x86 processors without VNNI. */
  readonly reduced?: boolean;
  readonly trialsMax?: number;
  /** Trials of a compilation of the same model and samples that was broken off. */
  readonly knownTrials?: readonly Trial[];
  readonly onTrial?: (trial: Trial, trials: readonly Trial[]) => void;
  /** @param share 0 to 1, of the stage */
  readonly progress?: (stage: Stage, share: number) => void;
  /** Pairs of runs that compare the speeds. */
  readonly pairs?: number;
}

export interface Compiled {
  readonly manifest: ModelManifest;
  /** The best first; a device takes the first that it can run. */
  readonly variants: readonly CompiledVariant[];
  readonly report: CompileReport;
}

/** What the float model says and is, once and for all trials. */
export interface Ground {
  readonly prepared: Prepared;
  readonly calibration: readonly Sample[];
  readonly evaluation: readonly Sample[];
  readonly reference: readonly Answer[];
  /** Of the file as given. */
  readonly score: Score;
  subject(bytes: Uint8Array, temperature?: number): Subject;
  progress(stage: Stage, share: number): void;
}

/**
 * Compiles a model.
 * @throws AppError with one sentence where the model or the samples cannot be used
 */
export async function compileModel(options: CompileOptions): Promise<Compiled> {
  const progress = options.progress ?? (() => undefined);
  progress("reading", 0);
  const prepared = await prepare(options.file, options.name, options.variant);
  const split = splitSamples(await gather(options.samples));
  const { manifest } = options;
  const source: Subject = { bytes: options.file, manifest, variant: options.variant };
  progress("evaluating", 0);
  const reference = await askAll(source, split.evaluation, (share) =>
    progress("evaluating", share / 2),
  );
  const ground: Ground = {
    prepared,
    ...split,
    reference,
    score: scoreOf(reference, split.evaluation, reference),
    subject: (bytes, temperature = options.variant.temperature) => ({
      bytes,
      manifest,
      variant: { input: prepared.input, temperature },
    }),
    progress,
  };
  const float = await judgeFloat(ground);
  const attempt = await quantise(options, ground);
  return finish(options, ground, { float, attempt, heldOut: split.heldOut });
}

interface Judged {
  readonly answers: readonly Answer[];
  readonly score: Score;
}

async function judgeFloat(ground: Ground): Promise<Judged> {
  const { prepared, evaluation, reference, progress } = ground;
  const answers = await askAll(ground.subject(prepared.bytes), evaluation, (share) =>
    progress("evaluating", 0.5 + share / 2),
  );
  return { answers, score: scoreOf(answers, evaluation, reference) };
}

/** The best mix and what speaks for or against it. */
type Attempt =
  | { readonly kind: "none"; readonly because: string }
  | { readonly kind: "over"; readonly mix: Mix; readonly because: string }
  | {
      readonly kind: "judged";
      readonly mix: Mix;
      readonly latency: Latency;
      readonly gain: Verdict;
    };

async function quantise(options: CompileOptions, ground: Ground): Promise<Attempt> {
  const { prepared, progress } = ground;
  if (prepared.notQuantisable !== null)
    return {
      kind: "none",
      because: `The model stays in float: ${prepared.notQuantisable}.`,
    };
  const mix = await findMix(options, ground);
  if (mix === undefined)
    return { kind: "none", because: "The model stays in float: no node of it can be quantised." };
  if (mix.lossPoints > options.lossPointsMax)
    return { kind: "over", mix, because: overSentence(options, ground, mix) };
  progress("measuring", 0);
  const latency = await measureGain(
    ground.subject(prepared.bytes),
    ground.subject(mix.bytes),
    ground.evaluation,
    options.pairs,
  );
  progress("measuring", 1);
  const gain = judgeGain(latency, prepared.bytes.length, mix.bytes.length);
  return { kind: "judged", mix, latency, gain };
}

function overSentence({ lossPointsMax }: CompileOptions, { score }: Ground, mix: Mix): string {
  const all = mix.trials.find(({ float }) => float.length === 0);
  return `The 8-bit model is not published, since it loses too much ${score.kind}: ${points(all?.lossPoints ?? mix.lossPoints)} points with every node in 8 bits, ${points(mix.lossPoints)} at best of ${mix.trials.length} mixes, and ${points(lossPointsMax)} are allowed (${percent(score.overall)} as given, ${score.samples} pictures). The float model is published instead.`;
}

/**
 * Eight-bit weights want a processor that adds products without saturating (VNNI, or Arm's dot
 * product): older x86 sums pairs in 16 bits. With 7-bit weights any processor is right.
 */
const fullRangeFeature = "int8-dot";

async function finish(
  options: CompileOptions,
  ground: Ground,
  found: { readonly float: Judged; readonly attempt: Attempt; readonly heldOut: boolean },
): Promise<Compiled> {
  const { prepared, evaluation, progress } = ground;
  const { float, attempt } = found;
  progress("finishing", 0);
  const mix = attempt.kind === "none" ? undefined : attempt.mix;
  const publishes = attempt.kind === "judged" && attempt.gain.kind === "pays";
  const temperature = {
    float32: calibrate(ground.subject(prepared.bytes), float.answers, evaluation),
    int8: mix && calibrate(ground.subject(mix.bytes), mix.answers, evaluation),
  };
  const variants: CompiledVariant[] = [];
  const goldens = options.goldens ?? [];
  const publish = (
    bytes: Uint8Array,
    kind: "int8" | "float32",
    fit: Calibration | null | undefined,
    requires: readonly string[],
  ) => publishVariant(ground.subject(bytes, fit?.temperature), kind, goldens, requires);
  if (publishes && mix) {
    const requires = options.reduced ? [] : [fullRangeFeature];
    variants.push(await publish(mix.bytes, "int8", temperature.int8, requires));
  }
  variants.push(await publish(prepared.bytes, "float32", temperature.float32, []));
  const report: CompileReport = {
    schema: "fieldloop.compile-report/1",
    model: { name: options.manifest.name, version: options.manifest.version, file: options.name },
    passes: prepared.passes,
    inputLeft: prepared.inputLeft,
    samples: {
      calibration: ground.calibration.length,
      evaluation: evaluation.length,
      heldOut: found.heldOut,
    },
    sizes: {
      sourceBytes: options.file.length,
      floatBytes: prepared.bytes.length,
      int8Bytes: mix?.bytes.length ?? null,
    },
    score: { source: ground.score, float: float.score, int8: mix?.score ?? null },
    operators: {
      float: await readOperators(prepared.bytes, prepared.graphInput),
      int8: mix ? await readOperators(mix.bytes, prepared.graphInput) : null,
    },
    quantisation: mix ? await describeMix(options, ground, attempt, mix) : null,
    temperature: { float32: temperature.float32, int8: temperature.int8 ?? null },
    outcome: outcomeOf(attempt, ground),
  };
  progress("finishing", 1);
  const manifest = { ...options.manifest, variants: variants.map(({ variant }) => variant) };
  return { manifest, variants, report };
}

async function describeMix(
  options: CompileOptions,
  { prepared, calibration }: Ground,
  attempt: Attempt,
  mix: Mix,
): Promise<QuantisationReport> {
  const operators = await readOperators(mix.bytes, prepared.graphInput);
  const { quantised } = mix;
  const names = new Map(prepared.graph.nodes.map((node) => [node.outputs[0] ?? "", node.name]));
  return {
    calibration: mix.method.kind,
    reduced: options.reduced ?? false,
    lossPoints: mix.lossPoints,
    lossPointsMax: options.lossPointsMax,
    trials: mix.trials.length,
    float: mix.float.map((key) => names.get(key) ?? key),
    left: quantised.plan.left.filter(({ node }) => !mix.float.includes(node)),
    notFused: notFused(prepared.graph, quantised.plan.quantised, operators),
    layers: await layerNoise(prepared, quantised, calibration),
    latency: attempt.kind === "judged" ? attempt.latency : null,
    gain: attempt.kind === "judged" ? attempt.gain : null,
  };
}

function outcomeOf(attempt: Attempt, { score }: Ground): CompileReport["outcome"] {
  if (attempt.kind !== "judged") return { kind: "float", because: attempt.because };
  const { mix, gain } = attempt;
  const loss = `It loses ${points(mix.lossPoints)} points of ${score.kind} (${percent(score.overall)} to ${percent(mix.score.overall)}, ${score.samples} pictures).`;
  return gain.kind === "pays"
    ? { kind: "int8", because: `The 8-bit model is published. ${gain.because} ${loss}` }
    : {
        kind: "float",
        because: `The 8-bit model is not published, since it does not pay. ${gain.because} ${loss} The float model is published instead.`,
      };
}

/** Tenths and hundredths of points matter, and "-0.00" is no number a person writes. */
export function points(value: number): string {
  const text = value.toFixed(2);
  return text === "-0.00" ? "0.00" : text;
}

async function gather(samples: CompileOptions["samples"]): Promise<readonly Sample[]> {
  const all: Sample[] = [];
  for await (const sample of samples) all.push(sample);
  return all;
}
