/**
 * `fieldloop models compile`: reads everything, compiles, and only then writes. Knows no server; the
 * compiler is loaded when it is needed, since it brings ONNX Runtime and sharp with it.
 */
import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import type { Trial } from "@fieldloop/cloud/models/compiler/budget";
import type { Compiled } from "@fieldloop/cloud/models/compiler/compile";
import type { Sample } from "@fieldloop/cloud/models/compiler/evaluate";
import type { WantedKind } from "@fieldloop/shared/contract/compilations";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { type CompletedSpec, completeSpec } from "@fieldloop/shared-node/onnx/complete-spec";
import { readModelFile } from "@fieldloop/shared-node/onnx/external-data";
import { readOnnxInfo } from "@fieldloop/shared-node/onnx/metadata";
import type { Context, Report } from "../context.ts";
import { readModelSpec } from "../model-spec.ts";
import { type StageProgress, startStages } from "../stage-progress.ts";
import { checkFree, type Golden, writeCompiled } from "./compiled-folder.ts";
import { forgetTrials, readTrials, saveTrials } from "./trial-journal.ts";

export interface CompileFlags {
  readonly manifest: string;
  readonly calibration: string;
  readonly labels?: string;
  readonly maxLoss: number;
  readonly kinds: readonly WantedKind[];
  readonly out: string;
}

/** What is read before anything is computed. */
interface Inputs {
  readonly file: Uint8Array;
  readonly spec: ModelSpec;
  readonly completed: CompletedSpec;
  readonly samples: readonly Sample[];
  readonly goldens: readonly Golden[];
}

/** @throws AppError with one sentence for each thing that can be wrong with the inputs */
export async function compile(
  context: Context,
  model: string,
  flags: CompileFlags,
): Promise<Report> {
  await checkFree(flags.out);
  const progress = startStages(context.io, context.json());
  try {
    const inputs = await readInputs(model, flags, progress);
    const compiled = await run(model, flags, inputs, progress);
    await writeCompiled(flags.out, { ...inputs, compiled });
    await forgetTrials(flags.out);
    progress.end();
    const { reportText } = await import("@fieldloop/cloud/models/compiler/report-text");
    return {
      data: { out: flags.out, ...compiled.report },
      text: `${reportText(compiled.report)}Written to ${flags.out}. To register it: fieldloop models push ${flags.out}\n`,
    };
  } finally {
    progress.end();
  }
}

async function readInputs(
  model: string,
  flags: CompileFlags,
  progress: StageProgress,
): Promise<Inputs> {
  const spec = await readModelSpec(flags.manifest);
  const file = encodeModel(await readModelFile(model));
  const completed = completeSpec(spec, await readOnnxInfo(file, basename(model)));
  if (completed.kind === "problems") throw doesNotFit(model, flags.manifest, completed.problems);
  const goldens: Golden[] = [];
  for (const name of spec.golden ?? []) {
    const path = resolve(dirname(flags.manifest), name);
    goldens.push({ name, bytes: await readNamed(path, "golden image") });
  }
  const { parseLabels, readSamples } = await import("@fieldloop/cloud/models/compiler/samples");
  const labels =
    flags.labels === undefined
      ? undefined
      : parseLabels(
          new TextDecoder().decode(await readNamed(flags.labels, "file of labels")),
          completed.manifest.labels,
          flags.labels,
        );
  const { input } = completed.variant;
  const samples = await readSamples(flags.calibration, input, labels, (share) =>
    progress.at("pictures", share),
  );
  return { file, spec, completed, samples, goldens };
}

async function run(
  model: string,
  flags: CompileFlags,
  { file, completed, samples, goldens }: Inputs,
  progress: StageProgress,
): Promise<Compiled> {
  const { compileModel } = await import("@fieldloop/cloud/models/compiler/compile");
  const key = sha256Of(
    JSON.stringify([
      sha256Of(file),
      completed,
      flags.kinds,
      samples.map(({ name, label, pixels }) => [name, label, sha256Of(pixels.data)]),
    ]),
  );
  const saving: Promise<void>[] = [];
  const compiled = await compileModel({
    file,
    name: basename(model),
    ...completed,
    samples,
    goldens,
    lossPointsMax: flags.maxLoss,
    kinds: flags.kinds,
    knownTrials: await readTrials(flags.out, key),
    onTrial: (_: Trial, trials) => saving.push(saveTrials(flags.out, key, trials)),
    progress: (stage, share) => progress.at(stage, share),
  });
  await Promise.all(saving);
  return compiled;
}

async function readNamed(path: string, what: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    const reason = missing ? "does not exist" : `cannot be read: ${messageOf(cause)}`;
    throw new AppError({ code: "bad-file", message: `the ${what} ${path} ${reason}`, cause });
  });
}

function doesNotFit(model: string, manifest: string, problems: readonly string[]): AppError {
  return new AppError({
    code: "bad-manifest",
    message: `${manifest} and ${basename(model)} do not fit together: ${problems[0]}`,
    detail: { errors: problems.map((message) => ({ path: "", message })) },
  });
}
