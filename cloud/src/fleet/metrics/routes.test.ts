import { toColumns } from "@fieldloop/shared/messages/telemetry";
import { admin, testApp, testPlatform } from "@fieldloop/test/support/platform";
import { beforeAll, describe, expect, it } from "vitest";
import type { Caller } from "../../platform/caller.ts";
import { Ingest } from "../ingest/ingest.ts";
import { metricsRoutes } from "./routes.ts";

const { platform, db, clock } = await testPlatform();
const ingest = new Ingest({ platform, news: { changed: () => {}, stop: () => {} } });
let caller: Caller = admin;
const app = await testApp(platform, [metricsRoutes], () => caller);

const north: Caller = { ...admin, scope: { sites: ["north"], groups: null } };

beforeAll(async () => {
  for (const [id, role, site] of [
    ["cam-n", "camera", "north"],
    ["cam-s", "camera", "south"],
    ["station", "station", null],
  ] as const)
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
  for (const id of ["cam-n", "cam-s"])
    for (let batch = 0; batch < 3; batch++) {
      clock.now += 1000;
      await tell(id, "tm", telemetry(batch));
    }
  await tell("cam-n", "tm", "garbage");
  await tell("cam-s", "tm", "garbage");
  const label = (device: string, seq: number, name: string) => ({
    device,
    frame: `f-${seq}`,
    label: name,
    capturedAt: 1,
    at: 1,
  });
  await tell("station", "labels", {
    v: 1,
    id: "l",
    labels: [label("cam-n", 1, "clean"), label("cam-n", 3, "dirty"), label("cam-n", 2, "dirty")],
  });
});

async function tell(device: string, channel: "tm" | "ev" | "labels", message: object | string) {
  const text = typeof message === "string" ? message : JSON.stringify(message);
  ingest.accept({ device, channel, payload: Buffer.from(text), retained: false });
  await ingest.idle();
}

/** A result, `sampled` with an odd number and `exception` with an even one. */
const resultRow = (seq: number, at: number) => ({
  seq,
  at,
  camera: "cam",
  frame: `f-${seq}`,
  model: "eggs@1.0.0",
  reason: seq % 2 === 1 ? "sampled" : "exception",
  label: "clean",
  confidence: 0.8,
  latencyMs: 10,
  detections: null,
});

/** Two results and one window. */
function telemetry(batch: number) {
  const row = (seq: number) => resultRow(seq, clock.now);
  const window = {
    seq: 100 + batch,
    camera: "cam",
    model: "eggs@1.0.0",
    from: clock.now - 1000,
    to: clock.now,
    frames: 4,
    results: 4,
    dropped: {},
    errors: {},
    classes: { clean: 4 },
    latency: [[48, 4]],
    confidence: [...Array(16).fill(0), 4, 0, 0, 0],
  };
  return {
    v: 1,
    epoch: 1,
    results: toColumns([row(2 * batch + 1), row(2 * batch + 2)]),
    windows: toColumns([window]),
  };
}

async function get(url: string, as: Caller = admin) {
  caller = as;
  const reply = await app.inject({ url });
  return { status: reply.statusCode, body: reply.json() };
}

