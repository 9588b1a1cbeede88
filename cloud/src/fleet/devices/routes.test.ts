import { previewHeader } from "@fieldloop/shared/contract/device-api";
import type { LiveEvent } from "@fieldloop/shared/contract/live";
import { actNames, everywhere, type Scope } from "@fieldloop/shared/permissions";
import { admin, testApp, testPlatform } from "@fieldloop/test/support/platform";
import { reportedState } from "@fieldloop/test/support/reported";
import { describe, expect, it } from "vitest";
import type { Caller } from "../../platform/caller.ts";
import { listAudit } from "../../platform/ledger/store.ts";
import { createDeviceNews } from "../live/publish.ts";
import { claimTokenRoutes } from "./claim-token-routes.ts";
import { deviceApiRoutes } from "./device-api-routes.ts";
import type { Fleet } from "./fleet.ts";
import { noteSeen, noteState } from "./note.ts";
import { createPreviews } from "./previews.ts";
import { verifyCredential } from "./reads.ts";
import { deviceRoutes } from "./routes.ts";
import { setModelTarget } from "./target-model.ts";

const { platform, db, clock, sent } = await testPlatform();
const demoPlatform = { ...platform, installation: { ...platform.installation, demo: true } };
const disconnected: string[] = [];
const previews = createPreviews({ now: () => clock.now });
const fleet: Fleet = {
  platform,
  news: createDeviceNews(platform),
  previews,
  disconnect: (id) => void disconnected.push(id),
};
let caller: Caller = admin;
const app = await testApp(
  platform,
  [
    (instance) => deviceRoutes(instance, fleet),
    (instance) => deviceApiRoutes(instance, fleet),
    claimTokenRoutes,
  ],
  () => caller,
);
const demo = await testApp(
  demoPlatform,
  [(instance) => deviceRoutes(instance, { ...fleet, platform: demoPlatform })],
  () => caller,
);
const events: LiveEvent[] = [];
platform.live.subscribe((event) => events.push(event));

const limitedTo = (scope: Partial<Scope>, role: "operator" | "viewer" = "operator"): Caller => {
  const may = actNames.filter((act) => role === "operator" || act.endsWith(":read"));
  const acts = new Set(may);
  return { ...admin, id: `p-${role}`, name: role, role, acts, scope: { ...everywhere, ...scope } };
};
const device = (id: string): Caller => {
  return { kind: "device", id, name: id, role: null, acts: new Set(), scope: everywhere };
};
/** Runs a request as somebody else. */
async function as<T>(who: Caller, run: () => Promise<T>): Promise<T> {
  caller = who;
  try {
    return await run();
  } finally {
    caller = admin;
  }
}
const get = (url: string) => app.inject({ method: "GET", url });
const post = (url: string, payload: object = {}) => app.inject({ method: "POST", url, payload });
const patch = (id: string, payload: object, etag: string) => {
  const url = `/api/v1/devices/${id}`;
  return app.inject({ method: "PATCH", url, payload, headers: { "if-match": etag } });
};
const lastAudit = async () => (await listAudit(db, 1, undefined))[0];

async function claim(body: object = {}): Promise<{ id: string; token: string }> {
  const reply = await post("/api/v1/enrol-tokens", body);
  expect(reply.statusCode).toBe(201);
  return reply.json();
}
async function enrol(name: string, body: object = {}, role = "camera") {
  const { token } = await claim(body);
  const reply = await post("/api/v1/enrol", { token, name, role, profile: "pi-5" });
  expect(reply.statusCode).toBe(201);
  return reply.json() as { deviceId: string; credential: string };
}

