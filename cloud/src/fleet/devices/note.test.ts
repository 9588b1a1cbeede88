import { createHash } from "node:crypto";
import type { OnlineMessage } from "@fieldloop/shared/messages/control";
import type { ReportedState } from "@fieldloop/shared/messages/twin";
import { everywhere } from "@fieldloop/shared/permissions";
import { testDatabase } from "@fieldloop/test/support/database";
import { reportedState } from "@fieldloop/test/support/reported";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { summaryOf } from "./devices.ts";
import {
  noteBrokerStarted,
  noteLatest,
  noteOnline,
  noteSeen,
  noteState,
  noteUpdate,
} from "./note.ts";
import { desiredModelOf, devicesRunning, findDevice, verifyCredential } from "./reads.ts";
import { statusOf } from "./status.ts";
import { insertDevice, markRemoved } from "./store/devices.ts";
import { pageOfDevices } from "./store/list.ts";
import { setModelTarget } from "./target-model.ts";

const { db } = await testDatabase();
const now = Date.parse("2026-03-01T12:00:00Z");
const digest = (text: string) => createHash("sha256").update(text).digest("hex");

const add = (id: string, more: { group?: string; role?: "station" } = {}) => {
  const { group = null, role = "camera" } = more;
  const secretHash = digest("secret");
  return insertDevice(db, { id, role, profile: "pi-5", site: null, group, secretHash }, now);
};
const birth = (boot: string): OnlineMessage => {
  return { v: 1, online: true, boot, epoch: 1, at: now, agentVersion: "0.1.0" };
};
const will = (boot: string): OnlineMessage => ({ ...birth(boot), online: false });
const statusAt = async (id: string, at: number) => {
  const device = await findDevice(db, id);
  return device && summaryOf(device, false, at).status;
};
const state = (version: string, more: Partial<ReportedState> = {}): ReportedState =>
  reportedState({
    at: now,
    model: {
      name: "egg",
      version,
      manifest: digest(version),
      variant: "fp32",
      digest: digest("file"),
      provider: "cpu",
    },
    scene: { world: "normal" },
    ...more,
  });

beforeEach(async () => {
  await db.deleteFrom("devices").execute();
  await db.deleteFrom("model_targets").execute();
});

describe("presence", () => {
  it("begins with the first birth, which tells the version to fetch", async () => {
    await add("cam-1");
    expect(await statusAt("cam-1", now)).toBe("pending");
    expect(await noteOnline(db, "cam-1", birth("b1"), now)).toEqual({ desiredVersion: 1 });
    expect(await statusAt("cam-1", now)).toBe("online");
    expect(await noteOnline(db, "nobody", birth("b1"), now)).toBeUndefined();
  });

  it("ends with the last will of the same boot only", async () => {
    await add("cam-1");
    await noteOnline(db, "cam-1", birth("b1"), now);
    await noteOnline(db, "cam-1", birth("b2"), now + 1);
    await noteOnline(db, "cam-1", will("b1"), now + 2);
    expect(await statusAt("cam-1", now + 3)).toBe("online");
    await noteOnline(db, "cam-1", will("b2"), now + 4);
    expect(await statusAt("cam-1", now + 5)).toBe("offline");
  });

  it("returns when a device still speaks well after a will that was an older connection's", async () => {
    await add("cam-1");
    await noteOnline(db, "cam-1", birth("b1"), now);
    await noteOnline(db, "cam-1", will("b1"), now);
    await noteSeen(db, "cam-1", now + 9000);
    expect(await statusAt("cam-1", now + 9000)).toBe("offline");
    await noteSeen(db, "cam-1", now + 15_000);
    expect(await statusAt("cam-1", now + 15_000)).toBe("online");
  });

  it("is offline for all when the broker has just started, until the next birth", async () => {
    for (const id of ["cam-1", "cam-2"]) await add(id);
    await noteOnline(db, "cam-1", birth("b1"), now);
    expect(await noteBrokerStarted(db, now + 1)).toBe(1);
    expect(await statusAt("cam-1", now + 1)).toBe("offline");
    expect(await statusAt("cam-2", now + 1)).toBe("pending");
    await noteOnline(db, "cam-1", birth("b1"), now + 2);
    expect(await statusAt("cam-1", now + 2)).toBe("online");
  });

  it("is written at most every five seconds", async () => {
    await add("cam-1");
    for (const at of [0, 4999, 5000, 9999]) await noteSeen(db, "cam-1", now + at);
    expect((await findDevice(db, "cam-1"))?.lastSeen).toBe(now + 5000);
  });
});

