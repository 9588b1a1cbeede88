import type { ModelManifest } from "@fieldloop/shared/manifest/model";
import type { Db } from "../../platform/db.ts";
import type { Version, VersionBlob } from "./registry.ts";

declare module "../../platform/db.ts" {
  interface Tables {
    blobs: { digest: string; bytes: number; stored_at: Date; stored_by: string };
    models: { name: string; created_at: Date };
    model_versions: {
      name: string;
      version: string;
      content: string;
      manifest: string;
      manifest_bytes: number;
      document: unknown;
      task: string;
      licence: string | null;
      bytes: number;
      warnings: readonly string[];
      created_at: Date;
      created_by: string;
    };
    model_blobs: { name: string; version: string; digest: string; role: string };
    model_aliases: {
      name: string;
      alias: string;
      version: string;
      changed_at: Date;
      changed_by: string;
    };
  }
}

/** Notes blobs that lie in the blob store; those that are known already keep their row. */
export async function noteBlobs(
  db: Db,
  blobs: readonly { readonly digest: string; readonly bytes: number }[],
  by: string,
  now: number,
): Promise<void> {
  if (blobs.length === 0) return;
  const rows = blobs.map(({ digest, bytes }) => ({
    digest,
    bytes,
    stored_at: new Date(now),
    stored_by: by,
  }));
  await db
    .insertInto("blobs")
    .values(rows)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Adds a version with its blobs. @returns false where the version exists: nothing is written then */
export async function insertVersion(
  tx: Db,
  version: Version,
  document: ModelManifest,
  blobs: readonly VersionBlob[],
): Promise<boolean> {
  const { name, createdAt, createdBy, manifestBytes, ...same } = version;
  const created_at = new Date(createdAt);
  await tx
    .insertInto("models")
    .values({ name, created_at })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await noteBlobs(tx, blobs, createdBy, createdAt);
  const inserted = await tx
    .insertInto("model_versions")
    .values({
      ...same,
      name,
      created_at,
      created_by: createdBy,
      manifest_bytes: manifestBytes,
      document: JSON.stringify(document),
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if ((inserted.numInsertedOrUpdatedRows ?? 0n) === 0n) return false;
  await tx
    .insertInto("model_blobs")
    .values(blobs.map(({ digest, role }) => ({ name, version: version.version, digest, role })))
    .onConflict((conflict) => conflict.doNothing()) // one picture may be two golden images
    .execute();
  return true;
}

/** Takes the model's lock until the transaction ends. @returns false where there is no such model */
export async function lockModel(tx: Db, name: string): Promise<boolean> {
  const row = await tx
    .selectFrom("models")
    .select("name")
    .where("name", "=", name)
    .forUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

/** Points an alias at a version. */
export async function saveAlias(
  tx: Db,
  alias: {
    readonly name: string;
    readonly alias: string;
    readonly version: string;
    readonly by: string;
  },
  now: number,
): Promise<void> {
  const change = { version: alias.version, changed_at: new Date(now), changed_by: alias.by };
  await tx
    .insertInto("model_aliases")
    .values({ name: alias.name, alias: alias.alias, ...change })
    .onConflict((conflict) => conflict.columns(["name", "alias"]).doUpdateSet(change))
    .execute();
}
