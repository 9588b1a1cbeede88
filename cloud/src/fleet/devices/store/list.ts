import type { Scope } from "@fieldloop/shared/permissions";
import { type RawBuilder, sql } from "kysely";
import type { Db } from "../../../platform/db.ts";
import type { Device } from "../devices.ts";
import { silenceMsMin, silentWindows } from "../status.ts";
import { deviceColumns, deviceOf } from "./rows.ts";
import type {} from "./tables.ts";

/** Which devices are meant. */
export interface DeviceQuery {
  readonly scope: Scope;
  /** Words that must all occur in id, site, group, model or status. */
  readonly words: readonly string[];
  /** For the status: the fleet's window length and the time, milliseconds. */
  readonly windowMs: number;
  readonly now: number;
}

/** A page of devices by id, after `after`, and how many there are in all. */
export async function pageOfDevices(
  db: Db,
  query: DeviceQuery,
  page: { readonly limit: number; readonly after: string | undefined },
): Promise<{ readonly items: Device[]; readonly total: number }> {
  const wanted = matches(query);
  const counted = await db
    .selectFrom("devices")
    .select(sql<number>`count(*)::int`.as("total"))
    .where(wanted)
    .executeTakeFirstOrThrow();
  let rows = db
    .selectFrom("devices")
    .select(deviceColumns)
    .where(wanted)
    .orderBy("id")
    .limit(page.limit);
  if (page.after !== undefined) rows = rows.where("id", ">", page.after);
  return { items: (await rows.execute()).map(deviceOf), total: counted.total };
}

/** Live devices per status. */
export async function countByStatus(db: Db, windowMs: number, now: number) {
  const status = statusSql(windowMs, now);
  return await db
    .selectFrom("devices")
    .select([status.as("status"), sql<number>`count(*)::int`.as("n")])
    .where("removed_at", "is", null)
    .groupBy("status")
    .execute();
}

/** Ids of the cameras in scope, of all or of those named. */
export async function camerasInScope(
  db: Db,
  scope: Scope,
  named: readonly string[] | undefined,
): Promise<string[]> {
  let query = db
    .selectFrom("devices")
    .select("id")
    .where(inScopeSql(scope))
    .where("role", "=", "camera")
    .orderBy("id");
  if (named !== undefined) query = query.where(sql<boolean>`id = any(${[...named]}::text[])`);
  return (await query.execute()).map((row) => row.id);
}

function matches(query: DeviceQuery): RawBuilder<boolean> {
  const status = statusSql(query.windowMs, query.now);
  const text = sql`concat_ws(' ', id, site, group_name, running_name || '@' || running_version, ${status})`;
  const words = query.words.map((word) => sql`and ${text} ilike ${`%${escaped(word)}%`}`);
  return sql<boolean>`(${inScopeSql(query.scope)} ${sql.join(words, sql` `)})`;
}

function inScopeSql({ sites, groups }: Scope): RawBuilder<boolean> {
  return sql<boolean>`(removed_at is null
    and (${sites}::text[] is null or site = any(${sites}::text[]))
    and (${groups}::text[] is null or group_name = any(${groups}::text[])))`;
}

/** The same as `statusOf`; a test holds the two together. */
function statusSql(windowMs: number, now: number): RawBuilder<string> {
  const own = sql`coalesce((settings->>'windowMs')::float8, ${windowMs}::float8)`;
  const silenceMs = sql`greatest(${silentWindows}::float8 * ${own}, ${silenceMsMin}::float8)`;
  return sql<string>`case when last_seen is null then 'pending' when not online then 'offline'
    when ${new Date(now)}::timestamptz - last_seen > ${silenceMs} * interval '1 millisecond'
    then 'stale' else 'online' end`;
}

/** `%`, `_` and the escape itself stand for themselves. */
function escaped(word: string): string {
  return word.replace(/[\\%_]/g, (mark) => `\\${mark}`);
}
