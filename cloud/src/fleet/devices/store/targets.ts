import { sql } from "kysely";
import type { Db } from "../../../platform/db.ts";
import type { ModelTarget } from "../target.ts";
import type {} from "./tables.ts";

/** Any fixed number: targets and what devices make of them change one transaction at a time. */
const targetLock = 7_301_848;

export async function lockTargets(tx: Db): Promise<void> {
  await sql`select pg_advisory_xact_lock(${targetLock})`.execute(tx);
}

export async function loadTargets(tx: Db): Promise<ModelTarget[]> {
  const rows = await tx.selectFrom("model_targets").selectAll().execute();
  return rows.map(({ model, alias, version, manifest, manifest_bytes, promoted }) => {
    return { model, alias, version, manifest, manifestBytes: manifest_bytes, promoted };
  });
}

/** Points an alias; an alias that exists keeps its place in the order of promotion. */
export async function saveTarget(
  tx: Db,
  target: Omit<ModelTarget, "promoted"> & { readonly by: string },
  now: number,
): Promise<void> {
  const set = {
    version: target.version,
    manifest: target.manifest,
    manifest_bytes: target.manifestBytes,
    set_by: target.by,
    set_at: new Date(now),
  };
  await tx
    .insertInto("model_targets")
    .values({ model: target.model, alias: target.alias, ...set })
    .onConflict((conflict) => conflict.columns(["model", "alias"]).doUpdateSet(set))
    .execute();
}

/** What decides about the model of each live device, and what it has now. */
export async function loadFollowers(tx: Db, only: readonly string[] | undefined) {
  let query = tx
    .selectFrom("devices")
    .select(["id", "role", "group_name as group", "follows", "target_manifest as manifest"])
    .where("removed_at", "is", null)
    .orderBy("id");
  if (only !== undefined) query = query.where("id", "in", [...only]);
  return await query.execute();
}

/** Gives devices a new target and bumps their desired version. */
export async function moveDevices(
  tx: Db,
  ids: readonly string[],
  target: ModelTarget | undefined,
): Promise<{ readonly id: string; readonly version: number }[]> {
  return await tx
    .updateTable("devices")
    .set({
      target_name: target?.model ?? null,
      target_version: target?.version ?? null,
      target_manifest: target?.manifest ?? null,
      target_bytes: target?.manifestBytes ?? null,
      desired_version: sql<number>`desired_version + 1`,
    })
    .where(sql<boolean>`id = any(${[...ids]}::text[])`)
    .returning(["id", "desired_version as version"])
    .execute();
}