describe("enrolment", () => {
  it("turns a claim token into a device with its own credential, site and group", async () => {
    const { deviceId, credential } = await enrol("cam-1", { site: "a", group: "line-1" });
    expect(deviceId).toBe("cam-1");
    const known = { id: "cam-1", role: "camera", site: "a", group: "line-1" };
    expect(await verifyCredential(db, credential)).toEqual(known);
    const detail = (await get("/api/v1/devices/cam-1")).json();
    expect(detail).toMatchObject({ status: "pending", site: "a", reported: null, model: null });
    expect(detail.ingest).toEqual({ epoch: 0, upTo: 0, gaps: 0, quarantined: 0 });
    expect(await lastAudit()).toMatchObject({ act: "devices:enrol", subject: "device:cam-1" });
  });

  it("gives another id where the wished one is or was taken", async () => {
    expect((await enrol("cam-1")).deviceId).toBe("cam-1-2");
    const long = "x".repeat(64);
    await enrol(long);
    const second = (await enrol(long)).deviceId;
    expect([second.length, second.endsWith("-2")]).toEqual([64, true]);
  });

  it("says why a claim token lets nobody in", async () => {
    const wish = { role: "camera", profile: "pi-5" };
    const detail = async (token: string) => {
      const reply = await post("/api/v1/enrol", { ...wish, token });
      expect(reply.statusCode).toBe(401);
      return reply.json().detail as string;
    };
    const [once, brief, revoked] = [await claim(), await claim({ expiresInS: 60 }), await claim()];
    await post("/api/v1/enrol", { ...wish, token: once.token });
    await app.inject({ method: "DELETE", url: `/api/v1/enrol-tokens/${revoked.id}` });
    clock.now += 60_000;
    expect(await detail(once.token)).toContain("used already");
    expect(await detail(brief.token)).toContain("expired on 2026");
    expect(await detail(revoked.token)).toContain("was revoked");
    expect(await detail("flc_foreign")).toContain("not known here");
  });

  it("lets in as many as the token says, also when they come at once", async () => {
    const { token } = await claim({ usesMax: 3 });
    const body = { token, role: "camera", profile: "pi-5" };
    const replies = await Promise.all(Array.from({ length: 6 }, () => post("/api/v1/enrol", body)));
    const codes = replies.map((reply) => reply.statusCode).sort();
    expect(codes).toEqual([201, 201, 201, 401, 401, 401]);
    const { items } = (await get("/api/v1/enrol-tokens")).json();
    expect(items[0]).toMatchObject({ uses: 3, usesMax: 3 });
    expect(JSON.stringify(items)).not.toContain(token);
  });

  it("keeps whoever sees one site to claim tokens of that site", async () => {
    await as(limitedTo({ sites: ["a"] }), async () => {
      expect((await post("/api/v1/enrol-tokens", { site: "b" })).statusCode).toBe(403);
      expect((await post("/api/v1/enrol-tokens", {})).statusCode).toBe(403);
      await claim({ site: "a", note: "ours" });
      const { items } = (await get("/api/v1/enrol-tokens")).json();
      expect(items.every((item: { site: string }) => item.site === "a")).toBe(true);
    });
    const foreign = await claim({ site: "b" });
    const url = `/api/v1/enrol-tokens/${foreign.id}`;
    const reply = await as(limitedTo({ sites: ["a"] }), () =>
      app.inject({ method: "DELETE", url }),
    );
    expect(reply.statusCode).toBe(404);
  });

  it("gives a late device the model its fleet runs", async () => {
    await db.transaction().execute((tx) => {
      const target = { model: "egg", alias: "production", version: "1.0.0", by: "ada" };
      return setModelTarget(
        tx,
        { ...target, manifest: "a".repeat(64), manifestBytes: 9 },
        clock.now,
      );
    });
    await enrol("late-1");
    const reply = await as(device("late-1"), () => get("/api/v1/device/desired"));
    expect(reply.json().model).toMatchObject({ name: "egg", version: "1.0.0", manifestBytes: 9 });
  });
});

