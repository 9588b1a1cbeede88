/**
 * The model compiler: from a float ONNX model to the fastest files that lose no more than they may,
 * with pixels straight into the graph. Knows neither database nor network; the command line runs it
 * offline and the server beside its jobs.
 */
import { compileStages, type WantedKind } from "@fieldloop/shared/contract/compilations";
import type { CompileReport } from "@fieldloop/shared/manifest/compile-report";
import type {
  ModelManifest,
  ModelVariant,
  VariantCalibration,
} from "@fieldloop/shared/manifest/model";
import type { Trial } from "./budget.ts";
import type { CalibrationMethod } from "./calibrate/range.ts";
import { type Candidate, makeCandidates } from "./candidates.ts";
import { judgeAll } from "./decide.ts";
import { askAll, type Sample, scoreOf } from "./evaluate.ts";
import { type Ground, judge, type Stage } from "./ground.ts";
import { prepare } from "./prepare.ts";
import { type CompiledVariant, calibrate, type GoldenPicture, publishVariant } from "./publish.ts";
import { type Findings, writeReport } from "./report.ts";
import { splitSamples } from "./split.ts";

export const stages = compileStages;
export type { Stage };

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
  /** Files to make besides the float32 one; default: int8. */
  readonly kinds?: readonly WantedKind[];
  /** Default: min-max, and the others where that loses too much. */
  readonly method?: CalibrationMethod;
  /** Evaluations of one search. */
  readonly trialsMax?: number;
  /** Trials of a compilation of the same model and samples that was broken off. */
  readonly knownTrials?: readonly Trial[];
  /** Hears of each trial, and of all so far. */
  readonly onTrial?: (trial: Trial, trials: readonly Trial[]) => void;
  /** @param share 0 to 1, of the stage */
  readonly progress?: (stage: Stage, share: number) => void;
  /** Pairs of runs that compare the speeds. */
  readonly pairs?: number;
}

export interface Compiled {
  readonly manifest: ModelManifest;
  /** The best first; a device takes the first that it can run. The float32 file is the last. */
  readonly variants: readonly CompiledVariant[];
  readonly report: CompileReport;
}

/**
 * Compiles a model.
 * @throws AppError with one sentence where the model or the samples cannot be used
 */
export async function compileModel(options: CompileOptions): Promise<Compiled> {
  const { ground, heldOut } = await layGround(options);
  const float: Candidate = {
    kind: "float32",
    judged: await judge(ground, ground.prepared.bytes, (share) =>
      ground.progress("evaluating", 0.5 + share / 2),
    ),
    making: { kind: "float" },
    requires: [],
  };
  const { made, notMade } = await makeCandidates(options, ground);
  const { lossPointsMax, pairs } = options;
  const verdicts = await judgeAll(ground, made, { float, lossPointsMax, pairs });
  ground.progress("finishing", 0);
  const calibrations = new Map(
    [float, ...made].map((candidate) => [candidate, calibrationOf(ground, candidate)] as const),
  );
  const published = verdicts.flatMap((one) => (one.published ? [one.candidate] : []));
  const variants: CompiledVariant[] = [];
  for (const candidate of [...published, float])
    variants.push(await publish(options, ground, candidate, calibrations.get(candidate) ?? null));
  const findings: Findings = { ground, heldOut, float, verdicts, notMade, calibrations };
  const report = await writeReport(options, findings);
  ground.progress("finishing", 1);
  const manifest = { ...options.manifest, variants: variants.map(({ variant }) => variant) };
  return { manifest, variants, report };
}

async function layGround(
  options: CompileOptions,
): Promise<{ readonly ground: Ground; readonly heldOut: boolean }> {
  const { manifest, variant } = options;
  const progress = options.progress ?? (() => undefined);
  progress("reading", 0);
  const prepared = await prepare(options.file, options.name, variant);
  const { heldOut, ...sides } = splitSamples(await gather(options.samples));
  progress("evaluating", 0);
  const source = { bytes: options.file, manifest, variant };
  const reference = await askAll(source, sides.evaluation, (share) =>
    progress("evaluating", share / 2),
  );
  const ground: Ground = {
    prepared,
    ...sides,
    reference,
    score: scoreOf(reference, sides.evaluation, reference),
    subject: (bytes, temperature = variant.temperature) => ({
      bytes,
      manifest,
      variant: { input: prepared.input, temperature },
    }),
    progress,
  };
  return { ground, heldOut };
}

function calibrationOf(ground: Ground, { judged }: Candidate): VariantCalibration | null {
  return calibrate(ground.subject(judged.bytes), judged.answers, ground.evaluation);
}

function publish(
  options: CompileOptions,
  ground: Ground,
  { judged, kind, requires }: Candidate,
  calibration: VariantCalibration | null,
): Promise<CompiledVariant> {
  return publishVariant(ground.subject(judged.bytes, calibration?.temperature), {
    kind,
    goldens: options.goldens ?? [],
    requires,
    calibration,
  });
}

async function gather(samples: CompileOptions["samples"]): Promise<readonly Sample[]> {
  const all: Sample[] = [];
  for await (const sample of samples) all.push(sample);
  return all;
}
