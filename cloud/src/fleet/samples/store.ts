import type { Scope } from "@fieldloop/shared/permissions";
import type { SampleAnnouncement, SampleReason } from "@fieldloop/shared/samples/sample";
import { type RawBuilder, sql } from "kysely";
import type { Db } from "../../platform/db.ts";
import { labelsOf, type SamplePlace, type StoredSample } from "./samples.ts";

interface Row {
  readonly device: string;
  readonly digest: string;
  readonly receivedAt: Date | null;
  readonly bytes: number;
  readonly stored: number;
  readonly about: SampleAnnouncement;
}

const columns = sql`device, digest, received_at as "receivedAt", bytes::float8 as bytes,
  stored::float8 as stored, about`;

const sampleOf = (row: Row): StoredSample => ({
  ...row,
  receivedAt: row.receivedAt?.getTime() ?? null,
});

/** Begins an upload; one that has begun stays as it is. */
export async function beginSample(
  tx: Db,
  device: string,
  digest: string,
  about: SampleAnnouncement,
  now: number,
): Promise<void> {
  await sql`
    insert into samples (device, digest, begun_at, captured_at, camera, reasons, labels, bytes, about)
    values (${device}, ${digest}, ${new Date(now)}, ${about.capturedAt}, ${about.camera},
      ${[...about.reasons]}::text[], ${[...labelsOf(about)]}::text[], ${about.bytes},
      ${JSON.stringify(about)}::jsonb)
    on conflict (device, digest) do nothing`.execute(tx);
}

/** The sample, locked until the transaction ends. */
export async function lockSample(
  tx: Db,
  device: string,
  digest: string,
): Promise<StoredSample | undefined> {
  const { rows } = await sql<Row>`
    select ${columns} from samples where device = ${device} and digest = ${digest} for update`.execute(
    tx,
  );
  return rows[0] && sampleOf(rows[0]);
}

export async function saveStored(tx: Db, device: string, digest: string, stored: number) {
  await sql`update samples set stored = ${stored}
    where device = ${device} and digest = ${digest}`.execute(tx);
}

export async function saveReceived(tx: Db, device: string, digest: string, now: number) {
  await sql`update samples set stored = bytes, received_at = ${new Date(now)}
    where device = ${device} and digest = ${digest}`.execute(tx);
}

export async function deleteSample(tx: Db, device: string, digest: string): Promise<void> {
  await sql`delete from samples where device = ${device} and digest = ${digest}`.execute(tx);
}

/** What a device has begun since then, and what all of them hold. */
export async function usage(tx: Db, device: string, since: number) {
  const { rows } = await sql<{ count: number; bytes: number; total: number }>`
    select (select count(*)::int from samples
        where device = ${device} and begun_at >= ${new Date(since)}) as count,
      (select coalesce(sum(bytes), 0)::float8 from samples
        where device = ${device} and begun_at >= ${new Date(since)}) as bytes,
      (select coalesce(sum(bytes), 0)::float8 from samples) as total`.execute(tx);
  const { count = 0, bytes = 0, total = 0 } = rows[0] ?? {};
  return { count, bytes, total };
}

export interface SampleQuery {
  readonly scope: Scope;
  readonly device: string | undefined;
  readonly camera: string | undefined;
  readonly reason: SampleReason | undefined;
  readonly label: string | undefined;
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** A page of complete samples, newest capture first, and how many there are in all. */
export async function pageOfSamples(
  db: Db,
  query: SampleQuery,
  page: { readonly limit: number; readonly after: SamplePlace | undefined },
): Promise<{ readonly items: StoredSample[]; readonly total: number }> {
  const wanted = matches(query);
  const { after } = page;
  const place = after
    ? sql`and (captured_at, device, digest) < (${after.capturedAt}, ${after.device}, ${after.digest})`
    : sql``;
  const { rows } = await sql<Row>`
    select ${columns} from samples where ${wanted} ${place}
    order by captured_at desc, device desc, digest desc limit ${page.limit}`.execute(db);
  const counted = await sql<{ total: number }>`
    select count(*)::int as total from samples where ${wanted}`.execute(db);
  return { items: rows.map(sampleOf), total: counted.rows[0]?.total ?? 0 };
}

export async function findSample(
  db: Db,
  device: string,
  digest: string,
  scope: Scope,
): Promise<StoredSample | undefined> {
  const { rows } = await sql<Row>`
    select ${columns} from samples where device = ${device} and digest = ${digest}
      and received_at is not null and ${inScopeSql(scope)}`.execute(db);
  return rows[0] && sampleOf(rows[0]);
}

/** Samples that are too old, uploads that nobody goes on with, and those of removed devices. */
export async function expiredSamples(
  db: Db,
  { kept, begun }: { readonly kept: Date; readonly begun: Date },
  limit: number,
): Promise<{ readonly device: string; readonly digest: string }[]> {
  const { rows } = await sql<{ device: string; digest: string }>`
    select device, digest from samples
    where received_at < ${kept} or (received_at is null and begun_at < ${begun})
      or device in (select id from devices where removed_at is not null)
    limit ${limit}`.execute(db);
  return rows;
}

function matches(query: SampleQuery): RawBuilder<boolean> {
  const { device, camera, reason, label, from, to } = query;
  return sql<boolean>`(received_at is not null and ${inScopeSql(query.scope)}
    and (${device ?? null}::text is null or device = ${device ?? null})
    and (${camera ?? null}::text is null or camera = ${camera ?? null})
    and (${reason ?? null}::text is null or ${reason ?? null} = any(reasons))
    and (${label ?? null}::text is null or ${label ?? null} = any(labels))
    and (${from ?? null}::bigint is null or captured_at >= ${from ?? null})
    and (${to ?? null}::bigint is null or captured_at <= ${to ?? null}))`;
}

function inScopeSql({ sites, groups }: Scope): RawBuilder<boolean> {
  return sql<boolean>`device in (select id from devices where removed_at is null
    and (${sites}::text[] is null or site = any(${sites}::text[]))
    and (${groups}::text[] is null or group_name = any(${groups}::text[])))`;
}
