import { sql } from "kysely";
import type { Db } from "../../../platform/db.ts";
import { type Quarantined, quarantineLimits } from "../quarantine.ts";

/** Counts a refused message, and keeps it while the device's day has room. */
export async function saveQuarantined(tx: Db, entry: Quarantined, at: Date): Promise<void> {
  const { device, channel, reason, bytes, head } = entry;
  await sql`
    with counted as (
      insert into quarantine_counts (device, day, messages)
      values (${device}, (${at}::timestamptz at time zone 'UTC')::date, 1)
      on conflict (device, day) do update set messages = quarantine_counts.messages + 1
      returning messages)
    insert into quarantine (device, channel, reason, bytes, head, at)
    select ${device}, ${channel}, ${reason}, ${bytes}, ${head}, ${at} from counted
    where messages <= ${quarantineLimits.rowsPerDayMax}`.execute(tx);
}

export async function expireQuarantine(db: Db, before: Date): Promise<void> {
  await sql`delete from quarantine where at < ${before}`.execute(db);
  await sql`delete from quarantine_counts where day < ${before}::date`.execute(db);
}
