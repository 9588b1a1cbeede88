/** Questions about the registry, for itself and for other modules. */
import { type ModelManifest, modelManifest } from "@fieldloop/shared/manifest/model";
import type { Selectable } from "kysely";
import type { Db, Tables } from "../../platform/db.ts";
import { byVersion, type Version } from "./registry.ts";
import type {} from "./store.ts"; // declares the tables

/** Where an alias points. */
export interface Alias {
  readonly name: string;
  readonly alias: string;
  readonly version: string;
  readonly changedAt: number;
  readonly changedBy: string;
}

const columns = [
  "name",
  "version",
  "content",
  "manifest",
  "manifest_bytes",
  "task",
  "licence",
  "bytes",
  "warnings",
  "created_at",
  "created_by",
] as const;

/** Versions of one model, or of all of them, highest first. */
export async function listVersions(db: Db, name?: string): Promise<Version[]> {
  let query = db.selectFrom("model_versions").select(columns);
  if (name !== undefined) query = query.where("name", "=", name);
  return byVersion((await query.execute()).map(versionOf));
}

/** One version, or `undefined`. */
export async function findVersion(
  db: Db,
  name: string,
  version: string,
): Promise<Version | undefined> {
  const row = await db
    .selectFrom("model_versions")
    .select(columns)
    .where("name", "=", name)
    .where("version", "=", version)
    .executeTakeFirst();
  return row && versionOf(row);
}

/** The canonical manifest of a version that exists. */
export async function readManifest(db: Db, name: string, version: string): Promise<ModelManifest> {
  const { document } = await db
    .selectFrom("model_versions")
    .select("document")
    .where("name", "=", name)
    .where("version", "=", version)
    .executeTakeFirstOrThrow();
  return modelManifest.parse(document);
}

/** Aliases of one model, or of all of them, by name. */
export async function listAliases(db: Db, name?: string): Promise<Alias[]> {
  let query = db.selectFrom("model_aliases").selectAll().orderBy("name").orderBy("alias");
  if (name !== undefined) query = query.where("name", "=", name);
  return (await query.execute()).map(({ changed_at, changed_by, ...same }) => ({
    ...same,
    changedAt: changed_at.getTime(),
    changedBy: changed_by,
  }));
}

/** Names of the models, in order. */
export async function modelNames(db: Db): Promise<string[]> {
  const rows = await db.selectFrom("models").select("name").orderBy("name").execute();
  return rows.map((row) => row.name);
}

/** Does any version of the model need this blob? */
export async function modelNeedsBlob(db: Db, name: string, digest: string): Promise<boolean> {
  const row = await db
    .selectFrom("model_blobs")
    .select("digest")
    .where("digest", "=", digest)
    .where("name", "=", name)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Does this version need this blob? */
export async function versionNeedsBlob(
  db: Db,
  { name, version }: { readonly name: string; readonly version: string },
  digest: string,
): Promise<boolean> {
  const row = await db
    .selectFrom("model_blobs")
    .select("digest")
    .where("digest", "=", digest)
    .where("name", "=", name)
    .where("version", "=", version)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

function versionOf(
  row: Pick<Selectable<Tables["model_versions"]>, (typeof columns)[number]>,
): Version {
  const { manifest_bytes, created_at, created_by, ...same } = row;
  return {
    ...same,
    manifestBytes: manifest_bytes,
    createdAt: created_at.getTime(),
    createdBy: created_by,
  };
}
