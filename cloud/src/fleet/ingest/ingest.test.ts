import { gzipSync } from "node:zlib";
import type { LiveEvent } from "@fieldloop/shared/contract/live";
import type { OnlineMessage } from "@fieldloop/shared/messages/control";
import { toColumns } from "@fieldloop/shared/messages/telemetry";
import {
  batchOf,
  eventRow,
  resultRow,
  testIngest,
  windowRow,
} from "@fieldloop/test/services/ingest-rig";
import fc from "fast-check";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { ingestStatus } from "./reads.ts";

const rig = await testIngest();
const { platform, db, clock, sent, ingest, changed } = rig;
const { device, accept, tell, acksOf, rowsOf, quarantineOf } = rig;
const live: LiveEvent[] = [];
platform.live.subscribe((event) => live.push(event));

describe("telemetry", () => {
  it("is stored, acknowledged after the commit, and told to watchers", async () => {
    const id = await device();
    live.length = 0;
    await tell(id, "tm", batchOf(3, [resultRow(1)], { windows: toColumns([windowRow(2)]) }));
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
    await tell(id, "tm", gzipSync(JSON.stringify(batchOf(1, [resultRow(1), resultRow(2)]))));
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
            batchOf(
              batch.i + 1,
              batch.seqs.map((seq) => resultRow(seq)),
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
        batchOf(
          1,
          seqs.map((seq) => resultRow(seq)),
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
    await tell(id, "tm", batchOf(1, [resultRow(1), resultRow(41)], { skipped }));
    expect(acksOf(id).at(-1)).toMatchObject({ upTo: 41, beyond: [[50, 60]] });
    await tell(id, "tm", { v: 1, epoch: 1, skipped: [[42, 49, "quarantined"]] });
    expect(acksOf(id).at(-1)).toMatchObject({ upTo: 60, beyond: [] });
    expect(await rowsOf(id)).toHaveLength(2);
  });

  it("takes a repeated old epoch for what it is", async () => {
    const id = await device();
    await tell(id, "tm", batchOf(1, [resultRow(1), resultRow(2)]));
    await tell(id, "tm", batchOf(2, [resultRow(1)]));
    await tell(id, "tm", batchOf(1, [resultRow(1), resultRow(2)]));
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
    await tell(id, "tm", batchOf(1, [resultRow(1, { at: 0 }), resultRow(2, { at: far })]));
    const { rows } = await sql<{ at: number; received_at: Date }>`
      select at, received_at from results where device = ${id} order by seq`.execute(db);
    expect(rows.map((row) => row.at)).toEqual([0, far]);
    expect(rows[0]?.received_at).toEqual(new Date(clock.now));
  });

  it("is ignored from a device that was removed", async () => {
    const id = await device();
    await db.updateTable("devices").set({ removed_at: new Date() }).where("id", "=", id).execute();
    await tell(id, "tm", batchOf(1, [resultRow(1)]));
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
    await tell(id, "tm", batchOf(7, [resultRow(1), resultRow(2)]));
    await tell(id, "tm", batchOf(4, [resultRow(1)]));
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
