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
  type Version,
  type VersionBlob,
} from "./registry.ts";
import { checkReport } from "./report.ts";
import { insertVersion } from "./store.ts";
import type { Trial } from "./trial-messages.ts";
import { type Tried, tryOut } from "./try-out.ts";

export interface Registered {
  readonly version: Version;
  readonly document: ModelManifest;
}

/**
 * Registers a version: spec and files are checked against each other, each file runs once on each
 * golden image, and what it answers there is what devices that run it must answer too.
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
  const report =
    push.report === undefined ? undefined : await checkReport(platform.blobs, push.report);
  const tried = await tryOut(platform.blobs, trial, push);
  const warnings = [...tried.warnings, ...(await furtherWarnings(db, tried.manifest))];
  const manifest = buildManifest(tried.manifest, tried.files, report);
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

async function furtherWarnings(db: Db, manifest: Tried["manifest"]): Promise<string[]> {
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
    bytes: blobs.reduce((sum, { role, bytes }) => sum + (role === "variant" ? bytes : 0), 0),
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
  const all: VersionBlob[] = [
    { digest, bytes: bytes.byteLength, role: "manifest" },
    ...files.map(({ digest, bytes, role }) => ({ digest, bytes, role })),
    ...goldens.map((golden) => ({ ...golden, role: "golden" as const })),
    ...(document.report === undefined ? [] : [{ ...document.report, role: "report" as const }]),
  ];
  // Variants share their golden images.
  return [...new Map(all.map((blob) => [`${blob.role} ${blob.digest}`, blob])).values()];
}

async function record(tx: Db, version: Version, blobs: readonly VersionBlob[], now: number) {
  const subject = `model:${version.name}@${version.version}`;
  for (const { digest, role } of blobs)
    await appendLineage(tx, { subject, relation: `has-${role}`, object: `blob:${digest}` }, now);
  const { manifest, bytes, licence, warnings } = version;
  const detail = { manifest, bytes, licence, warnings };
  await appendAudit(tx, { actor: version.createdBy, act: "models:push", subject, detail }, now);
}
