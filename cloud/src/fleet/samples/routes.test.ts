import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { actNames, everywhere, type Scope } from "@fieldloop/shared/permissions";
import type { SampleAnnouncement } from "@fieldloop/shared/samples/sample";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { encodeJpeg } from "@fieldloop/shared-node/image";
import { admin, testApp, testPlatform } from "@fieldloop/test/support/platform";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Caller } from "../../platform/caller.ts";
import { listAudit } from "../../platform/ledger/store.ts";
import { claimTokenRoutes } from "../devices/claim-token-routes.ts";
import { deviceApiRoutes } from "../devices/device-api-routes.ts";
import type { Fleet } from "../devices/fleet.ts";
import { createPreviews } from "../devices/previews.ts";
import { deviceRoutes } from "../devices/routes.ts";
import { createDeviceNews } from "../live/publish.ts";
import { expireSamples } from "./expire.ts";
import { createSampleFiles } from "./files.ts";
import { sampleRoutes } from "./routes.ts";
import { defaultSampleBounds } from "./samples.ts";

const { platform, db, clock } = await testPlatform();
const folder = mkdtempSync(join(tmpdir(), "cloud-samples-"));
const fleet: Fleet = {
  platform,
  news: createDeviceNews(platform),
  previews: createPreviews({ now: () => clock.now }),
  disconnect: () => undefined,
};
const receiving = {
  platform,
  files: createSampleFiles(folder),
  bounds: { ...defaultSampleBounds, perDeviceDayCountMax: 12, bytesMax: 400_000 },
};
let caller: Caller = admin;
const app = await testApp(
  platform,
  [
    (instance) => deviceRoutes(instance, fleet),
    (instance) => deviceApiRoutes(instance, fleet),
    claimTokenRoutes,
    (instance) => sampleRoutes(instance, receiving),
  ],
  () => caller,
);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function as<T>(who: Caller, run: () => Promise<T>): Promise<T> {
  caller = who;
  try {
    return await run();
  } finally {
    caller = admin;
  }
}
const device = (id: string): Caller => {
  return { kind: "device", id, name: id, role: null, acts: new Set(), scope: everywhere };
};
const limitedTo = (scope: Partial<Scope>, acts: Caller["acts"] = new Set(actNames)): Caller => {
  return { ...admin, id: "p-2", name: "limited", acts, scope: { ...everywhere, ...scope } };
};
const get = (url: string) => app.inject({ method: "GET", url });

async function enrol(name: string, site: string, allowed = true): Promise<void> {
  const claim = await app.inject({
    method: "POST",
    url: "/api/v1/enrol-tokens",
    payload: { site },
  });
  const { token } = claim.json();
  const payload = { token, name, role: "camera", profile: "pi-5" };
  expect((await app.inject({ method: "POST", url: "/api/v1/enrol", payload })).statusCode).toBe(
    201,
  );
  if (allowed) expect(await allow(name, { upload: { allowed: true } })).toBe(200);
}
async function allow(name: string, samples: object): Promise<number> {
  const url = `/api/v1/devices/${name}`;
  const headers = { "if-match": "*" };
  const payload = { settings: { samples } };
  return (await app.inject({ method: "PATCH", url, payload, headers })).statusCode;
}

async function picture(i: number): Promise<Buffer> {
  const [width, height] = [120, 90];
  const data = Uint8Array.from({ length: 3 * width * height }, (_, p) => (p * (i + 7) * 31) % 251);
  return Buffer.from(
    await encodeJpeg({ kind: "raw", data, width, height }, { widthMax: width, bytesMax: 200_000 }),
  );
}
const about = (bytes: Buffer, more: Partial<SampleAnnouncement> = {}): SampleAnnouncement => ({
  camera: "belt",
  frame: "f1",
  capturedAt: 1_000_000,
  reasons: ["uncertain"],
  share: 1,
  hardness: 0.7,
  local: { model: "eggs@1.0.0", label: "clean", confidence: 0.55, detections: null },
  cloud: null,
  blurred: false,
  width: 120,
  height: 90,
  bytes: bytes.length,
  ...more,
});
const urlOf = (bytes: Buffer) => `/api/v1/device/samples/${sha256Of(bytes)}`;
const announce = (id: string, bytes: Buffer, more: Partial<SampleAnnouncement> = {}) =>
  as(device(id), () =>
    app.inject({ method: "PUT", url: urlOf(bytes), payload: about(bytes, more) }),
  );
