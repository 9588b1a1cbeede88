import { gzipSync } from "node:zlib";
import type { LiveEvent } from "@fieldloop/shared/contract/live";
import type { AckMessage, OnlineMessage } from "@fieldloop/shared/messages/control";
import {
  type EventRow,
  type ResultRow,
  toColumns,
  type WindowRow,
} from "@fieldloop/shared/messages/telemetry";
import type { DeviceRole, UpChannel } from "@fieldloop/shared/topics";
import { testPlatform } from "@fieldloop/test/support/platform";
import fc from "fast-check";
import { sql } from "kysely";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { Ingest } from "./ingest.ts";
import { ingestStatus } from "./reads.ts";

const rig = await testPlatform();
const { platform, db, clock, sent } = rig;
const live: LiveEvent[] = [];
platform.live.subscribe((event) => live.push(event));
const changed: string[] = [];
const news = { changed: (id: string) => void changed.push(id), stop: () => {} };
const ingest = new Ingest({ platform, news });

beforeAll(() => {
  z.config(z.locales.en());
});

let made = 0;
async function device(role: DeviceRole = "camera", site: string | null = null): Promise<string> {
  const id = `dev-${++made}`;
  await db
    .insertInto("devices")
    .values({
      id,
      role,
      profile: "generic-x64",
      site,
      group_name: null,
      secret_hash: "",
      enrolled_at: new Date(clock.now),
      settings: "{}",
      scene: "{}",
    })
    .execute();
  return id;
}

function result(seq: number, more: Partial<ResultRow> = {}): ResultRow {
  return {
    seq,
    at: clock.now,
    camera: "cam",
    frame: `f-${seq}`,
    model: "eggs@1.0.0",
    reason: "all",
    label: "clean",
    confidence: 0.9,
    latencyMs: 12.5,
    detections: null,
    ...more,
  };
}

function windowRow(seq: number, more: Partial<WindowRow> = {}): WindowRow {
  return {
    seq,
    camera: "cam",
    model: "eggs@1.0.0",
    from: clock.now - 10_000,
    to: clock.now,
    frames: 22,
    results: 20,
    dropped: { busy: 1 },
    errors: { decode: 1 },
    classes: { clean: 20 },
    latency: [[50, 20]],
    confidence: [...Array(18).fill(0), 20, 0],
    ...more,
  };
}

const eventRow = (seq: number): EventRow => ({
  seq,
  at: 0,
  kind: "camera-stalled",
  severity: "warning",
  message: "no frame for 10 s",
  detail: { camera: "cam" },
});

const tm = (epoch: number, results: readonly ResultRow[], more: object = {}) => ({
  v: 1,
  epoch,
  results: toColumns(results),
  ...more,
});

function accept(id: string, channel: UpChannel, message: object | string | Buffer): void {
  const payload = Buffer.isBuffer(message)
    ? message
    : Buffer.from(typeof message === "string" ? message : JSON.stringify(message));
  ingest.accept({ device: id, channel, payload, retained: false });
}

async function tell(id: string, channel: UpChannel, message: object | string | Buffer) {
  accept(id, channel, message);
  await ingest.idle();
}

function acksOf(id: string): AckMessage[] {
  return sent
    .filter((one) => one.device === id && one.channel === "ack")
    .map((one) => one.message as AckMessage);
}

async function rowsOf(id: string): Promise<{ epoch: number; seq: number }[]> {
  const { rows } = await sql<{ epoch: number; seq: number }>`
    select epoch, seq from results where device = ${id} order by epoch, seq`.execute(db);
  return rows;
}

async function quarantineOf(
  id: string,
): Promise<{ reason: string; bytes: number; head: string }[]> {
  const { rows } = await sql<{ reason: string; bytes: number; head: string }>`
    select reason, bytes, head from quarantine where device = ${id} order by id`.execute(db);
  return rows;
}

