import type { EventRow, ResultRow, WindowRow } from "@fieldloop/shared/messages/telemetry";
import { sql } from "kysely";
import type { Db } from "../../../platform/db.ts";
import { placeInTime } from "../point.ts";

/** A row with the boot epoch its number belongs to. */
export type Numbered<Row> = Row & { readonly epoch: number };

/** Appends single results, received at `at`. One statement, the rows as one JSON parameter. */
export async function insertResults(
  tx: Db,
  device: string,
  at: Date,
  rows: readonly Numbered<ResultRow>[],
): Promise<void> {
  if (rows.length === 0) return;
  await sql`
    insert into results (device, received_at, epoch, seq, at, camera, frame, model, reason, label,
      confidence, latency_ms, detections)
    select ${device}, ${at}, epoch, seq, at, camera, frame, model, reason, label, confidence,
      "latencyMs", case jsonb_typeof(detections) when 'array' then detections end
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as row (epoch bigint, seq bigint,
      at bigint, camera text, frame text, model text, reason text, label text,
      confidence double precision, "latencyMs" double precision, detections jsonb)`.execute(tx);
}

export async function insertWindows(
  tx: Db,
  device: string,
  at: Date,
  rows: readonly Numbered<WindowRow>[],
): Promise<void> {
  if (rows.length === 0) return;
  const placed = rows.map((row) => ({
    ...row,
    startsAt: placeInTime(row.from, row.to, at.getTime()),
  }));
  await sql`
    insert into windows (device, received_at, epoch, seq, starts_at, from_ms, to_ms, camera, model,
      frames, results, dropped, errors, classes, latency, confidence, facts)
    select ${device}, ${at}, epoch, seq, "startsAt", "from", "to", camera, model, frames, results,
      dropped, errors, classes, latency, confidence,
      case jsonb_typeof(facts) when 'object' then facts end
    from jsonb_to_recordset(${JSON.stringify(placed)}::jsonb) as row (epoch bigint, seq bigint,
      "startsAt" bigint, "from" bigint, "to" bigint, camera text, model text, frames bigint,
      results bigint, dropped jsonb, errors jsonb, classes jsonb, latency jsonb, confidence jsonb,
      facts jsonb)`.execute(tx);
}

export async function insertEvents(
  tx: Db,
  device: string,
  at: Date,
  rows: readonly Numbered<EventRow>[],
): Promise<void> {
  if (rows.length === 0) return;
  await sql`
    insert into events (device, received_at, epoch, seq, at, kind, severity, message, detail)
    select ${device}, ${at}, epoch, seq, at, kind, severity, message, detail
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as row (epoch bigint, seq bigint,
      at bigint, kind text, severity text, message text, detail jsonb)`.execute(tx);
}