const send = (id: string, bytes: Buffer, offset: number, piece: Buffer) =>
  as(device(id), () =>
    app.inject({
      method: "PATCH",
      url: `${urlOf(bytes)}?offset=${offset}`,
      payload: piece,
      headers: { "content-type": "application/octet-stream" },
    }),
  );
async function upload(id: string, bytes: Buffer, more: Partial<SampleAnnouncement> = {}) {
  expect((await announce(id, bytes, more)).json()).toEqual({ offset: 0, complete: false });
  const reply = await send(id, bytes, 0, bytes);
  expect(reply.json()).toEqual({ offset: bytes.length, complete: true });
}

beforeAll(async () => {
  await enrol("cam-1", "north");
  await enrol("cam-2", "south");
  await enrol("cam-3", "north", false);
});

describe("a device that hands over a sample", () => {
  it("goes on where it was, piece by piece, and is never asked for a byte again", async () => {
    const bytes = await picture(1);
    expect((await announce("cam-1", bytes)).json()).toEqual({ offset: 0, complete: false });
    const cuts = [0, 1000, 1001, 5000, bytes.length];
    for (let i = 1; i < cuts.length; i++) {
      const [from = 0, to = 0] = [cuts[i - 1], cuts[i]];
      const reply = await send("cam-1", bytes, from, bytes.subarray(from, to));
      expect(reply.json()).toEqual({ offset: to, complete: to === bytes.length });
      const again = await announce("cam-1", bytes);
      expect(again.json()).toEqual({ offset: to, complete: to === bytes.length });
    }
    // A repeated last piece changes nothing.
    const repeated = await send("cam-1", bytes, 5000, bytes.subarray(5000));
    expect(repeated.json()).toEqual({ offset: bytes.length, complete: true });
    const image = await get(`/api/v1/devices/cam-1/samples/${sha256Of(bytes)}/image`);
    expect(image.rawPayload).toEqual(bytes);
    expect(image.headers["content-type"]).toBe("image/jpeg");
    expect(readdirSync(join(folder, "cam-1"))).toEqual([`${sha256Of(bytes)}.jpg`]);
  });

  it("is told the right offset", async () => {
    const bytes = await picture(2);
    await announce("cam-1", bytes);
    await send("cam-1", bytes, 0, bytes.subarray(0, 100));
    const reply = await send("cam-1", bytes, 300, bytes.subarray(300));
    expect([reply.statusCode, reply.json().code, reply.json().detail]).toEqual([
      409,
      "wrong-offset",
      "the next piece begins at 100, not at 300",
    ]);
    expect((await send("cam-1", bytes, 100, bytes.subarray(100))).json().complete).toBe(true);
  });

  it("begins again where something else came than was announced", async () => {
    const bytes = await picture(3);
    await announce("cam-1", bytes);
    const spoilt = Buffer.from(bytes);
    spoilt[500] = (spoilt[500] ?? 0) ^ 1;
    const reply = await send("cam-1", bytes, 0, spoilt);
    expect([reply.statusCode, reply.json().detail]).toEqual([
      422,
      "the sample is not what was announced: its bytes are not those of its digest; send it again from the beginning",
    ]);
    expect((await announce("cam-1", bytes)).json()).toEqual({ offset: 0, complete: false });
    expect((await send("cam-1", bytes, 0, bytes)).json().complete).toBe(true);
  });

  it.each([
    ["text", Buffer.from("not a picture at all"), "it is no JPEG"],
    ["half a JPEG", Buffer.concat([Buffer.from([0xff, 0xd8]), Buffer.alloc(50)]), "send it again"],
  ])("cannot hand over %s", async (_what, bytes, reason) => {
    await announce("cam-2", bytes);
    const reply = await send("cam-2", bytes, 0, bytes);
    expect(reply.statusCode).toBe(422);
    expect(reply.json().detail).toContain(reason);
  });

  it("cannot hand over more than it announced, or another size, or larger pieces", async () => {
    const bytes = await picture(4);
    await announce("cam-2", bytes, { width: 121 });
    const more = await send("cam-2", bytes, 0, Buffer.concat([bytes, Buffer.from("x")]));
    expect([more.statusCode, more.json().code]).toEqual([413, "too-long"]);
    const size = await send("cam-2", bytes, 0, bytes);
    expect(size.json().detail).toContain("it is 120 x 90 and was announced as 121 x 90");
    const large = await send("cam-2", bytes, 0, Buffer.alloc(64 * 1024 + 1));
    expect([large.statusCode, large.json().code]).toEqual([413, "too-large"]);
    const unknown = await send("cam-2", await picture(99), 0, bytes);
    expect([unknown.statusCode, unknown.json().code]).toEqual([404, "not-announced"]);
  });

  it("is refused where its settings do not allow it, also in the middle", async () => {
    const bytes = await picture(5);
    const reply = await announce("cam-3", bytes);
    expect([reply.statusCode, reply.json().code]).toEqual([403, "samples-not-allowed"]);
    expect(reply.json().detail).toContain("`fieldloop devices samples cam-3 --upload on`");
    await allow("cam-3", { upload: { allowed: true } });
    await announce("cam-3", bytes);
    await allow("cam-3", {});
    expect((await send("cam-3", bytes, 0, bytes)).statusCode).toBe(403);
  });

  it("may not bring more than a day's quota, and the server takes no more than it has room for", async () => {
    await enrol("cam-4", "east");
    const codes: number[] = [];
    for (let i = 0; i < 14; i++)
      codes.push((await announce("cam-4", Buffer.from(`sample ${i}`))).statusCode);
    expect(codes).toEqual([...Array(12).fill(200), 429, 429]);
    clock.now += 25 * 3_600_000;
    const big = await announce("cam-4", await picture(50), { bytes: 390_000 });
    expect([big.statusCode, big.json().detail]).toEqual([
      429,
      "the server has no room for more samples; delete some, or set FIELDLOOP_SAMPLES_BYTES_MAX higher",
    ]);
  });

  it("is refused settings that do not make sense", async () => {
    const url = "/api/v1/devices/cam-1";
    const payload = { settings: { samples: { uploads: { allowed: true } } } };
    const reply = await app.inject({ method: "PATCH", url, payload, headers: { "if-match": "*" } });
    expect([reply.statusCode, reply.json().detail]).toEqual([
      400,
      'settings.samples: unknown key "uploads"',
    ]);
  });
});

