/**
 * Partitions by receive time: results by day, windows and events by month, all in UTC. Old data goes
 * by dropping partitions, which costs nothing, unlike deleting rows.
 */
import { RecurrenceRule, scheduleJob } from "node-schedule";
import { forgetExpired } from "../../platform/auth/login.ts";
import type { Platform } from "../../platform/context.ts";
import type { Db } from "../../platform/db.ts";
import { expireKeys } from "../../platform/store.ts";
import { expireCursors } from "./store/cursors.ts";
import { expireLabels } from "./store/labels.ts";
import { createPartitions, dropPartition, listPartitions } from "./store/partitions.ts";
import { expireQuarantine } from "./store/quarantine.ts";

const dayMs = 86_400_000;

export type PartitionedTable = "results" | "windows" | "events";
const spanOf: Readonly<Record<PartitionedTable, "day" | "month">> = {
  results: "day",
  windows: "month",
  events: "month",
};

/** One partition: rows received from `from` up to, not including, `to`. */
export interface Partition {
  readonly table: PartitionedTable;
  readonly name: string;
  readonly from: Date;
  readonly to: Date;
}

/** How long things are kept, in days. */
export interface Retention {
  readonly resultsDays: number;
  readonly windowsDays: number;
  readonly eventsDays: number;
  readonly labelsDays: number;
  readonly quarantineDays: number;
  readonly idempotencyHours: number;
}

export const defaultRetention: Retention = {
  resultsDays: 30,
  windowsDays: 400,
  eventsDays: 400,
  labelsDays: 400,
  quarantineDays: 30,
  idempotencyHours: 48,
};

/** The partitions that must stand at `now`: the current one of each table and the next. */
export function partitionsAt(now: number): Partition[] {
  return (Object.keys(spanOf) as PartitionedTable[]) // keys of a literal object
    .flatMap((table) => {
      const current = partitionOf(table, new Date(now));
      return [current, partitionOf(table, current.to)];
    });
}

/** The partition of a table that a time falls in. */
export function partitionOf(table: PartitionedTable, at: Date): Partition {
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  const daily = spanOf[table] === "day";
  const from = new Date(Date.UTC(year, month, daily ? day : 1));
  const to = new Date(daily ? Date.UTC(year, month, day + 1) : Date.UTC(year, month + 1, 1));
  const digits = from
    .toISOString()
    .replaceAll("-", "")
    .slice(0, daily ? 8 : 6);
  return { table, name: `${table}_${digits}`, from, to };
}

/** Reads a partition's name; `undefined` where it is none of ours. */
export function partitionNamed(name: string): Partition | undefined {
  const [, table, year, month, day = "01"] =
    /^(results|windows|events)_(\d{4})(\d{2})(\d{2})?$/.exec(name) ?? [];
  if (table === undefined) return undefined;
  const at = new Date(`${year}-${month}-${day}T00:00:00Z`);
  return Number.isNaN(at.getTime()) ? undefined : partitionOf(table as PartitionedTable, at); // matched above
}

/** Partitions whose every row is older than is kept. */
export function expiredPartitions(
  names: readonly string[],
  now: number,
  retention: Retention,
): Partition[] {
  const days: Readonly<Record<PartitionedTable, number>> = {
    results: retention.resultsDays,
    windows: retention.windowsDays,
    events: retention.eventsDays,
  };
  return names.flatMap((name) => {
    const partition = partitionNamed(name);
    const old = partition && partition.to.getTime() <= now - days[partition.table] * dayMs;
    return old ? [partition] : [];
  });
}

/** Makes the partitions that must stand now; several processes may do so at once. */
export async function ensurePartitions(db: Db, now: number): Promise<void> {
  await createPartitions(db, partitionsAt(now));
}

/** Makes the next partitions and lets go of everything older than is kept. */
export async function keepRetention(
  platform: Pick<Platform, "db" | "now" | "log">,
  retention: Retention = defaultRetention,
): Promise<void> {
  const { db, log } = platform;
  const now = platform.now();
  await ensurePartitions(db, now);
  for (const partition of expiredPartitions(await listPartitions(db), now, retention)) {
    await dropPartition(db, partition);
    log.info({ partition: partition.name }, "dropped rows older than is kept");
  }
  await expireLabels(db, new Date(now - retention.labelsDays * dayMs));
  await expireQuarantine(db, new Date(now - retention.quarantineDays * dayMs));
  await expireCursors(db, new Date(now - retention.eventsDays * dayMs));
  await expireKeys(db, new Date(now - retention.idempotencyHours * 3_600_000));
  await forgetExpired(platform);
}

/**
 * Keeps retention now and every day at 03:17 UTC.
 * @throws where the first time fails
 * @returns a function that ends the schedule
 */
export async function scheduleRetention(
  platform: Platform,
  options: Partial<Retention> = {},
): Promise<() => void> {
  const retention = { ...defaultRetention, ...options };
  await keepRetention(platform, retention);
  const rule = new RecurrenceRule();
  rule.hour = 3;
  rule.minute = 17;
  rule.second = 0;
  rule.tz = "Etc/UTC";
  const job = scheduleJob(rule, () => {
    keepRetention(platform, retention).catch((error) =>
      platform.log.error({ err: error }, "the daily clean-up failed; it runs again tomorrow"),
    );
  });
  return () => void job.cancel();
}