describe("who sees what", () => {
  it("shows a person of one site neither list nor detail of another", async () => {
    await enrol("site-a", { site: "a" });
    await enrol("site-b", { site: "b" });
    await as(limitedTo({ sites: ["a"] }), async () => {
      const list = (await get("/api/v1/devices")).json();
      const sites = new Set(list.items.map((item: { site: string }) => item.site));
      expect([...sites]).toEqual(["a"]);
      expect(list.total).toBe(list.items.length);
      expect((await get("/api/v1/devices/site-a")).statusCode).toBe(200);
      const hidden = await get("/api/v1/devices/site-b");
      const unknown = await get("/api/v1/devices/nobody-b");
      expect([hidden.statusCode, unknown.statusCode]).toEqual([404, 404]);
      expect(hidden.json().detail).toBe(unknown.json().detail.replace("nobody-b", "site-b"));
      expect((await patch("site-b", { site: "a" }, "*")).statusCode).toBe(404);
      expect((await post("/api/v1/devices/site-b/watch")).statusCode).toBe(404);
      const out = await patch("site-a", { site: "b" }, "*");
      expect([out.statusCode, out.json().code]).toEqual([403, "forbidden"]);
    });
  });

  it("finds by words, page by page", async () => {
    const first = (await get("/api/v1/devices?q=SITE&limit=1")).json();
    expect(first).toMatchObject({ total: 2, next: "site-a", items: [{ id: "site-a" }] });
    const second = (await get(`/api/v1/devices?q=site&limit=1&cursor=${first.next}`)).json();
    expect(second).toMatchObject({ next: null, items: [{ id: "site-b" }] });
    expect((await get("/api/v1/devices?q=site%20pending")).json().total).toBe(2);
    expect((await get("/api/v1/devices?q=site%20online")).json().total).toBe(0);
  });

  it("keeps devices from the people's side, and people from the devices'", async () => {
    expect((await as(device("site-a"), () => get("/api/v1/devices"))).statusCode).toBe(403);
    expect((await get("/api/v1/device/desired")).statusCode).toBe(401);
  });
});

describe("changing a device", () => {
  it("needs the entity tag last read, bumps the twin and tells the device", async () => {
    await enrol("twin-1");
    const { etag = "" } = (await get("/api/v1/devices/twin-1")).headers as { etag?: string };
    sent.length = 0;
    const changed = await patch("twin-1", { settings: { results: "all" } }, etag);
    expect(changed.json().desired).toMatchObject({
      version: 3,
      settings: { results: "all", windowMs: 60_000 },
    });
    expect(sent).toEqual([{ device: "twin-1", channel: "desired", message: { v: 1, version: 3 } }]);
    expect(changed.headers.etag).toBe('"r2"');
    const stale = await patch("twin-1", { settings: { results: "exceptions" } }, etag);
    expect(stale.statusCode).toBe(412);
    const audited = await lastAudit();
    expect(audited).toMatchObject({ act: "devices:write", subject: "device:twin-1" });
  });

  it("moves it to its new group's model, and does not bump what stays the same", async () => {
    await db.transaction().execute((tx) => {
      const target = { model: "egg", alias: "line-7", version: "2.0.0", by: "ada" };
      return setModelTarget(
        tx,
        { ...target, manifest: "b".repeat(64), manifestBytes: 9 },
        clock.now,
      );
    });
    const moved = (await patch("twin-1", { group: "line-7" }, "*")).json();
    expect(moved).toMatchObject({ desiredModel: "egg@2.0.0", desired: { version: 4 } });
    const same = (
      await patch("twin-1", { group: "line-7", settings: { results: "all" } }, "*")
    ).json();
    expect(same.desired.version).toBe(4);
    const placed = (await patch("twin-1", { site: "c" }, "*")).json();
    expect(placed.desired.version).toBe(4);
    const typo = await patch("twin-1", { follows: "egq" }, "*");
    expect([typo.statusCode, typo.json().detail]).toEqual([409, expect.stringContaining("egg")]);
  });

  it("is refused with a sentence where a station would follow a model", async () => {
    await enrol("end-1", {}, "station");
    const { statusCode, ...reply } = await patch("end-1", { follows: "egg" }, "*");
    expect([statusCode, reply.json().detail]).toEqual([
      409,
      "end-1 is a station and runs no model",
    ]);
  });

  it("removes it: the credential ends, the connection too, and watchers hear it", async () => {
    const { credential } = await enrol("gone-1");
    const url = "/api/v1/devices/gone-1";
    const viewer = limitedTo({}, "viewer");
    const remove = () => app.inject({ method: "DELETE", url, headers: { "if-match": '"r1"' } });
    expect((await as(viewer, remove)).statusCode).toBe(403);
    expect((await remove()).statusCode).toBe(204);
    expect(await verifyCredential(db, credential)).toBeUndefined();
    expect(disconnected).toEqual(["gone-1"]);
    expect(events).toContainEqual({ kind: "device-removed", id: "gone-1" });
    expect((await get(url)).statusCode).toBe(404);
    expect((await as(device("gone-1"), () => get("/api/v1/device/desired"))).statusCode).toBe(404);
  });
});

