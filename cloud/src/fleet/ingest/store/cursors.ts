import { sql } from "kysely";
import type { Db } from "../../../platform/db.ts";
import { type Cursor, parseMultirange, toMultirange } from "../cursor.ts";

/**
 * Locks the cursor of an epoch for this transaction, made where there is none: whoever stores rows of
 * the same epoch at the same time waits here.
 */
export async function lockCursor(tx: Db, device: string, epoch: number, at: Date): Promise<Cursor> {
  await sql`insert into ingest_cursors (device, epoch, updated_at) values (${device}, ${epoch}, ${at})
    on conflict do nothing`.execute(tx);
  const { rows } = await sql<{ up_to: number; beyond: string }>`
    select up_to, beyond::text as beyond from ingest_cursors
    where device = ${device} and epoch = ${epoch} for update`.execute(tx);
  const [row] = rows;
  return row === undefined
    ? { upTo: 0, beyond: [] }
    : { upTo: row.up_to, beyond: parseMultirange(row.beyond) };
}

export async function saveCursor(
  tx: Db,
  device: string,
  epoch: number,
  cursor: Cursor,
  at: Date,
): Promise<void> {
  await sql`update ingest_cursors set up_to = ${cursor.upTo},
    beyond = ${toMultirange(cursor.beyond)}::int8multirange, updated_at = ${at}
    where device = ${device} and epoch = ${epoch}`.execute(tx);
}

/** Forgets cursors that nothing has moved since `before`: such an epoch is long drained. */
export async function expireCursors(db: Db, before: Date): Promise<void> {
  await sql`delete from ingest_cursors c where updated_at < ${before} and exists (
    select 1 from ingest_cursors newer where newer.device = c.device and newer.epoch > c.epoch)`.execute(
    db,
  );
}