describe("what a device says of itself", () => {
  it("shows in the list: model, world, numbers and update", async () => {
    await add("cam-1");
    await noteState(db, "cam-1", state("1.0.0"), now);
    const latest = { at: now, fps: 2, p50Ms: 4, p95Ms: 9, confidence: 0.9, dropped: 1, errors: 0 };
    await noteLatest(db, "cam-1", latest);
    await noteLatest(db, "cam-1", { ...latest, at: now - 1, fps: 99 });
    const device = await findDevice(db, "cam-1");
    expect(device).toMatchObject({
      running: "egg@1.0.0",
      world: "normal",
      agentVersion: "0.2.0",
      latest,
    });
  });

  it("shows an update's newest word, whichever message carried it", async () => {
    await add("cam-1");
    const ota = { v: 1, model: "egg", version: "1.0.1", bytesTotal: 10, reason: null } as const;
    await noteUpdate(db, "cam-1", { ...ota, at: now, phase: "downloading", bytesDone: 4 });
    const update = { model: "egg", version: "1.0.1", phase: "active", reason: null } as const;
    await noteState(db, "cam-1", state("1.0.0", { update: { ...update, at: now - 1 } }), now);
    expect((await findDevice(db, "cam-1"))?.update).toMatchObject({ phase: "downloading" });
    await noteState(db, "cam-1", state("1.0.1", { update: { ...update, at: now + 5 } }), now);
    expect((await findDevice(db, "cam-1"))?.update).toEqual({
      model: "egg@1.0.1",
      phase: "active",
      reason: null,
      bytesDone: 4,
      bytesTotal: 10,
      at: now + 5,
    });
  });
});

describe("an update's progress", () => {
  const ota = { v: 1, model: "egg", version: "1.0.1", bytesTotal: 10, reason: null } as const;
  const phaseNow = async () => (await findDevice(db, "cam-1"))?.update?.phase;

  it("is not taken backwards by a late message, and begins anew with a new attempt", async () => {
    await add("cam-1");
    const first = { ...ota, at: now, phase: "downloading", bytesDone: 4 } as const;
    await noteUpdate(db, "cam-1", first);
    await noteUpdate(db, "cam-1", { ...ota, at: now + 2, phase: "active", bytesDone: 10 });
    await noteUpdate(db, "cam-1", first);
    await noteUpdate(db, "cam-1", { ...ota, at: now + 1, phase: "testing", bytesDone: 10 });
    expect(await phaseNow()).toBe("active");
    await noteUpdate(db, "cam-1", { ...first, at: now + 3 });
    expect(await phaseNow()).toBe("downloading");
    await noteUpdate(db, "cam-1", { ...first, version: "1.0.2", at: now - 9 });
    expect((await findDevice(db, "cam-1"))?.update?.model).toBe("egg@1.0.2");
  });

  it("is not taken backwards by a state of the same moment", async () => {
    await add("cam-1");
    const update = { model: "egg", version: "1.0.1", phase: "testing", reason: null } as const;
    await noteUpdate(db, "cam-1", { ...ota, at: now, phase: "failed", bytesDone: 10 });
    await noteState(db, "cam-1", state("1.0.0", { update: { ...update, at: now } }), now);
    expect(await phaseNow()).toBe("failed");
    await noteState(db, "cam-1", state("1.0.0", { update: { ...update, at: now + 1 } }), now);
    expect(await phaseNow()).toBe("testing");
  });
});

