import { type ReportedState, reportedState } from "@fieldloop/shared/messages/twin";
import { sql } from "kysely";
import type { Db } from "../../../platform/db.ts";
import type { Device, StoredSettings } from "../devices.ts";
import { deviceColumns, deviceOf } from "./rows.ts";
import type {} from "./tables.ts";

/** Adds a device; `false` where the id is or was taken. */
export async function insertDevice(
  tx: Db,
  device: Pick<Device, "id" | "role" | "profile" | "site" | "group"> & {
    readonly secretHash: string;
  },
  now: number,
): Promise<boolean> {
  const result = await tx
    .insertInto("devices")
    .values({
      id: device.id,
      role: device.role,
      profile: device.profile,
      site: device.site,
      group_name: device.group,
      secret_hash: device.secretHash,
      enrolled_at: new Date(now),
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** A device, locked until the transaction ends. */
export async function lockDevice(tx: Db, id: string): Promise<Device | undefined> {
  const row = await tx
    .selectFrom("devices")
    .select(deviceColumns)
    .where("id", "=", id)
    .where("removed_at", "is", null)
    .forUpdate()
    .executeTakeFirst();
  return row && deviceOf(row);
}

/** What the device said last; `undefined` before the first state, or where a newer schema refuses it. */
export async function loadReported(db: Db, id: string): Promise<ReportedState | undefined> {
  const row = await db
    .selectFrom("devices")
    .select("reported")
    .where("id", "=", id)
    .executeTakeFirst();
  return reportedState.safeParse(row?.reported).data;
}

/** Saves what people set, counts it in the revision, and bumps the desired version where asked. */
export async function saveChoices(
  tx: Db,
  id: string,
  choices: Pick<Device, "site" | "group" | "follows"> & { readonly settings: StoredSettings },
  bump: boolean,
): Promise<void> {
  await tx
    .updateTable("devices")
    .set({
      site: choices.site,
      group_name: choices.group,
      follows: choices.follows,
      settings: JSON.stringify(choices.settings),
      revision: sql<number>`revision + 1`,
      desired_version: sql<number>`desired_version + ${bump ? 1 : 0}`,
    })
    .where("id", "=", id)
    .execute();
}

/** Until when frames are wanted; returns the new desired version. */
export async function savePreview(tx: Db, id: string, until: number): Promise<number> {
  const row = await tx
    .updateTable("devices")
    .set({ preview_until: new Date(until), desired_version: sql<number>`desired_version + 1` })
    .where("id", "=", id)
    .returning("desired_version")
    .executeTakeFirstOrThrow();
  return row.desired_version;
}

/** Notes that a camera is asked for a new reference; returns the new desired version. */
export async function saveCommission(
  tx: Db,
  id: string,
  camera: string,
  at: number,
): Promise<number> {
  const row = await tx
    .updateTable("devices")
    .set({
      commissions: sql<string>`commissions || jsonb_build_object(${camera}::text, ${at}::bigint)`,
      desired_version: sql<number>`desired_version + 1`,
    })
    .where("id", "=", id)
    .returning("desired_version")
    .executeTakeFirstOrThrow();
  return row.desired_version;
}

/** Sets the world of those devices that do not show it yet; returns them with their versions. */
export async function saveWorld(tx: Db, ids: readonly string[], world: string) {
  return await tx
    .updateTable("devices")
    .set({
      scene: sql<string>`scene || jsonb_build_object('world', ${world}::text)`,
      desired_version: sql<number>`desired_version + 1`,
    })
    .where(sql<boolean>`id = any(${[...ids]}::text[])`)
    .where(sql<boolean>`scene->>'world' is distinct from ${world}`)
    .returning(["id", "desired_version as version"])
    .execute();
}

export async function markRemoved(tx: Db, id: string, now: number): Promise<void> {
  await tx
    .updateTable("devices")
    .set({ removed_at: new Date(now), online: false })
    .where("id", "=", id)
    .execute();
}
