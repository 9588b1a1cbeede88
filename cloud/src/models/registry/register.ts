import { AppError } from "@fieldloop/shared/errors";
import type { ModelManifest } from "@fieldloop/shared/manifest/model";
import type { Platform } from "../../platform/context.ts";
import type { Db } from "../../platform/db.ts";
import { appendAudit, appendLineage } from "../../platform/ledger/store.ts";
import { findVersion, listVersions, readManifest } from "./reads.ts";
import {
  type BuiltManifest,
  buildManifest,
  contentOf,
  copyleftWarning,
  labelWarning,
  type Push,
  steadiest,
  unsureWarnings,
  type Version,
  type VersionBlob,
} from "./registry.ts";
import { insertVersion } from "./store.ts";
import { picturesKept, testPictures } from "./test-pictures.ts";
import type { Trial, TrialAnswer, TrialProblem, TrialReport } from "./trial-messages.ts";

interface Blob {
  readonly digest: string;
  readonly bytes: number;
}

export interface Registered {
  readonly version: Version;
  readonly document: ModelManifest;
}

/**
 * Registers a version: spec and file are checked against each other, the model runs once on each
 * golden image, and what it answers there is what devices must answer too.
 *
 * The same push again gives the version that exists.
 * @throws AppError 422 `model-rejected` with everything that does not fit in `detail.errors`,
 *   409 `version-exists` where the version has other content
 */
export async function registerVersion(
  platform: Platform,
  trial: Trial,
  push: Push,
  by: string,
): Promise<Registered> {
  const { db } = platform;
  const existing = await existingVersion(db, push);
  if (existing !== undefined) return existing;
  const file = await requireBlobs(platform, push);
  const tried = await tryOut(platform, trial, push);
  const { fits } = tried;
  const warnings = [...fits.warnings, ...(await furtherWarnings(db, fits)), ...tried.warnings];
  const manifest = buildManifest(fits, file, tried.answers);
  await platform.blobs.putBytes(manifest.bytes); // named by a row only if the transaction commits
  const registered = await save(platform, { push, manifest, by, warnings });
  platform.live.publish({ kind: "model", name: push.spec.name });
  return registered;
}

async function existingVersion(db: Db, push: Push): Promise<Registered | undefined> {
  const { name, version } = push.spec;
  const found = await findVersion(db, name, version);
  if (found === undefined) return undefined;
  if (found.content !== contentOf(push)) throw otherContent(name, version);
  return { version: found, document: await readManifest(db, name, version) };
}

function otherContent(name: string, version: string): AppError {
  return new AppError({
    code: "version-exists",
    status: 409,
    message: `${name} version ${version} exists with other content; raise the version`,
  });
}

async function requireBlobs({ blobs }: Platform, push: Push): Promise<Blob> {
  const missing: TrialProblem[] = [];
  const absent = (path: string, what: string, digest: string) =>
    missing.push({
      path,
      message: `${what} ${digest.slice(0, 12)} is not on the server; upload it first (PUT /api/v1/blobs/${digest})`,
    });
  const bytes = await blobs.size(push.model);
  if (bytes === undefined) absent("model", "the model file", push.model);
  for (const digest of push.goldens)
    if ((await blobs.size(digest)) === undefined) absent("goldens", "golden image", digest);
  if (bytes === undefined || missing.length > 0) throw rejected(push, missing);
  return { digest: push.model, bytes };
}

interface Tried {
  readonly fits: Extract<TrialReport, { kind: "fits" }>;
  /** Those that become golden questions. */
  readonly answers: readonly TrialAnswer[];
  readonly warnings: readonly string[];
}

async function tryOut({ blobs }: Platform, trial: Trial, push: Push): Promise<Tried> {
  const given = push.goldens.length > 0;
  const digests = given ? push.goldens : await storeTestPictures(blobs);
  const pictures = await Promise.all(
    digests.map(async (digest) => {
      const bytes = (await blobs.size(digest)) ?? 0; // all of them were just seen or stored
      return { digest, bytes, path: blobs.path(digest) };
    }),
  );
  const request = { spec: push.spec, modelPath: blobs.path(push.model), pictures };
  const report = await trial(request);
  if (report.kind === "problems") throw rejected(push, report.problems);
  const answers = given ? report.answers : steadiest(report.answers, picturesKept);
  return { fits: report, answers, warnings: given ? unsureWarnings(answers) : [] };
}

async function storeTestPictures(blobs: Platform["blobs"]): Promise<string[]> {
  const digests: string[] = [];
  for (const picture of await testPictures()) digests.push((await blobs.putBytes(picture)).digest);
  return digests;
}

function rejected({ spec }: Push, problems: readonly TrialProblem[]): AppError {
  const [first] = problems;
  const rest = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  return new AppError({
    code: "model-rejected",
    status: 422,
    message: `${spec.name} ${spec.version} cannot be registered: ${first?.message}${rest}`,
    detail: { errors: problems },
  });
}

async function furtherWarnings(db: Db, { manifest }: Tried["fits"]): Promise<string[]> {
  const [newest] = await listVersions(db, manifest.name);
  const earlier = newest && (await readManifest(db, manifest.name, newest.version));
  return [copyleftWarning(manifest.licence), labelWarning(manifest.labels, earlier)].filter(
    (warning) => warning !== undefined,
  );
}

interface Save {
  readonly push: Push;
  readonly manifest: BuiltManifest;
  readonly warnings: readonly string[];
  readonly by: string;
}

async function save(platform: Platform, { push, manifest, warnings, by }: Save) {
  const { document } = manifest;
  const now = platform.now();
  const blobs = blobsOf(manifest);
  const version: Version = {
    name: document.name,
    version: document.version,
    content: contentOf(push),
    manifest: manifest.digest,
    manifestBytes: manifest.bytes.byteLength,
    task: document.task,
    licence: document.licence,
    bytes: document.variants.reduce((sum, variant) => sum + variant.bytes, 0),
    warnings,
    createdAt: now,
    createdBy: by,
  };
  return await platform.db.transaction().execute(async (tx): Promise<Registered> => {
    const inserted = await insertVersion(tx, version, document, blobs);
    if (inserted) await record(tx, version, blobs, now);
    // Another push of the same version may have been first: the same is fine, anything else is not.
    const stored = inserted ? { version, document } : await existingVersion(tx, push);
    if (stored === undefined) throw otherContent(version.name, version.version);
    return stored;
  });
}

function blobsOf({ document, digest, bytes }: BuiltManifest): VersionBlob[] {
  const files = document.variants.map((variant) => ({ ...variant, role: "variant" as const }));
  const goldens = document.variants.flatMap((variant) =>
    variant.goldens.map((golden) => ({ digest: golden.image, bytes: golden.bytes })),
  );
  return [
    { digest, bytes: bytes.byteLength, role: "manifest" },
    ...files.map(({ digest, bytes, role }) => ({ digest, bytes, role })),
    ...goldens.map((golden) => ({ ...golden, role: "golden" as const })),
  ];
}

async function record(tx: Db, version: Version, blobs: readonly VersionBlob[], now: number) {
  const subject = `model:${version.name}@${version.version}`;
  for (const { digest, role } of blobs)
    await appendLineage(tx, { subject, relation: `has-${role}`, object: `blob:${digest}` }, now);
  const { manifest, bytes, licence, warnings } = version;
  const detail = { manifest, bytes, licence, warnings };
  await appendAudit(tx, { actor: version.createdBy, act: "models:push", subject, detail }, now);
}
