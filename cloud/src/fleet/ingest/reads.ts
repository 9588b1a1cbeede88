/** What other modules ask about what has been stored. */
import type { EventRecord, ResultRecord } from "@fieldloop/shared/contract/devices";
import type { WindowRow } from "@fieldloop/shared/messages/telemetry";
import { type RawBuilder, sql } from "kysely";
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

/** A stored window and where it begins in time. */
export type StoredWindow = Pick<
  WindowRow,
  | "camera"
  | "from"
  | "to"
  | "results"
  | "dropped"
  | "errors"
  | "classes"
  | "latency"
  | "confidence"
  | "facts"
> & { readonly startsAt: number };

/** How far before its arrival a window may claim to begin in the future. */
const skewMs = 10 * 60_000;

/** Windows that begin in [from, to), oldest first, at most `limit`. */
export async function windowsOf(
  db: Db,
  device: string,
  range: { readonly from: number; readonly to: number },
  limit: number,
): Promise<StoredWindow[]> {
  const { rows } = await sql<StoredWindow>`
    select starts_at as "startsAt", camera, from_ms as "from", to_ms as "to", results, dropped,
      errors, classes, latency, confidence, facts
    from windows where device = ${device} and starts_at >= ${range.from} and starts_at < ${range.to}
      and received_at >= ${new Date(range.from - skewMs)}
    order by starts_at limit ${limit}`.execute(db);
  return rows;
}

/** Where a page ended: rows are listed by arrival, newest first. */
export interface RowPlace {
  readonly receivedAt: number;
  readonly epoch: number;
  readonly seq: number;
}

/** The place of each row beside what is shown of it. */
export type Placed<Row> = { readonly place: RowPlace; readonly row: Row };

type PlaceColumns = { received_at: Date; epoch: number; seq: number };

/** Single results with their truth, newest arrival first, after `after`. */
export async function resultsOf(
  db: Db,
  device: string,
  after: RowPlace | undefined,
  limit: number,
): Promise<Placed<ResultRecord>[]> {
  const { rows } = await sql<ResultRecord & PlaceColumns>`
    select r.device, r.received_at, r.epoch, r.seq, r.at, r.camera, r.frame, r.model, r.reason,
      r.label, r.confidence, r.latency_ms as "latencyMs", r.detections, l.label as truth
    from results r left join labels l on l.device = r.device and l.frame = r.frame
    where r.device = ${device} and ${isAfter("r", after)}
    order by r.received_at desc, r.epoch desc, r.seq desc limit ${limit}`.execute(db);
  return rows.map(({ received_at, ...row }) => ({ place: placeOf({ ...row, received_at }), row }));
}

/** Events, newest arrival first, after `after`. */
export async function eventsOf(
  db: Db,
  device: string,
  after: RowPlace | undefined,
  limit: number,
): Promise<Placed<EventRecord>[]> {
  const { rows } = await sql<EventRecord & PlaceColumns>`
    select e.device, e.received_at, e.epoch, e.seq, e.at, e.kind, e.severity, e.message, e.detail
    from events e where e.device = ${device} and ${isAfter("e", after)}
    order by e.received_at desc, e.epoch desc, e.seq desc limit ${limit}`.execute(db);
  return rows.map(({ received_at, epoch, seq, ...row }) => ({
    place: placeOf({ received_at, epoch, seq }),
    row,
  }));
}

function placeOf({ received_at, epoch, seq }: PlaceColumns): RowPlace {
  return { receivedAt: received_at.getTime(), epoch, seq };
}

function isAfter(table: string, after: RowPlace | undefined): RawBuilder<boolean> {
  if (after === undefined) return sql<boolean>`true`;
  const columns = ["received_at", "epoch", "seq"].map((name) => sql.ref(`${table}.${name}`));
  return sql<boolean>`(${sql.join(columns)})
    < (${new Date(after.receivedAt)}::timestamptz, ${after.epoch}::bigint, ${after.seq}::bigint)`;
}

/**
 * Labelled results per device that arrived in [from, to), and how many agree with their label. Only
 * results reported by chance or without exception count: those reported *because* the model was
 * unsure are wrong more often than the rest, and would make it look worse than it is.
 */
export async function accuracyOf(
  db: Db,
  range: { readonly from: Date; readonly to: Date },
): Promise<{ device: string; labelled: number; agreed: number }[]> {
  const { rows } = await sql<{ device: string; labelled: number; agreed: number }>`
    select r.device, count(*) as labelled, count(*) filter (where r.label = l.label) as agreed
    from results r join labels l on l.device = r.device and l.frame = r.frame
    where r.reason in ('sampled', 'all') and r.label is not null
      and r.received_at >= ${range.from} and r.received_at < ${range.to}
    group by r.device order by r.device`.execute(db);
  return rows;
}

/** Devices of which something was refused. */
export async function quarantinedDevices(db: Db): Promise<string[]> {
  const { rows } = await sql<{ device: string }>`
    select distinct device from quarantine_counts`.execute(db);
  return rows.map((row) => row.device);
}

/** Refused messages, newest first, of these devices (all where `undefined`), below id `before`. */
export async function quarantinePage(
  db: Db,
  devices: readonly string[] | undefined,
  before: number | undefined,
  limit: number,
) {
  const { rows } = await sql<{
    id: number;
    device: string;
    channel: string;
    reason: string;
    bytes: number;
    head: string;
    at: Date;
  }>`
    select id, device, channel, reason, bytes, head, at from quarantine
    where ${devices === undefined ? sql`true` : sql`device = any(${[...devices]}::text[])`}
      and ${before === undefined ? sql`true` : sql`id < ${before}`}
    order by id desc limit ${limit}`.execute(db);
  return rows.map((row) => ({ ...row, at: row.at.getTime() }));
}