describe("credentials", () => {
  it("open the door for their own device until it is removed", async () => {
    await add("cam-1", { group: "line-2" });
    const known = { id: "cam-1", role: "camera", site: null, group: "line-2" };
    expect(await verifyCredential(db, "fld_cam-1.secret")).toEqual(known);
    for (const wrong of ["fld_cam-1.other", "fld_cam-2.secret", "secret", ""])
      expect(await verifyCredential(db, wrong)).toBeUndefined();
    await markRemoved(db, "cam-1", now);
    expect(await verifyCredential(db, "fld_cam-1.secret")).toBeUndefined();
    expect(await findDevice(db, "cam-1")).toBeUndefined();
    expect(await add("cam-1")).toBe(false);
  });
});

describe("promotion", () => {
  const promote = (model: string, alias: string, version: string) =>
    db.transaction().execute((tx) => {
      const manifest = digest(`${model}${version}`);
      const target = { model, alias, version, manifest, manifestBytes: 7, by: "ada" };
      return setModelTarget(tx, target, now);
    });
  const ids = (moved: readonly { id: string }[]) => moved.map(({ id }) => id).sort();

  it("moves exactly the devices that follow, once", async () => {
    for (const id of ["cam-1", "cam-2"]) await add(id);
    await add("cam-3", { group: "line-2" });
    await add("station", { role: "station" });
    const moved = await promote("egg", "production", "1.0.0");
    expect(ids(moved)).toEqual(["cam-1", "cam-2", "cam-3"]);
    expect(moved.every(({ version }) => version === 2)).toBe(true);
    expect(await promote("egg", "production", "1.0.0")).toEqual([]);
    expect(ids(await promote("egg", "line-2", "1.1.0"))).toEqual(["cam-3"]);
    expect(ids(await promote("egg", "production", "1.0.1"))).toEqual(["cam-1", "cam-2"]);
    expect(await promote("face", "production", "9.0.0")).toEqual([]);
    expect(await desiredModelOf(db, "cam-3")).toEqual({
      name: "egg",
      version: "1.1.0",
      manifest: digest("egg1.1.0"),
      manifestBytes: 7,
    });
    expect(await desiredModelOf(db, "station")).toBeUndefined();
  });

  it("is counted per version, running and desired", async () => {
    for (const id of ["cam-1", "cam-2", "gone"]) await add(id);
    await promote("egg", "production", "1.0.1");
    await noteState(db, "cam-1", state("1.0.0"), now);
    await noteState(db, "gone", state("1.0.0"), now);
    await markRemoved(db, "gone", now);
    expect(Object.fromEntries(await devicesRunning(db, "egg"))).toEqual({
      "1.0.0": { running: 1, desired: 0 },
      "1.0.1": { running: 0, desired: 2 },
    });
    expect((await devicesRunning(db, "face")).size).toBe(0);
  });
});

describe("the list", () => {
  it("finds a status in SQL as the function tells it", async () => {
    const cases = fc.sample(
      fc.record({
        online: fc.boolean(),
        silentMs: fc.option(fc.constantFrom(0, 29_999, 30_000, 30_001, 180_000, 180_001)),
        windowMs: fc.option(fc.constantFrom(1000, 20_000)),
      }),
      60,
    );
    for (const [i, { online, silentMs, windowMs }] of cases.entries()) {
      await add(`cam-${i}`);
      await db
        .updateTable("devices")
        .set({
          online,
          last_seen: silentMs === null ? null : new Date(now - silentMs),
          settings: JSON.stringify(windowMs === null ? {} : { windowMs }),
        })
        .where("id", "=", `cam-${i}`)
        .execute();
    }
    const found = async (word: string) => {
      const query = { scope: everywhere, words: [word], windowMs: 60_000, now };
      return (await pageOfDevices(db, query, { limit: 100, after: undefined })).items;
    };
    for (const status of ["pending", "online", "stale", "offline"] as const) {
      const expected = cases.flatMap(({ online, silentMs, windowMs }, i) => {
        const lastSeen = silentMs === null ? null : now - silentMs;
        const is = statusOf({ online, lastSeen, windowMs: windowMs ?? 60_000 }, now);
        return is === status ? [`cam-${i}`] : [];
      });
      expect((await found(status)).map(({ id }) => id).sort()).toEqual(expected.sort());
    }
    expect(await found("100%")).toEqual([]);
  });
});
