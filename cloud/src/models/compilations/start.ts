/** Asks for a compilation: checks what can be checked in seconds, and puts it into the queue. */
import { randomUUID } from "node:crypto";
import type { Compilation } from "@fieldloop/shared/contract/compilations";
import { AppError } from "@fieldloop/shared/errors";
import type { Platform } from "../../platform/context.ts";
import type { Db } from "../../platform/db.ts";
import { appendAudit } from "../../platform/ledger/store.ts";
import { findVersion } from "../registry/reads.ts";
import type { Trial, TrialReport } from "../registry/trial-messages.ts";
import { announce } from "./announce.ts";
import {
  type Problem,
  rejected,
  sampleProblems,
  versionTaken,
  type Wish,
  waitingMax,
} from "./compilation.ts";
import { countWaiting, findOpen, insertCompilation, lockQueue } from "./store.ts";

type Blobs = Platform["blobs"];

/**
 * Writes a durable row; whoever runs compilations is to be told.
 * @throws AppError 422 `compilation-rejected` with everything that does not fit in `detail.errors`,
 *   409 `version-exists` or `compiles-already`, 429 `compilations-busy` where too many wait
 */
export async function startCompilation(
  platform: Platform,
  trial: Trial,
  wish: Wish,
  by: string,
): Promise<Compilation> {
  const { db, blobs } = platform;
  await requireRoom(db, wish); // before the model is looked at, which takes seconds
  const sizes = await requireBlobs(blobs, wish);
  const report = await trial({
    spec: wish.spec,
    modelPath: blobs.path(wish.model),
    pictures: [...new Set(wish.goldens)].map((digest) => ({
      digest,
      bytes: sizes.get(digest) ?? 0, // all of them were seen
      path: blobs.path(digest),
    })),
  });
  const problems = problemsOf(report, wish);
  if (problems.length > 0) throw rejected(wish, problems);
  const id = randomUUID();
  await db.transaction().execute(async (tx) => {
    await lockQueue(tx);
    await requireRoom(tx, wish);
    const now = platform.now();
    await insertCompilation(tx, { id, wish, by }, now);
    const { name, version } = wish.spec;
    const { model, samples, lossPointsMax, kinds } = wish;
    const detail = { compilation: id, model, samples: samples.length, lossPointsMax, kinds };
    const subject = `model:${name}@${version}`;
    await appendAudit(tx, { actor: by, act: "compilations:start", subject, detail }, now);
  });
  const view = await announce(platform, id);
  if (view === undefined) throw new Error("the row was just written");
  return view;
}

async function requireRoom(db: Db, { spec: { name, version } }: Wish): Promise<void> {
  if ((await findVersion(db, name, version)) !== undefined)
    throw new AppError({
      code: "version-exists",
      status: 409,
      message: versionTaken(name, version),
    });
  const other = await findOpen(db, name, version);
  if (other !== undefined)
    throw new AppError({
      code: "compiles-already",
      status: 409,
      message: `${name} version ${version} is being compiled already (${other.id}, asked for by ${other.createdBy}); wait for it, cancel it, or raise the version`,
    });
  const waiting = await countWaiting(db);
  if (waiting < waitingMax) return;
  throw new AppError({
    code: "compilations-busy",
    status: 429,
    retryable: true,
    message: `${waiting} compilations wait already, as many as may; try again when one has ended, or compile on another machine with \`fieldloop models compile --out\``,
  });
}

async function requireBlobs(blobs: Blobs, wish: Wish): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  const missing: Problem[] = [];
  const look = async (path: string, what: string, digest: string) => {
    const bytes = sizes.get(digest) ?? (await blobs.size(digest));
    if (bytes !== undefined) return sizes.set(digest, bytes);
    const message = `${what} ${digest.slice(0, 12)} is not on the server; upload it first (PUT /api/v1/blobs/${digest})`;
    return missing.push({ path, message });
  };
  await look("model", "the model file", wish.model);
  for (const [i, digest] of wish.goldens.entries())
    await look(`goldens.${i}`, "golden image", digest);
  for (const [i, { name, image }] of wish.samples.entries())
    await look(`samples.${i}.image`, `the picture ${name},`, image);
  if (missing.length > 0) throw rejected(wish, missing);
  return sizes;
}

function problemsOf(report: TrialReport, { samples }: Wish): readonly Problem[] {
  if (report.kind === "problems") return report.problems;
  const { manifest, variant } = report;
  return sampleProblems(samples, manifest.labels, variant.input);
}
