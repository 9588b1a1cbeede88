/**
 * `fieldloop models compile`: reads everything, compiles, and only then writes. Knows no server; the
 * compiler is loaded when it is needed, since it brings ONNX Runtime and sharp with it.
 */
import { basename } from "node:path";
import type { Trial } from "@fieldloop/cloud/models/compiler/budget";
import type { Compiled } from "@fieldloop/cloud/models/compiler/compile";
import type { Sample } from "@fieldloop/cloud/models/compiler/evaluate";
import type { WantedKind } from "@fieldloop/shared/contract/compilations";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import type { Context, Report } from "../context.ts";
import { type StageProgress, startStages } from "../stage-progress.ts";
import { writeCompiled } from "./compiled-folder.ts";
import { type ModelInputs, readLabels, readModelInputs } from "./inputs.ts";
import { checkFree } from "./out-folder.ts";
import { forgetTrials, readTrials, saveTrials } from "./trial-journal.ts";

export interface CompileFlags {
  readonly manifest: string;
  readonly calibration: string;
  readonly labels?: string;
  readonly maxLoss: number;
  readonly kinds: readonly WantedKind[];
  readonly out: string;
}

interface Inputs extends ModelInputs {
  readonly samples: readonly Sample[];
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
  const inputs = await readModelInputs(model, flags.manifest);
  const { completed } = inputs;
  const labels = await readLabels(flags.labels, completed);
  const { readSamples } = await import("@fieldloop/cloud/models/compiler/samples");
  const samples = await readSamples(flags.calibration, completed.variant.input, labels, (share) =>
    progress.at("pictures", share),
  );
  return { ...inputs, samples };
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
