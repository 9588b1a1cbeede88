import { testPlatform } from "@fieldloop/test/support/platform";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import {
  defaultRetention,
  ensurePartitions,
  expiredPartitions,
  keepRetention,
  partitionNamed,
  partitionOf,
  partitionsAt,
  scheduleRetention,
} from "./partitions.ts";
import { listPartitions } from "./store/partitions.ts";

const { platform, db, clock } = await testPlatform();
const at = (text: string) => Date.parse(text);

describe("partitions", () => {
  it("stand for today and tomorrow, this month and the next, over the end of a year", () => {
    expect(partitionsAt(at("2026-12-31T23:59:59Z")).map((partition) => partition.name)).toEqual([
      "results_20261231",
      "results_20270101",
      "windows_202612",
      "windows_202701",
      "events_202612",
      "events_202701",
    ]);
  });

  it("can be told by their names", () => {
    const partition = partitionOf("results", new Date("2028-02-29T10:00:00Z"));
    expect(partitionNamed(partition.name)).toEqual(partition);
    expect(partition.to).toEqual(new Date("2028-03-01T00:00:00Z"));
    expect(partitionNamed("results_default")).toBeUndefined();
    expect(partitionNamed("audit_202601")).toBeUndefined();
  });

  it("expire once their last row is older than is kept", () => {
    const names = ["results_20260130", "results_20260129", "windows_202601", "other"];
    const expired = expiredPartitions(names, at("2026-03-01T12:00:00Z"), defaultRetention);
    expect(expired.map((partition) => partition.name)).toEqual(["results_20260129"]);
  });

  it("are made once by many at the same time", async () => {
    await Promise.all(Array.from({ length: 5 }, () => ensurePartitions(db, clock.now)));
    expect(await listPartitions(db)).toEqual(
      partitionsAt(clock.now)
        .map((partition) => partition.name)
        .sort(),
    );
  });

  it("take rows in and are dropped with them, while newer rows stay", async () => {
    const insert = () =>
      sql`insert into events
      values ('d', ${new Date(clock.now)}, 1, 1, 0, 'k', 'info', 'm', '{}')`.execute(db);
    await insert();
    clock.now += 500 * 86_400_000;
    await expect(insert()).rejects.toThrow("no partition");
    await keepRetention(platform);
    await insert();
    const { rows } = await sql<{ n: number }>`select count(*) as n from events`.execute(db);
    expect(rows).toEqual([{ n: 1 }]);
    expect(await listPartitions(db)).toHaveLength(6);
  });

  it("are kept by a daily job, which also forgets old idempotency keys and quarantine", async () => {
    const old = new Date(clock.now - 49 * 3_600_000);
    await sql`insert into idempotency (caller, key, request, at) values ('c', 'old', 'r', ${old}),
      ('c', 'new', 'r', ${new Date(clock.now)})`.execute(db);
    await sql`insert into quarantine (device, channel, reason, bytes, head, at) values
      ('d', 'tm', 'r', 1, '', ${new Date(clock.now - 31 * 86_400_000)})`.execute(db);
    const stop = await scheduleRetention(platform);
    stop();
    const keys = await sql<{ key: string }>`select key from idempotency`.execute(db);
    expect(keys.rows).toEqual([{ key: "new" }]);
    const refused = await sql`select id from quarantine`.execute(db);
    expect(refused.rows).toEqual([]);
  });
});