describe("live frames", () => {
  const jpeg = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3]);
  const put = (payload: Buffer, headers: Record<string, string> = {}) => {
    const type = { "content-type": "image/jpeg", ...headers };
    const request = {
      method: "PUT",
      url: "/api/v1/device/preview",
      payload,
      headers: type,
    } as const;
    return as(device("eye-1"), () => app.inject(request));
  };
  const watch = () => post("/api/v1/devices/eye-1/watch");

  it("are asked for once in a while, written down once per look", async () => {
    await enrol("eye-1");
    const early = await watch();
    expect([early.statusCode, early.json().detail]).toEqual([
      409,
      "eye-1 has never connected, so there is nothing to watch; start its agent",
    ]);
    await noteSeen(db, "eye-1", clock.now);
    sent.length = 0;
    const { until } = (await watch()).json();
    expect(until).toBe(clock.now + 90_000);
    clock.now += 30_000;
    expect((await watch()).json().until).toBe(until);
    expect(sent).toHaveLength(1);
    clock.now += 30_000;
    expect((await watch()).json().until).toBe(clock.now + 90_000);
    expect(sent).toHaveLength(2);
    const looks = (await listAudit(db, 100, undefined)).filter((row) => row.act === "media:view");
    expect(looks).toHaveLength(1);
    const desired = await as(device("eye-1"), () => get("/api/v1/device/desired"));
    expect(desired.json().preview).toEqual({ until: clock.now + 90_000 });
  });

  it("are refused to those who may not see pictures", async () => {
    const viewer = limitedTo({}, "viewer");
    expect((await as(viewer, watch)).statusCode).toBe(403);
    expect((await as(viewer, () => get("/api/v1/devices/eye-1/frame"))).statusCode).toBe(403);
  });

  it("show the newest JPEG, never stored by anybody, with its result on the stream", async () => {
    expect((await get("/api/v1/devices/eye-1/frame")).statusCode).toBe(404);
    const header = Buffer.from('{"label":"cracked"}').toString("base64url");
    expect((await put(jpeg, { [previewHeader]: header })).statusCode).toBe(204);
    const frame = await get("/api/v1/devices/eye-1/frame");
    expect(frame.rawPayload.equals(jpeg)).toBe(true);
    expect(frame.headers).toMatchObject({
      "cache-control": "no-store",
      "content-type": "image/jpeg",
    });
    const news = { kind: "frame", device: "eye-1", at: clock.now, result: { label: "cracked" } };
    expect(events).toContainEqual(news);
  });

  it("are refused when too large, no JPEG, or not wanted", async () => {
    expect((await put(Buffer.alloc(64 * 1024 + 1, 0xff))).statusCode).toBe(413);
    expect((await put(Buffer.from("GIF89a"))).statusCode).toBe(415);
    expect((await put(jpeg, { [previewHeader]: "[]" })).statusCode).toBe(400);
    clock.now += 100_001;
    expect((await put(jpeg)).json()).toMatchObject({ status: 409, code: "not-watched" });
    expect((await get("/api/v1/devices/eye-1/frame")).statusCode).toBe(404);
    const desired = await as(device("eye-1"), () => get("/api/v1/device/desired"));
    expect(desired.json().preview).toBeNull();
  });
});