describe("telemetry", () => {
  it("is stored, acknowledged after the commit, and told to watchers", async () => {
    const id = await device();
    live.length = 0;
    await tell(id, "tm", tm(3, [result(1)], { windows: toColumns([windowRow(2)]) }));
    await tell(id, "ev", { v: 1, epoch: 3, events: toColumns([eventRow(3)]) });
    expect(acksOf(id)).toEqual([
      { v: 1, epoch: 3, upTo: 2, beyond: [], window: 64 },
      { v: 1, epoch: 3, upTo: 3, beyond: [], window: 64 },
    ]);
    expect(live.map((event) => event.kind)).toEqual(["window", "result", "event"]);
    expect(live[0]).toMatchObject({
      device: id,
      point: { fps: 2, results: 20, confidence: 0.925 },
    });
    expect(changed).toContain(id);
    const { latest } = await db
      .selectFrom("devices")
      .select("latest")
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    expect(latest).toMatchObject({ at: clock.now, fps: 2, dropped: 1, errors: 1 });
  });

  it("reads gzip as well as plain JSON", async () => {
    const id = await device();
    await tell(id, "tm", gzipSync(JSON.stringify(tm(1, [result(1), result(2)]))));
    expect(await rowsOf(id)).toHaveLength(2);
  });

  it("is stored exactly once however it is cut, repeated, reordered and lost on the way", async () => {
    const plan = fc.record({
      epochs: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3 }),
      cuts: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 }),
      deliveries: fc.array(fc.nat({ max: 200 }), { maxLength: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ epochs, cuts, deliveries }) => {
        const id = await device();
        const batches = epochs.flatMap((count, i) => cut(count, cuts).map((seqs) => ({ i, seqs })));
        const deliver = (n: number) => {
          const batch = batches[n % batches.length]!;
          accept(
            id,
            "tm",
            tm(
              batch.i + 1,
              batch.seqs.map((seq) => result(seq)),
            ),
          );
        };
        for (const n of deliveries) deliver(n);
        await ingest.idle();
        for (const n of batches.keys()) deliver(n); // the device sends what is not acknowledged
        await ingest.idle();
        const produced = epochs.flatMap((count, i) =>
          Array.from({ length: count }, (_, k) => ({ epoch: i + 1, seq: k + 1 })),
        );
        expect(await rowsOf(id)).toEqual(produced);
        for (const [i, count] of epochs.entries())
          expect(acksOf(id).findLast((ack) => ack.epoch === i + 1)).toMatchObject({
            upTo: count,
            beyond: [],
          });
      }),
      { numRuns: 15 },
    );
  });

  it("acknowledges only what is committed: every number acknowledged stands in the database", async () => {
    const id = await device();
    for (const seqs of [[5, 6], [2], [9], [1], [3, 4]])
      await tell(
        id,
        "tm",
        tm(
          1,
          seqs.map((seq) => result(seq)),
        ),
      );
    expect(acksOf(id).map(({ upTo, beyond }) => [upTo, beyond])).toEqual([
      [0, [[5, 6]]],
      [
        0,
        [
          [2, 2],
          [5, 6],
        ],
      ],
      [
        0,
        [
          [2, 2],
          [5, 6],
          [9, 9],
        ],
      ],
      [
        2,
        [
          [5, 6],
          [9, 9],
        ],
      ],
      [6, [[9, 9]]],
    ]);
    expect(await ingestStatus(db, id)).toEqual({ epoch: 1, upTo: 6, gaps: 1, quarantined: 0 });
  });

  it("counts skipped numbers as received and never jams on them", async () => {
    const id = await device();
    const skipped = [
      [2, 40, "quota"],
      [50, 60, "quota"],
    ];
    await tell(id, "tm", tm(1, [result(1), result(41)], { skipped }));
    expect(acksOf(id).at(-1)).toMatchObject({ upTo: 41, beyond: [[50, 60]] });
    await tell(id, "tm", { v: 1, epoch: 1, skipped: [[42, 49, "quarantined"]] });
    expect(acksOf(id).at(-1)).toMatchObject({ upTo: 60, beyond: [] });
    expect(await rowsOf(id)).toHaveLength(2);
  });

  it("takes a repeated old epoch for what it is", async () => {
    const id = await device();
    await tell(id, "tm", tm(1, [result(1), result(2)]));
    await tell(id, "tm", tm(2, [result(1)]));
    await tell(id, "tm", tm(1, [result(1), result(2)]));
    expect(await rowsOf(id)).toEqual([
      { epoch: 1, seq: 1 },
      { epoch: 1, seq: 2 },
      { epoch: 2, seq: 1 },
    ]);
    expect(acksOf(id).at(-1)).toMatchObject({ epoch: 1, upTo: 2 });
  });

  it("keeps a device's clock as it is, beside the time it arrived", async () => {
    const id = await device();
    const far = 8.64e15 + 1; // beyond what a Date can hold
    await tell(id, "tm", tm(1, [result(1, { at: 0 }), result(2, { at: far })]));
    const { rows } = await sql<{ at: number; received_at: Date }>`
      select at, received_at from results where device = ${id} order by seq`.execute(db);
    expect(rows.map((row) => row.at)).toEqual([0, far]);
    expect(rows[0]?.received_at).toEqual(new Date(clock.now));
  });

  it("is ignored from a device that was removed", async () => {
    const id = await device();
    await db.updateTable("devices").set({ removed_at: new Date() }).where("id", "=", id).execute();
    await tell(id, "tm", tm(1, [result(1)]));
    expect(acksOf(id)).toEqual([]);
    expect(await rowsOf(id)).toEqual([]);
  });
});

