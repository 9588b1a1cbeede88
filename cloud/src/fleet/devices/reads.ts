/** What other modules ask about devices. */
import type { DesiredDocument } from "@fieldloop/shared/messages/twin";
import { inScope, type Scope } from "@fieldloop/shared/permissions";
import type { DeviceRole } from "@fieldloop/shared/topics";
import { sql } from "kysely";
import { secretMatches } from "../../platform/auth/secret.ts";
import type { Db } from "../../platform/db.ts";
import { parseCredential } from "./credential.ts";
import type { Device } from "./devices.ts";
import { deviceColumns, deviceOf, targetOf } from "./store/rows.ts";

/** A device as far as it proved who it is. */
export interface KnownDevice {
  readonly id: string;
  readonly role: DeviceRole;
  readonly site: string | null;
  readonly group: string | null;
}

/** A hash that nothing matches, so that an unknown id takes as long as a known one. */
const noHash = "0".repeat(64);

/** The device a credential belongs to; `undefined` for a wrong one and for removed devices. */
export async function verifyCredential(
  db: Db,
  credential: string,
): Promise<KnownDevice | undefined> {
  const parts = parseCredential(credential);
  if (parts === undefined) return undefined;
  const row = await db
    .selectFrom("devices")
    .select(["id", "role", "site", "group_name", "secret_hash"])
    .where("id", "=", parts.id)
    .where("removed_at", "is", null)
    .executeTakeFirst();
  if (!secretMatches(parts.secret, row?.secret_hash ?? noHash) || row === undefined)
    return undefined;
  const role = row.role === "station" ? "station" : "camera";
  return { id: row.id, role, site: row.site, group: row.group_name };
}

/** The model a device is meant to run; `undefined` for none and for unknown or removed devices. */
export async function desiredModelOf(
  db: Db,
  deviceId: string,
): Promise<NonNullable<DesiredDocument["model"]> | undefined> {
  const row = await db
    .selectFrom("devices")
    .select(["target_name", "target_version", "target_manifest", "target_bytes"])
    .where("id", "=", deviceId)
    .where("removed_at", "is", null)
    .executeTakeFirst();
  return (row && targetOf(row)) ?? undefined;
}

/** Cameras per version of a model: how many report running it, and how many are meant to. */
export async function devicesRunning(
  db: Db,
  model: string,
): Promise<ReadonlyMap<string, { readonly running: number; readonly desired: number }>> {
  const { rows } = await sql<{ version: string; running: number; desired: number }>`
    select version, sum(running)::int as running, sum(desired)::int as desired from (
      select running_version as version, 1 as running, 0 as desired from devices
        where running_name = ${model} and removed_at is null and role = 'camera'
      union all
      select target_version, 0, 1 from devices
        where target_name = ${model} and removed_at is null and role = 'camera'
    ) counted group by version`.execute(db);
  return new Map(rows.map(({ version, running, desired }) => [version, { running, desired }]));
}

/** A device by id; `undefined` where it is unknown or removed. */
export async function findDevice(db: Db, id: string): Promise<Device | undefined> {
  const row = await db
    .selectFrom("devices")
    .select(deviceColumns)
    .where("id", "=", id)
    .where("removed_at", "is", null)
    .executeTakeFirst();
  return row && deviceOf(row);
}

/** Devices by id, in no order; unknown and removed ones are left out. */
export async function findDevices(db: Db, ids: readonly string[]): Promise<Device[]> {
  const rows = await db
    .selectFrom("devices")
    .select(deviceColumns)
    .where(sql<boolean>`id = any(${[...ids]}::text[])`)
    .where("removed_at", "is", null)
    .execute();
  return rows.map(deviceOf);
}

/** Whether a device exists and lies within the scope; the caller answers 404 otherwise. */
export async function seesDevice(db: Db, scope: Scope, id: string): Promise<boolean> {
  const row = await db
    .selectFrom("devices")
    .select(["site", "group_name"])
    .where("id", "=", id)
    .where("removed_at", "is", null)
    .executeTakeFirst();
  return row !== undefined && inScope(scope, row.site, row.group_name);
}
