import {
  type Benchmark,
  type BenchmarkFigures,
  type BenchmarkOrder,
  benchmarkFigures,
  benchmarkStates,
} from "@fieldloop/shared/contract/benchmarks";
import { type Selectable, sql } from "kysely";
import type { Db, Tables } from "../../platform/db.ts";

declare module "../../platform/db.ts" {
  interface Tables {
    benchmarks: {
      id: string;
      name: string;
      version: string;
      manifest: string;
      manifest_bytes: number;
      device: string;
      profile: string;
      state: string;
      pairs: number;
      error: string | null;
      figures: unknown;
      requested_at: Date;
      requested_by: string;
      finished_at: Date | null;
    };
  }
}

/** Any fixed number: with the device's name, whoever holds this lock adds an order for it. */
const orderLock = 7_301_849;

export type Order = Pick<
  Benchmark,
  "id" | "name" | "version" | "device" | "profile" | "pairs" | "requestedBy"
> & { readonly manifest: string; readonly manifestBytes: number };

/** Lets nobody else add an order for the device until the transaction ends. */
export async function lockOrders(tx: Db, device: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(${orderLock}, hashtext(${device}))`.execute(tx);
}

export async function countOpen(db: Db, device: string): Promise<number> {
  const { open } = await db
    .selectFrom("benchmarks")
    .select((eb) => eb.fn.countAll<number>().as("open"))
    .where("device", "=", device)
    .where("state", "=", "waiting")
    .executeTakeFirstOrThrow();
  return open;
}

export async function insertOrder(tx: Db, order: Order, now: number): Promise<Benchmark> {
  const { manifestBytes, requestedBy, ...same } = order;
  const row = await tx
    .insertInto("benchmarks")
    .values({
      ...same,
      manifest_bytes: manifestBytes,
      state: "waiting",
      error: null,
      figures: null,
      requested_at: new Date(now),
      requested_by: requestedBy,
      finished_at: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return benchmarkOf(row);
}

/** Measurements of a version, newest first. */
export async function listBenchmarks(
  db: Db,
  name: string,
  version: string,
  limit: number,
): Promise<Benchmark[]> {
  const rows = await db
    .selectFrom("benchmarks")
    .selectAll()
    .where("name", "=", name)
    .where("version", "=", version)
    .orderBy("requested_at", "desc")
    .orderBy("id")
    .limit(limit)
    .execute();
  return rows.map(benchmarkOf);
}

/** What a device is asked for, oldest first. */
export async function listOrders(db: Db, device: string): Promise<BenchmarkOrder[]> {
  const rows = await db
    .selectFrom("benchmarks")
    .select(["id", "manifest", "manifest_bytes", "pairs"])
    .where("device", "=", device)
    .where("state", "=", "waiting")
    .orderBy("requested_at")
    .orderBy("id")
    .execute();
  return rows.map(({ manifest_bytes, ...same }) => ({ ...same, manifestBytes: manifest_bytes }));
}

/** One measurement that a device was asked for, or `undefined`. */
export async function findBenchmark(
  db: Db,
  device: string,
  id: string,
): Promise<Benchmark | undefined> {
  const row = await db
    .selectFrom("benchmarks")
    .selectAll()
    .where("device", "=", device)
    .where("id", "=", id)
    .executeTakeFirst();
  return row && benchmarkOf(row);
}

/** Ends one that waits; one that has ended stays as it is. */
export async function endBenchmark(
  db: Db,
  id: string,
  end: { readonly figures: BenchmarkFigures } | { readonly error: string },
  now: number,
): Promise<void> {
  const figures = "figures" in end ? JSON.stringify(end.figures) : null;
  const error = "error" in end ? end.error : null;
  await db
    .updateTable("benchmarks")
    .set({ state: error === null ? "done" : "failed", figures, error, finished_at: new Date(now) })
    .where("id", "=", id)
    .where("state", "=", "waiting")
    .execute();
}

/** Ends what has waited since before `before`. */
export async function expireOrders(
  db: Db,
  before: Date,
  error: string,
  now: number,
): Promise<void> {
  await db
    .updateTable("benchmarks")
    .set({ state: "failed", error, finished_at: new Date(now) })
    .where("state", "=", "waiting")
    .where("requested_at", "<", before)
    .execute();
}

function benchmarkOf(row: Selectable<Tables["benchmarks"]>): Benchmark {
  const { manifest: _, manifest_bytes: __, figures, ...rest } = row;
  const { requested_at, requested_by, finished_at, ...same } = rest;
  return {
    ...same,
    state: benchmarkStates.find((state) => state === row.state) ?? "failed",
    figures: figures === null ? null : benchmarkFigures.parse(figures),
    requestedAt: requested_at.getTime(),
    requestedBy: requested_by,
    finishedAt: finished_at?.getTime() ?? null,
  };
}