describe("a camera's reference", () => {
  const commission = (camera: string) =>
    post(`/api/v1/devices/lens-1/cameras/${camera}/commission`);
  const health = { referenceAt: null, commissioning: null, raised: [] };
  const camera = { kind: "csi", state: "streaming", reason: null } as const;

  it("is asked for by camera, told to the device, and written down", async () => {
    await enrol("lens-1", { site: "lab" });
    const early = await commission("door");
    expect([early.statusCode, early.json().detail]).toEqual([
      409,
      "lens-1 has never connected, so it has no cameras yet; start its agent",
    ]);
    await noteSeen(db, "lens-1", clock.now);
    const cameras = [
      { ...camera, name: "door", health },
      { ...camera, name: "files", health: null },
    ];
    await noteState(db, "lens-1", reportedState({ cameras }), clock.now);
    sent.length = 0;
    expect((await commission("door")).json()).toEqual({ requestedAt: clock.now });
    expect(sent).toHaveLength(1);
    const desired = await as(device("lens-1"), () => get("/api/v1/device/desired"));
    expect(desired.json().commissions).toEqual({ door: clock.now });
    expect(await lastAudit()).toMatchObject({
      act: "devices:write",
      subject: "device:lens-1",
      detail: { site: "lab", commission: "door" },
    });
  });

  it("is refused for a camera that is not there, not watched, or not theirs", async () => {
    const unknown = await commission("gate");
    expect([unknown.statusCode, unknown.json().detail]).toEqual([
      404,
      'lens-1 has no camera "gate"; it reports door, files',
    ]);
    const unwatched = await commission("files");
    expect([unwatched.statusCode, unwatched.json().code]).toEqual([409, "not-watched"]);
    const viewer = limitedTo({}, "viewer");
    expect((await as(viewer, () => commission("door"))).statusCode).toBe(403);
    const elsewhere = limitedTo({ sites: ["other"] });
    expect((await as(elsewhere, () => commission("door"))).statusCode).toBe(404);
  });
});

describe("the demo's worlds", () => {
  const set = (payload: object, on = demo) =>
    on.inject({ method: "POST", url: "/api/v1/demo/world", payload });

  it("change only where cameras are synthetic", async () => {
    const reply = await set({ world: "brown-eggs" }, app);
    expect([reply.statusCode, reply.json().code]).toEqual([409, "not-a-demo"]);
  });

  it("change for all cameras in scope or those named, once", async () => {
    await enrol("belt-end", { site: "z" }, "station");
    await enrol("z-1", { site: "z" });
    await enrol("z-2", { site: "z" });
    const some = limitedTo({ sites: ["z"] });
    expect((await as(some, () => set({ world: "lamp-aging" }))).json().changed).toEqual([
      "z-1",
      "z-2",
    ]);
    expect((await set({ world: "lamp-aging", devices: ["z-1"] })).json().changed).toEqual([]);
    sent.length = 0;
    expect((await set({ world: "brown-eggs", devices: ["z-2"] })).json().changed).toEqual(["z-2"]);
    expect(sent.map((message) => message.device)).toEqual(["z-2"]);
    const desired = (await get("/api/v1/devices/z-2")).json().desired;
    expect(desired.scene).toEqual({ world: "brown-eggs" });
  });

  it("name the devices that are no cameras in scope, and change nothing", async () => {
    const names = ["z-1", "belt-end", "nobody"];
    const reply = await set({ world: "normal", devices: names });
    expect(reply.statusCode).toBe(404);
    expect(reply.json().detail).toContain("belt-end, nobody");
    expect((await get("/api/v1/devices/z-1")).json().desired.scene.world).toBe("lamp-aging");
  });

  it("come with settings that show results within seconds", async () => {
    const url = "/api/v1/devices/z-1";
    const { settings } = (await demo.inject({ method: "GET", url })).json().desired;
    expect(settings).toEqual({ results: "sampled", sampleShare: 0.25, windowMs: 5000 });
  });
});