describe("device numbers", () => {
  it("lists results newest first, page by page, with their truth", async () => {
    const first = await get("/api/v1/devices/cam-n/results?limit=4");
    expect(first.body.items.map((item: { seq: number }) => item.seq)).toEqual([6, 5, 4, 3]);
    expect(first.body.items.at(-1)).toMatchObject({ device: "cam-n", epoch: 1, truth: "dirty" });
    const second = await get(`/api/v1/devices/cam-n/results?limit=4&cursor=${first.body.next}`);
    expect(second.body.items.map((item: { seq: number }) => item.seq)).toEqual([2, 1]);
    expect(second.body.next).toBeNull();
  });

  it("draws windows as a series", async () => {
    const { body } = await get(
      `/api/v1/devices/cam-n/series?from=${clock.now - 60_000}&to=${clock.now}&stepMs=60000`,
    );
    const sum = body.points.reduce((n: number, point: { results: number }) => n + point.results, 0);
    expect(body.stepMs).toBe(60_000);
    expect(sum).toBe(12);
    expect(body.points[0]).toMatchObject({ fps: 4, classes: { clean: expect.any(Number) } });
  });

  it("judges by results reported by chance, not by those the model was unsure of", async () => {
    const { body } = await get("/api/v1/accuracy");
    expect(body.items).toEqual([{ device: "cam-n", labelled: 2, agreed: 1 }]);
  });

  it("lists what was refused", async () => {
    const { body } = await get("/api/v1/quarantine?limit=1");
    expect(body.items).toHaveLength(1);
    expect(body.items[0]).toMatchObject({
      device: "cam-s",
      channel: "tm",
      head: "garbage",
      bytes: 7,
    });
    const rest = await get(`/api/v1/quarantine?cursor=${body.next}`);
    expect(rest.body.items.map((item: { device: string }) => item.device)).toEqual(["cam-n"]);
    expect(rest.body.next).toBeNull();
  });

  it("places labelled results in steps of their capture time, and none where none is", async () => {
    const start = Date.parse("2026-03-01T12:00:00Z");
    const range = `from=${start}&to=${start + 60_000}`;
    const fine = await get(`/api/v1/devices/cam-n/accuracy-series?${range}&stepMs=1000`);
    expect(fine.body).toEqual({
      stepMs: 1000,
      points: [
        { at: start + 1000, labelled: 1, agreed: 1 },
        { at: start + 2000, labelled: 1, agreed: 0 },
      ],
    });
    const coarse = await get(`/api/v1/devices/cam-n/accuracy-series?${range}&stepMs=60000`);
    expect(coarse.body.points).toEqual([{ at: start, labelled: 2, agreed: 1 }]);
    const unlabelled = await get(`/api/v1/devices/cam-s/accuracy-series?${range}`);
    expect(unlabelled.body.points).toEqual([]);
    const half = `from=${start + 1500.5}&to=${start + 60_000}&stepMs=1000`;
    expect((await get(`/api/v1/devices/cam-n/accuracy-series?${half}`)).body.points).toEqual([
      { at: start + 2000, labelled: 1, agreed: 0 },
    ]);
  });

  it.each(["results", "series", "events", "accuracy-series"])(
    "hides %s of devices out of scope",
    async (what) => {
      expect((await get(`/api/v1/devices/cam-n/${what}`, north)).status).toBe(200);
      const hidden = await get(`/api/v1/devices/cam-s/${what}`, north);
      expect(hidden).toMatchObject({ status: 404, body: { code: "not-found" } });
    },
  );

  it("keeps lists over all devices within the scope", async () => {
    const { body } = await get("/api/v1/quarantine", north);
    expect(body.items.map((item: { device: string }) => item.device)).toEqual(["cam-n"]);
    expect((await get("/api/v1/quarantine?device=cam-s", north)).status).toBe(404);
    const south: Caller = { ...admin, scope: { sites: ["south"], groups: null } };
    expect((await get("/api/v1/accuracy", south)).body.items).toEqual([]);
  });

  it("refuses cursors and ranges that make no sense", async () => {
    expect((await get("/api/v1/devices/cam-n/results?cursor=x")).body.code).toBe("cursor");
    for (const what of ["series", "accuracy-series"])
      expect((await get(`/api/v1/devices/cam-n/${what}?from=10&to=5`)).body.code).toBe("range");
  });

  it("places a labelled result by its arrival where the device's clock is wrong", async () => {
    clock.now += 60_000;
    const inThePast = resultRow(1, 5);
    const inTheFuture = resultRow(3, clock.now + 86_400_000);
    const results = toColumns([inThePast, inTheFuture]);
    await tell("cam-n", "tm", { v: 1, epoch: 2, results });
    const seen = await get(
      `/api/v1/devices/cam-n/accuracy-series?from=${clock.now}&to=${clock.now + 1}&stepMs=1000`,
    );
    expect(seen.body.points).toEqual([{ at: clock.now, labelled: 2, agreed: 1 }]);
  });
});