function cut(count: number, sizes: readonly number[]): number[][] {
  const parts: number[][] = [];
  for (let from = 1, i = 0; from <= count; i++) {
    const size = sizes[i % sizes.length]!;
    parts.push(Array.from({ length: Math.min(size, count - from + 1) }, (_, k) => from + k));
    from += size;
  }
  return parts;
}

describe("what is wrong", () => {
  const good = () => tm(1, [result(1), result(2)]);
  const cases: [string, () => object | string | Buffer, string][] = [
    ["text that is no JSON", () => "hello", "not JSON"],
    ["truncated JSON", () => '{"v":1,', "not JSON"],
    ["bytes that are no text", () => Buffer.from([0, 1, 2, 0xff]), "not JSON"],
    ["nothing at all", () => "", "not JSON"],
    ["half a gzip file", () => gzipSync(JSON.stringify(good())).subarray(0, 40), "not valid gzip"],
    ["a gzip bomb", () => gzipSync(Buffer.alloc(8 * 1024 * 1024, "[")), "inflates beyond"],
    ["an oversized payload", () => Buffer.alloc(300 * 1024, "{"), "at most 262144"],
    ["another version", () => ({ ...good(), v: 2 }), "v:"],
    [
      "unequal columns",
      () => ({ ...good(), results: { ...toColumns([result(1)]), seq: [1, 2] } }),
      "equally long",
    ],
    ["a number beyond 2^53", () => tm(1, [result(2 ** 53)]), "seq"],
    ["a number of zero", () => tm(1, [result(0)]), "begin at 1"],
    ["an epoch with no room above it", () => tm(2 ** 52, [result(1)]), "epoch"],
    ["a range that runs backwards", () => tm(1, [], { skipped: [[5, 2, "x"]] }), "skipped"],
    ["a NUL in a text", () => tm(1, [result(1, { frame: "a\0b" })]), "U+0000"],
    ["half a character", () => tm(1, [result(1, { label: "\ud800" })]), "surrogate"],
    [
      "a prototype in disguise",
      () => '{"v":1,"epoch":1,"__proto__":{"polluted":true}}',
      "not allowed",
    ],
    [
      "nesting without end",
      () => `{"v":1,"epoch":1,"x":${"[".repeat(5000)}${"]".repeat(5000)}}`,
      "deep",
    ],
  ];

  it.each(cases)(
    "%s goes to quarantine with its reason and is not acknowledged",
    async (_n, make, why) => {
      const id = await device();
      const payload = make();
      await tell(id, "tm", payload);
      const [row, ...more] = await quarantineOf(id);
      expect(row?.reason).toContain(why);
      expect(more).toEqual([]);
      expect(row?.head.length).toBeLessThanOrEqual(4 + 2 * 512);
      expect(acksOf(id)).toEqual([]);
      await tell(id, "tm", good());
      expect(acksOf(id)).toHaveLength(1);
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    },
  );

  it("does not take good messages beside it along", async () => {
    const id = await device();
    accept(id, "tm", tm(1, [result(1)]));
    accept(id, "tm", "garbage");
    accept(id, "tm", tm(1, [result(2)]));
    await ingest.idle();
    expect(await rowsOf(id)).toHaveLength(2);
    expect(acksOf(id).at(-1)?.upTo).toBe(2);
  });

  it("is kept a hundred times a day for a device, and counted beyond that", async () => {
    const id = await device();
    for (let i = 0; i < 120; i++) accept(id, "tm", "garbage");
    await ingest.idle();
    expect(await quarantineOf(id)).toHaveLength(100);
    expect((await ingestStatus(db, id)).quarantined).toBe(120);
  });

  it("is labels from a camera, and telemetry from a station", async () => {
    const camera = await device();
    const station = await device("station");
    await tell(camera, "labels", { v: 1, id: "1", labels: [] });
    await tell(station, "tm", tm(1, [result(1)]));
    expect((await quarantineOf(camera))[0]?.reason).toBe("a camera may not publish on labels");
    expect((await quarantineOf(station))[0]?.reason).toBe("a station may not publish on tm");
  });
});

