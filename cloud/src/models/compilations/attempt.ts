/** One attempt at one compilation: from the row in the queue to a registered version. */
import { createReadStream } from "node:fs";
import { mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "@fieldloop/shared/errors";
import type { Platform } from "../../platform/context.ts";
import { findVersion } from "../registry/reads.ts";
import type { Push } from "../registry/registry.ts";
import { announce } from "./announce.ts";
import { type Job, versionTaken } from "./compilation.ts";
import { type CompileResult, keptTrial } from "./compile-messages.ts";
import { createProgressWriter } from "./progress.ts";
import type { CompileOutcome, CompileRunner } from "./run-compile.ts";
import { appendTrial, saveProgress, savePush } from "./store.ts";

export interface Workshop {
  readonly platform: Platform;
  readonly run: CompileRunner;
  /** For what is made, until it lies in the blob store. */
  readonly folder: string;
}

export type Made =
  | { readonly kind: "made"; readonly push: Push }
  | Exclude<CompileOutcome, CompileResult>;

/**
 * Compiles, and stores what was made, so that only the registration is left. Where an earlier attempt
 * came this far, nothing is done again.
 */
export async function make(workshop: Workshop, job: Job, signal: AbortSignal): Promise<Made> {
  if (job.push !== undefined) return { kind: "made", push: job.push };
  const { name, version } = job.view;
  const { db, blobs } = workshop.platform;
  // Somebody may have pushed it while this one waited.
  if ((await findVersion(db, name, version)) !== undefined)
    return { kind: "failed", error: versionTaken(name, version) };
  const needed = [job.model, ...job.goldens, ...job.samples.map(({ image }) => image)];
  for (const digest of needed)
    if ((await blobs.size(digest)) === undefined)
      return {
        kind: "failed",
        error: `the file ${digest.slice(0, 12)} is no longer on the server; ask for the compilation again`,
      };
  const folder = join(workshop.folder, job.view.id);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  try {
    const outcome = await compileThere(workshop, job, folder, signal);
    if (outcome.kind !== "done") return outcome;
    const push = await store(workshop.platform, job, outcome, folder);
    return (await savePush(db, job.view.id, push)) ? { kind: "made", push } : { kind: "stopped" };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function compileThere(
  { platform, run }: Workshop,
  job: Job,
  folder: string,
  signal: AbortSignal,
): Promise<CompileOutcome> {
  const { db, blobs, log } = platform;
  const { id, lossPointsMax } = job.view;
  const warn = (err: unknown) => log.warn({ err, compilation: id }, "progress is not kept");
  const progress = createProgressWriter(async (far) => {
    await saveProgress(db, id, far)
      .then((runs) => (runs ? announce(platform, id) : undefined))
      .catch(warn);
  });
  let saved: Promise<void> = Promise.resolve();
  const outcome = await run({
    signal,
    tell: (message) => {
      if (message.kind === "progress") progress.offer(message);
      else saved = saved.then(() => appendTrial(db, id, message.trial)).catch(warn);
    },
    request: {
      spec: job.spec,
      modelPath: blobs.path(job.model),
      samples: job.samples.map(({ name, image, label }) => ({
        name,
        path: blobs.path(image),
        label: label ?? null,
      })),
      goldens: job.goldens.map((digest) => ({ digest, path: blobs.path(digest) })),
      lossPointsMax,
      kinds: [...job.kinds],
      trials: job.trials.flatMap((trial) => keptTrial.safeParse(trial).data ?? []),
      folder,
    },
  });
  await progress.end();
  await saved;
  return outcome;
}

/** Moves what was made into the blob store; the digests are computed again on the way. */
async function store(
  { blobs }: Platform,
  { goldens }: Job,
  made: CompileResult,
  folder: string,
): Promise<Push> {
  for (const { digest } of [...made.files, made.report]) {
    const path = join(folder, digest); // never where the process says
    await blobs.put(digest, createReadStream(path), (await stat(path)).size);
  }
  const { spec, model, variants, report } = made;
  return { spec, model, variants, goldens, report: report.digest };
}

/** Why a registration failed, in one sentence. */
export function registrationSentence(error: unknown): string {
  return `what was compiled cannot be registered: ${messageOf(error)}`;
}
