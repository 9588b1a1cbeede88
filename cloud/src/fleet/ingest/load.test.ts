/** Ingest under stress: the database goes away, or more arrives than can be stored. */
import type { AckMessage } from "@fieldloop/shared/messages/control";
import { testPlatform } from "@fieldloop/test/support/platform";
import { sql } from "kysely";
import pg from "pg";
import { beforeAll, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { Ingest } from "./ingest.ts";

const { platform, db, url, clock, sent } = await testPlatform();
const database = new URL(url).pathname.slice(1);
const news = { changed: () => {}, stop: () => {} };

beforeAll(() =>
  db
    .insertInto("devices")
    .values(
      ["cam-1", "cam-2"].map((id) => ({
        id,
        role: "camera",
        profile: "generic-x64",
        site: null,
        group_name: null,
        secret_hash: "",
        enrolled_at: new Date(clock.now),
        settings: "{}",
        scene: "{}",
      })),
    )
    .execute(),
);
beforeEach(() => {
  sent.length = 0;
});

function message(device: string, epoch: number, seq: number) {
  const events = {
    seq: [seq],
    at: [0],
    kind: ["test"],
    severity: ["info"],
    message: ["m"],
    detail: [{}],
  };
  const payload = Buffer.from(JSON.stringify({ v: 1, epoch, events }));
  return { device, channel: "ev" as const, payload, retained: false };
}

function acks(): AckMessage[] {
  return sent.filter((one) => one.channel === "ack").map((one) => one.message as AckMessage);
}

async function storedOf(device: string, epoch: number): Promise<number[]> {
  const { rows } = await sql<{ seq: number }>`
    select seq from events where device = ${device} and epoch = ${epoch} order by seq`.execute(db);
  return rows.map((row) => row.seq);
}

async function onServer(...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: inject("postgresUrl") });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

describe("ingest", () => {
  it("acknowledges nothing while the database is away, and loses nothing", async () => {
    const ingest = new Ingest({
      platform,
      news,
      limits: { retryDelayMsMin: 5, retryDelayMsMax: 20 },
    });
    ingest.accept(message("cam-1", 1, 1));
    await ingest.idle();
    await onServer(
      `alter database ${database} allow_connections false`,
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '${database}'`,
    );
    for (const seq of [2, 3, 4]) {
      ingest.accept(message("cam-1", 1, seq));
      ingest.accept(message("cam-2", 1, seq - 1));
    }
    await vi.waitFor(() => expect(ingest.stats().retries).toBeGreaterThan(4));
    expect(acks().map((ack) => ack.upTo)).toEqual([1]);
    await onServer(`alter database ${database} allow_connections true`);
    await ingest.idle();
    expect(await storedOf("cam-1", 1)).toEqual([1, 2, 3, 4]);
    expect(await storedOf("cam-2", 1)).toEqual([1, 2, 3]);
    const last = (device: string) => sent.findLast((one) => one.device === device)?.message;
    expect(last("cam-1")).toMatchObject({ upTo: 4, beyond: [], window: 64 });
    expect(last("cam-2")).toMatchObject({ upTo: 3, beyond: [], window: 64 });
    expect(ingest.stats()).toMatchObject({ quarantined: 0, overloaded: 0, queued: 0 });
  });

  it("shrinks the window under load, pauses devices, and lets them go on", async () => {
    const limits = { queueMax: 8, reserveMax: 0, batchMessagesMax: 1, concurrencyMax: 1 };
    const ingest = new Ingest({ platform, news, limits });
    for (let seq = 1; seq <= 20; seq++) ingest.accept(message("cam-1", 2, seq));
    expect(ingest.stats()).toMatchObject({ overloaded: 11, queued: 8 });
    await ingest.idle();
    const windows = acks().map((ack) => ack.window);
    expect(windows[0]).toBe(0);
    expect(windows.at(-1)).toBe(64);
    expect(windows).toEqual([...windows].sort((a, b) => a - b));
    expect(acks().at(-1)).toMatchObject({ epoch: 2, upTo: 9 });
    for (let seq = 10; seq <= 20; seq++) {
      ingest.accept(message("cam-1", 2, seq)); // not acknowledged, so sent again
      await ingest.idle();
    }
    expect(await storedOf("cam-1", 2)).toHaveLength(20);
  });

  it("tells a paused device to go on once the queue is short, though it sends nothing", async () => {
    const limits = { queueMax: 4, batchMessagesMax: 2, concurrencyMax: 1 };
    const ingest = new Ingest({ platform, news, limits });
    for (const [device, seq] of [
      ["cam-1", 1],
      ["cam-2", 1],
      ["cam-2", 2],
      ["cam-2", 3],
      ["cam-2", 4],
    ] as const)
      ingest.accept(message(device, 3, seq));
    await ingest.idle();
    const ofFirst = sent.filter((one) => one.device === "cam-1").map((one) => one.message);
    expect(ofFirst).toEqual([
      { v: 1, epoch: 3, upTo: 1, beyond: [], window: 0 },
      { v: 1, epoch: 3, upTo: 1, beyond: [], window: expect.any(Number) },
    ]);
    expect((ofFirst[1] as AckMessage).window).toBeGreaterThan(0);
  });

  it("stores what is queued before it stops, and takes nothing afterwards", async () => {
    const ingest = new Ingest({ platform, news });
    for (let seq = 1; seq <= 100; seq++) ingest.accept(message("cam-1", 4, seq));
    await ingest.stop();
    expect(await storedOf("cam-1", 4)).toHaveLength(100);
    ingest.accept(message("cam-1", 4, 101));
    expect(ingest.stats().queued).toBe(0);
  });

  it("lets two processes store the same batch at once, exactly once", async () => {
    const ingests = [1, 2, 3].map(() => new Ingest({ platform, news }));
    for (let seq = 1; seq <= 60; seq++)
      for (const ingest of ingests) ingest.accept(message("cam-2", 5, seq));
    await Promise.all(ingests.map((ingest) => ingest.idle()));
    expect(await storedOf("cam-2", 5)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  });
});