describe("people", () => {
  const boxes: SampleAnnouncement["local"] = {
    model: "faces@1.0.0",
    label: null,
    confidence: 0.9,
    detections: [{ label: "face", score: 0.9, box: [0, 0, 1, 1] }],
  };
  let digests: string[] = [];

  beforeAll(async () => {
    await enrol("cam-5", "west");
    const pictures = await Promise.all([60, 61, 62].map(picture));
    digests = pictures.map((bytes) => sha256Of(bytes));
    const [a, b, c] = pictures as [Buffer, Buffer, Buffer]; // three
    await upload("cam-5", a, { capturedAt: 5_000_000 });
    await upload("cam-5", b, { capturedAt: 6_000_000, reasons: ["random"], local: boxes });
    await upload("cam-5", c, { capturedAt: 7_000_000, camera: "door" });
  });
  const listed = async (query: string) => {
    const reply = await get(`/api/v1/samples?device=cam-5&${query}`);
    expect(reply.statusCode).toBe(200);
    return reply.json().items.map(({ digest }: { digest: string }) => digests.indexOf(digest));
  };

  it.each([
    ["", [2, 1, 0]],
    ["label=face", [1]],
    ["label=clean", [2, 0]],
    ["reason=random", [1]],
    ["camera=door", [2]],
    ["from=5500000&to=6500000", [1]],
    ["label=nothing", []],
  ])("list them by %j", async (query, expected) => expect(await listed(query)).toEqual(expected));

  it("turn pages without missing any", async () => {
    const seen: string[] = [];
    let cursor = "";
    for (let i = 0; i < 3; i++) {
      const reply = await get(`/api/v1/samples?device=cam-5&limit=1${cursor}`);
      const { items, next, total } = reply.json();
      expect([items.length, total]).toEqual([1, 3]);
      seen.push(items[0].digest);
      cursor = `&cursor=${next}`;
      expect(next === null).toBe(i === 2);
    }
    expect(seen).toEqual([...digests].reverse());
    expect((await get("/api/v1/samples?cursor=nonsense")).statusCode).toBe(400);
  });

  it("see only samples of devices in their scope, and pictures only with the right to", async () => {
    const path = `/api/v1/devices/cam-5/samples/${digests[0]}`;
    await as(limitedTo({ sites: ["north"] }), async () => {
      expect((await get("/api/v1/samples?device=cam-5")).json().items).toEqual([]);
      for (const url of [path, `${path}/image`]) expect((await get(url)).statusCode).toBe(404);
      expect((await app.inject({ method: "DELETE", url: path })).statusCode).toBe(404);
    });
    const viewer = limitedTo({}, new Set(["samples:read"] as const));
    await as(viewer, async () => {
      expect((await get(path)).statusCode).toBe(200);
      expect((await get(`${path}/image`)).statusCode).toBe(403);
      expect((await app.inject({ method: "DELETE", url: path })).statusCode).toBe(403);
    });
  });

  it("are written down as having looked once, and as having deleted", async () => {
    for (const digest of digests) await get(`/api/v1/devices/cam-5/samples/${digest}/image`);
    const url = `/api/v1/devices/cam-5/samples/${digests[0]}`;
    expect((await app.inject({ method: "DELETE", url })).statusCode).toBe(204);
    expect((await get(url)).statusCode).toBe(404);
    expect(existsSync(join(folder, "cam-5", `${digests[0]}.jpg`))).toBe(false);
    const rows = (await listAudit(db, 100, undefined)).filter(
      ({ subject, act }) => subject === "device:cam-5" && !act.startsWith("devices:"),
    );
    expect(rows.map(({ act }) => act).sort()).toEqual(["media:view", "samples:remove"]);
  });
});

describe("what is not kept", () => {
  it("goes: old ones, uploads nobody goes on with, and those of removed devices", async () => {
    await enrol("cam-6", "west");
    await enrol("cam-7", "west");
    const [old, young, orphan] = (await Promise.all([70, 71, 72].map(picture))) as [
      Buffer,
      Buffer,
      Buffer,
    ]; // three
    await upload("cam-6", old);
    await upload("cam-7", orphan);
    clock.now += 89 * 86_400_000;
    await upload("cam-6", young);
    await announce("cam-6", await picture(73));
    const headers = { "if-match": "*" };
    await app.inject({ method: "DELETE", url: "/api/v1/devices/cam-7", headers });
    clock.now += 2 * 86_400_000;
    await expireSamples(receiving);
    const { items } = (await get("/api/v1/samples")).json();
    expect(items.map(({ digest }: { digest: string }) => digest)).toEqual([sha256Of(young)]);
    expect(readdirSync(join(folder, "cam-6"))).toEqual([`${sha256Of(young)}.jpg`]);
    expect(readdirSync(join(folder, "cam-7"))).toEqual([]);
  });
});
