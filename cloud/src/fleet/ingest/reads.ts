/** What other modules ask about what has been stored. */
import { sql } from "kysely";
import type { Db } from "../../platform/db.ts";
import type { Cursor } from "./cursor.ts";
import { parseMultirange } from "./cursor.ts";

/** The highest boot epoch seen of a device and what of it is stored; `undefined` for none. */
export async function newestCursor(
  db: Db,
  device: string,
): Promise<(Cursor & { readonly epoch: number }) | undefined> {
  const { rows } = await sql<{ epoch: number; up_to: number; beyond: string }>`
    select epoch, up_to, beyond::text as beyond from ingest_cursors
    where device = ${device} order by epoch desc limit 1`.execute(db);
  const [row] = rows;
  return row && { epoch: row.epoch, upTo: row.up_to, beyond: parseMultirange(row.beyond) };
}

/** What the device page shows of ingest: `gaps` counts missing ranges, `quarantined` messages. */
export async function ingestStatus(
  db: Db,
  device: string,
): Promise<{ epoch: number; upTo: number; gaps: number; quarantined: number }> {
  const cursor = await newestCursor(db, device);
  const { rows } = await sql<{ n: number }>`
    select coalesce(sum(messages), 0)::bigint as n from quarantine_counts where device = ${device}
  `.execute(db);
  return {
    epoch: cursor?.epoch ?? 0,
    upTo: cursor?.upTo ?? 0,
    gaps: cursor?.beyond.length ?? 0,
    quarantined: rows[0]?.n ?? 0,
  };
}
