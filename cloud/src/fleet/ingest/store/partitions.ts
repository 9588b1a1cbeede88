import { sql } from "kysely";
import type { Db } from "../../../platform/db.ts";
import type { Partition } from "../partitions.ts";

/** Any fixed number: whoever holds this advisory lock changes partitions. */
const partitionLock = 7_301_847;

/** Makes partitions that are missing. */
export async function createPartitions(db: Db, partitions: readonly Partition[]): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(${sql.lit(partitionLock)})`.execute(tx);
    for (const { name, table, from, to } of partitions)
      await sql`create table if not exists ${sql.table(name)} partition of ${sql.table(table)}
        for values from (${sql.lit(from.toISOString())}) to (${sql.lit(to.toISOString())})`.execute(
        tx,
      );
  });
}

/** Names of all partitions of results, windows and events. */
export async function listPartitions(db: Db): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select child.relname as name from pg_inherits
    join pg_class child on child.oid = inhrelid
    join pg_class parent on parent.oid = inhparent
    where parent.relname in ('results', 'windows', 'events')
      and parent.relnamespace = current_schema()::regnamespace
    order by child.relname`.execute(db);
  return rows.map((row) => row.name);
}

export async function dropPartition(db: Db, partition: Partition): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(${sql.lit(partitionLock)})`.execute(tx);
    await sql`drop table if exists ${sql.table(partition.name)}`.execute(tx);
  });
}