const birth = (more: Partial<OnlineMessage> = {}): OnlineMessage => ({
  v: 1,
  online: true,
  boot: "b1",
  epoch: 1,
  at: clock.now,
  agentVersion: "0.1.0",
  ...more,
});

describe("birth", () => {
  it("is answered with the highest epoch known, and the version of the desired document", async () => {
    const id = await device();
    await tell(id, "online", birth());
    const of = () =>
      sent.filter((one) => one.device === id).map(({ channel, message }) => [channel, message]);
    expect(of()).toEqual([
      ["ack", { v: 1, epoch: 0, upTo: 0, beyond: [], window: 64 }],
      ["desired", { v: 1, version: 1 }],
    ]);
    await tell(id, "tm", tm(7, [result(1), result(2)]));
    await tell(id, "tm", tm(4, [result(1)]));
    sent.length = 0;
    await tell(id, "online", birth({ boot: "b2" }));
    expect(of()[0]).toEqual(["ack", { v: 1, epoch: 7, upTo: 2, beyond: [], window: 64 }]);
  });

  it("is undone by the will of the same boot only", async () => {
    const id = await device();
    const isOnline = async () =>
      (await db.selectFrom("devices").select("online").where("id", "=", id).executeTakeFirst())
        ?.online;
    await tell(id, "online", birth({ boot: "new" }));
    await tell(id, "online", birth({ boot: "old", online: false }));
    expect(await isOnline()).toBe(true);
    await tell(id, "online", birth({ boot: "new", online: false }));
    expect(await isOnline()).toBe(false);
  });
});

describe("labels", () => {
  it("are kept once per frame, the newest of them", async () => {
    const station = await device("station");
    const camera = await device();
    const label = (name: string, at: number) => ({
      device: camera,
      frame: "f-1",
      label: name,
      capturedAt: 1,
      at,
    });
    await tell(station, "labels", { v: 1, id: "a", labels: [label("clean", 10)] });
    await tell(station, "labels", { v: 1, id: "b", labels: [label("dirty", 20)] });
    await tell(station, "labels", { v: 1, id: "a", labels: [label("clean", 10)] });
    const { rows } = await sql`select label, station from labels where device = ${camera}`.execute(
      db,
    );
    expect(rows).toEqual([{ label: "dirty", station }]);
  });

  it("of a station at a site are taken for that site's devices only", async () => {
    const station = await device("station", "north");
    const [near, far] = [await device("camera", "north"), await device("camera", "south")];
    const labels = [near, far, "nobody"].map((id) => ({
      device: id,
      frame: "f",
      label: "clean",
      capturedAt: 1,
      at: 1,
    }));
    await tell(station, "labels", { v: 1, id: "x", labels });
    const { rows } = await sql`select device from labels where station = ${station}`.execute(db);
    expect(rows).toEqual([{ device: near }]);
    expect((await quarantineOf(station))[0]?.reason).toContain("2 labels left out");
  });
});

describe("state and update progress", () => {
  it("reach the device's twin", async () => {
    const id = await device();
    const ota = {
      v: 1,
      at: clock.now,
      model: "eggs",
      version: "1.0.1",
      phase: "downloading",
      bytesDone: 5,
      bytesTotal: 10,
      reason: null,
    };
    await tell(id, "ota", ota);
    const row = await db
      .selectFrom("devices")
      .select("update_progress")
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    expect(row.update_progress).toMatchObject({ phase: "downloading", bytesDone: 5 });
  });
});
