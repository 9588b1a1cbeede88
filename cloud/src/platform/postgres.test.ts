import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, describe, expect, inject, it } from "vitest";
import { openDb } from "./db.ts";
import { migrate } from "./migrate.ts";
import { startPostgres } from "./postgres.ts";
import { installationId } from "./store.ts";

const folder = await mkdtemp(join(tmpdir(), "fieldloop-pg-"));
await chmod(folder, 0o755); // the server may run as another user
afterAll(() => rm(folder, { recursive: true, force: true }));

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

describe("the embedded server", () => {
  it("outlives the process that started it, is adopted by the next, and keeps its data", async () => {
    const place = join(folder, "a");
    const first = await startPostgres(place, () => {});
    await query(first.url, "create table kept (n int); insert into kept values (7)");
    const second = await startPostgres(place, () => {}); // as after a kill -9: nothing was stopped
    expect([first.adopted, second.adopted, second.url]).toEqual([false, true, first.url]);
    await second.stop();
    await expect(query(first.url, "select 1")).rejects.toThrow("ECONNREFUSED");
    const third = await startPostgres(place, () => {});
    expect(await query(third.url, "select n from kept")).toEqual([{ n: 7 }]);
    await third.stop();
  }, 60_000);

  it("refuses data of another major version with the way out", async () => {
    const cluster = join(folder, "b", "cluster");
    await mkdir(cluster, { recursive: true });
    await writeFile(join(cluster, "PG_VERSION"), "9\n");
    const start = startPostgres(join(folder, "b"), () => {});
    await expect(start).rejects.toThrow(/written by PostgreSQL 9 .*pg_dump .*pg_restore /);
  });
});

describe("migrations", () => {
  it("run once, however many processes start, and refuse a newer schema", async () => {
    const name = "migrate_once";
    const url = new URL(inject("postgresUrl"));
    await query(url.href, `create database ${name}`);
    url.pathname = `/${name}`;
    try {
      const [one, two] = await Promise.all([migrate(url.href), migrate(url.href)]);
      const runs = [one.length, two.length].sort((a, b) => a - b);
      expect(runs[0]).toBe(0);
      expect(runs[1]).toBeGreaterThan(3);
      const open = openDb(url.href);
      await open.ping();
      expect(await installationId(open.db)).toMatch(/^[0-9a-f-]{36}$/);
      await open.close();
      await query(url.href, "insert into migrations (name) values ('9999-future.sql')");
      await expect(migrate(url.href)).rejects.toThrow("9999-future.sql");
    } finally {
      await query(inject("postgresUrl"), `drop database ${name} with (force)`);
    }
  });
});
