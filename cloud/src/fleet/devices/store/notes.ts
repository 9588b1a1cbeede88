import type { DeviceSummary } from "@fieldloop/shared/contract/devices";
import type { OnlineMessage } from "@fieldloop/shared/messages/control";
import type { ReportedState } from "@fieldloop/shared/messages/twin";
import { sql } from "kysely";
import type { Db } from "../../../platform/db.ts";
import { storedUpdate } from "../devices.ts";
import type { UpdateProgress } from "../update-progress.ts";
import type {} from "./tables.ts";

/** The last sign of life is written at most this often. */
const seenEveryMs = 5000;
/** A message this long after a last will proves that the device is back on the same boot. */
const willSettlesMs = 10_000;

/** Records a birth; returns the version of the desired document, `undefined` for no such device. */
export async function saveBirth(
  tx: Db,
  id: string,
  birth: OnlineMessage,
  now: number,
): Promise<{ readonly desiredVersion: number } | undefined> {
  const at = new Date(now);
  const row = await tx
    .updateTable("devices")
    .set({
      online: true,
      online_changed_at: at,
      boot: birth.boot,
      agent_version: birth.agentVersion,
      last_seen: at,
    })
    .where("id", "=", id)
    .where("removed_at", "is", null)
    .returning("desired_version")
    .executeTakeFirst();
  return row && { desiredVersion: row.desired_version };
}

/** Records a last will of the boot that is known; another boot's changes nothing. */
export async function saveWill(tx: Db, id: string, boot: string, now: number): Promise<void> {
  await tx
    .updateTable("devices")
    .set({ online: false, online_changed_at: new Date(now) })
    .where("id", "=", id)
    .where("boot", "=", boot)
    .where("online", "=", true)
    .execute();
}

export async function saveReported(
  tx: Db,
  id: string,
  state: ReportedState,
  now: number,
): Promise<void> {
  await tx
    .updateTable("devices")
    .set({
      reported: JSON.stringify(state),
      agent_version: state.agentVersion,
      running_name: state.model?.name ?? null,
      running_version: state.model?.version ?? null,
      world: state.scene.world ?? null,
      last_seen: sql<Date>`greatest(last_seen, ${new Date(now)})`,
    })
    .where("id", "=", id)
    .where("removed_at", "is", null)
    .execute();
}

export async function loadProgress(tx: Db, id: string): Promise<DeviceSummary["update"]> {
  const row = await tx
    .selectFrom("devices")
    .select("update_progress")
    .where("id", "=", id)
    .executeTakeFirst();
  return storedUpdate.parse(row?.update_progress ?? null);
}

export async function saveProgress(tx: Db, id: string, progress: UpdateProgress): Promise<void> {
  await tx
    .updateTable("devices")
    .set({ update_progress: JSON.stringify(progress) })
    .where("id", "=", id)
    .where("removed_at", "is", null)
    .execute();
}

/** A device that speaks well after its last will is connected: the will was an older connection's. */
export async function saveSeen(tx: Db, id: string, now: number): Promise<void> {
  const settled = new Date(now - willSettlesMs);
  await tx
    .updateTable("devices")
    .set({
      last_seen: new Date(now),
      online: sql<boolean>`online or online_changed_at is null or online_changed_at < ${settled}`,
    })
    .where("id", "=", id)
    .where("removed_at", "is", null)
    .where((eb) =>
      eb.or([eb("last_seen", "is", null), eb("last_seen", "<=", new Date(now - seenEveryMs))]),
    )
    .execute();
}

export async function saveLatest(
  tx: Db,
  id: string,
  latest: NonNullable<DeviceSummary["latest"]>,
): Promise<void> {
  await tx
    .updateTable("devices")
    .set({ latest: JSON.stringify(latest) })
    .where("id", "=", id)
    .where("removed_at", "is", null)
    .where(sql<boolean>`latest is null or (latest->>'at')::float8 <= ${latest.at}`)
    .execute();
}

/** Nobody is connected to a broker that has just started. Returns how many were thought to be. */
export async function saveAllOffline(tx: Db, now: number): Promise<number> {
  const result = await tx
    .updateTable("devices")
    .set({ online: false, online_changed_at: new Date(now) })
    .where("online", "=", true)
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}
