import type { LabelsMessage } from "@fieldloop/shared/messages/control";
import { sql } from "kysely";
import type { Db } from "../../../platform/db.ts";

/** Keeps one label per frame, the newest the stations gave; a repeated message changes nothing. */
export async function saveLabels(
  tx: Db,
  station: string,
  labels: LabelsMessage["labels"],
  at: Date,
): Promise<void> {
  const newest = new Map<string, LabelsMessage["labels"][number]>();
  for (const label of labels) {
    const key = `${label.device} ${label.frame}`;
    const known = newest.get(key);
    if (known === undefined || label.at >= known.at) newest.set(key, label);
  }
  // In one order everywhere, so that two stations never wait for each other.
  const rows = [...newest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, label]) => label);
  await sql`
    insert into labels (device, frame, label, station, captured_at, at, received_at)
    select device, frame, label, ${station}, "capturedAt", at, ${at}
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as row (device text, frame text,
      label text, "capturedAt" bigint, at bigint)
    on conflict (device, frame) do update set label = excluded.label, station = excluded.station,
      captured_at = excluded.captured_at, at = excluded.at, received_at = excluded.received_at
    where excluded.at > labels.at`.execute(tx);
}

export async function expireLabels(db: Db, before: Date): Promise<void> {
  await sql`delete from labels where received_at < ${before}`.execute(db);
}
