/**
 * `fieldloop models prune`: says what leaving out weights and channels would save and cost, and with
 * `--out` writes the model without them. Knows no server.
 */
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Sample } from "@fieldloop/cloud/models/compiler/evaluate";
import type { Pruned } from "@fieldloop/cloud/models/compiler/prune/prune";
import { AppError } from "@fieldloop/shared/errors";
import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import type { CompletedSpec } from "@fieldloop/shared-node/onnx/complete-spec";
import { stringify } from "yaml";
import type { Context, Report } from "../context.ts";
import { type StageProgress, startStages } from "../stage-progress.ts";
import { readLabels, readModelInputs } from "./inputs.ts";
import { checkFree, type Golden, writeGoldens, writeWhole } from "./out-folder.ts";

export interface PruneFlags {
  readonly manifest: string;
  readonly share: number;
  readonly block: number;
  readonly calibration?: string;
  readonly labels?: string;
  readonly out?: string;
}

/** @throws AppError with one sentence for each thing that can be wrong with the inputs */
export async function prune(context: Context, model: string, flags: PruneFlags): Promise<Report> {
  const { out } = flags;
  if (flags.labels !== undefined && flags.calibration === undefined)
    throw new AppError({
      code: "no-samples",
      message: "--labels needs --calibration, the folder with the pictures that they are about",
    });
  if (out !== undefined) await checkFree(out);
  const progress = startStages(context.io, context.json());
  try {
    const { file, spec, completed, goldens } = await readModelInputs(model, flags.manifest);
    const name = basename(model);
    const samples = await pictures(flags, completed, progress);
    const { pruneModel } = await import("@fieldloop/cloud/models/compiler/prune/prune");
    const { pruneText } = await import("@fieldloop/cloud/models/compiler/prune/report");
    const { share, block } = flags;
    const pruned = await pruneModel({
      file,
      name,
      ...completed,
      share,
      block,
      samples,
      progress: progress.at,
    });
    progress.end();
    const text = pruneText(pruned.report);
    if (out === undefined) return { data: pruned.report, text };
    if (pruned.channelsRemoved === 0) throw nothingToPrune(name, pruned);
    await write(out, pruned, spec, goldens);
    const next = `Written to ${out}. Give it a version of its own in ${join(out, "model.yaml")}; then compile or push it.\n`;
    return { data: { out, ...pruned.report }, text: text + next };
  } finally {
    progress.end();
  }
}

async function pictures(
  { calibration, labels }: PruneFlags,
  completed: CompletedSpec,
  progress: StageProgress,
): Promise<readonly Sample[]> {
  if (calibration === undefined) return [];
  const known = await readLabels(labels, completed);
  const { readSamples } = await import("@fieldloop/cloud/models/compiler/samples");
  return readSamples(calibration, completed.variant.input, known, (share) =>
    progress.at("pictures", share),
  );
}

async function write(
  out: string,
  { bytes, report }: Pruned,
  spec: ModelSpec,
  goldens: readonly Golden[],
): Promise<void> {
  await writeWhole(out, async (folder) => {
    const golden = await writeGoldens(folder, goldens);
    await writeFile(join(folder, "model.onnx"), bytes);
    const written = golden.length === 0 ? spec : { ...spec, golden };
    await writeFile(join(folder, "model.yaml"), stringify(written));
    await writeFile(join(folder, "report.json"), JSON.stringify(report, null, 1));
  });
}

function nothingToPrune(model: string, { report }: Pruned): AppError {
  const why = report.groups.find((group) => group.why !== null)?.why ?? null;
  const free = report.groups.some(({ locked, channels }) => locked < channels.before);
  const reason =
    free || why === null
      ? `a share of ${report.share} in blocks of ${report.block} takes no whole block; try a larger share or --block 1`
      : `all of its channels have to stay, for example since ${why}`;
  return new AppError({
    code: "nothing-to-prune",
    message: `nothing was written, since no channel of ${model} can go: ${reason}`,
  });
}
