/**
 * `fieldloop models prune`: says what leaving out weights and channels would save and cost, and with
 * `--out` writes the model without them. Knows no server.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Sample } from "@fieldloop/cloud/models/compiler/evaluate";
import type { Pruned } from "@fieldloop/cloud/models/compiler/prune/prune";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { type CompletedSpec, completeSpec } from "@fieldloop/shared-node/onnx/complete-spec";
import { readModelFile } from "@fieldloop/shared-node/onnx/external-data";
import { readOnnxInfo } from "@fieldloop/shared-node/onnx/metadata";
import { stringify } from "yaml";
import type { Context, Report } from "../context.ts";
import { readModelSpec } from "../model-spec.ts";
import { type StageProgress, startStages } from "../stage-progress.ts";
import { checkFree, type Golden } from "./compiled-folder.ts";

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
    const spec = await readModelSpec(flags.manifest);
    const file = encodeModel(await readModelFile(model));
    const name = basename(model);
    const completed = completeSpec(spec, await readOnnxInfo(file, name));
    if (completed.kind === "problems") throw doesNotFit(name, flags, completed.problems);
    const goldens = out === undefined ? [] : await readGoldens(spec, flags.manifest);
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
  { manifest, variant }: CompletedSpec,
  progress: StageProgress,
): Promise<readonly Sample[]> {
  if (calibration === undefined) return [];
  const { parseLabels, readSamples } = await import("@fieldloop/cloud/models/compiler/samples");
  const known =
    labels === undefined
      ? undefined
      : parseLabels(
          new TextDecoder().decode(await readNamed(labels, "file of labels")),
          manifest.labels,
          labels,
        );
  return readSamples(calibration, variant.input, known, (share) => progress.at("pictures", share));
}

async function readGoldens(spec: ModelSpec, manifest: string): Promise<readonly Golden[]> {
  const goldens: Golden[] = [];
  for (const name of spec.golden ?? []) {
    const bytes = await readNamed(resolve(dirname(manifest), name), "golden image");
    goldens.push({ name, bytes });
  }
  return goldens;
}

/** Fills a folder beside `out` and gives it that name at the end: it appears whole or not at all. */
async function write(
  out: string,
  { bytes, report }: Pruned,
  spec: ModelSpec,
  goldens: readonly Golden[],
): Promise<void> {
  const target = resolve(out);
  const folder = join(dirname(target), `.${basename(target)}-${randomBytes(4).toString("hex")}`);
  const names = goldens.map(({ name }, i) => `golden/${i + 1}-${basename(name)}`);
  const written = names.length === 0 ? spec : { ...spec, golden: names };
  try {
    await mkdir(join(folder, "golden"), { recursive: true });
    for (const [i, golden] of goldens.entries())
      await writeFile(join(folder, names[i] ?? ""), golden.bytes);
    if (goldens.length === 0) await rmdir(join(folder, "golden"));
    await writeFile(join(folder, "model.onnx"), bytes);
    await writeFile(join(folder, "model.yaml"), stringify(written));
    await writeFile(join(folder, "report.json"), JSON.stringify(report, null, 1));
    await rmdir(target).catch(() => undefined); // an empty one may be there; anything else stops the rename
    await rename(folder, target);
  } catch (cause) {
    await rm(folder, { recursive: true, force: true });
    throw new AppError({
      code: "out-unwritable",
      message: `the folder ${out} cannot be written: ${messageOf(cause)}`,
      cause,
    });
  }
}

async function readNamed(path: string, what: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    const reason = missing ? "does not exist" : `cannot be read: ${messageOf(cause)}`;
    throw new AppError({ code: "bad-file", message: `the ${what} ${path} ${reason}`, cause });
  });
}

function doesNotFit(model: string, flags: PruneFlags, problems: readonly string[]): AppError {
  return new AppError({
    code: "bad-manifest",
    message: `${flags.manifest} and ${model} do not fit together: ${problems[0]}`,
    detail: { errors: problems.map((message) => ({ path: "", message })) },
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
