import type { DeviceSummary, SeriesPoint } from "@fieldloop/shared/contract/devices";
import { QueryClient } from "@tanstack/react-query";
import { describe, expect, it } from "vitest";
import { appendPoint, applyLive, membershipChanges, patchPage } from "./apply-live.ts";

const device = (id: string, over: Partial<DeviceSummary> = {}): DeviceSummary => ({
  id,
  role: "camera",
  profile: "linux-x64",
  site: null,
  group: null,
  status: "online",
  lastSeen: 1,
  enrolledAt: 0,
  agentVersion: "0.1.0",
  model: null,
  follows: null,
  desiredModel: null,
  update: null,
  world: null,
  latest: null,
  ...over,
});

const point = (at: number, fps = 2): SeriesPoint => ({
  at,
  fps,
  results: 2,
  dropped: 0,
  errors: 0,
  p50Ms: 1,
  p95Ms: 2,
  confidence: 0.9,
  classes: {},
  facts: {},
});

describe("live events on a list", () => {
  it("replace a row in place and leave the order", () => {
    const page = { items: [device("a"), device("b"), device("c")], next: null, total: 3 };
    const patched = patchPage(page, new Map([["b", device("b", { status: "offline" })]]));
    expect(patched.items.map((d) => d.id)).toEqual(["a", "b", "c"]);
    expect(patched.items[1]?.status).toBe("offline");
    expect(patched.items[0]).toBe(page.items[0]);
  });

  it("leave a page untouched that shows none of the changed devices", () => {
    const page = { items: [device("a")], next: null, total: 1 };
    expect(patchPage(page, new Map([["z", device("z")]]))).toBe(page);
  });

  it("count as changes of membership only what comes or goes", () => {
    const events = [
      { kind: "device", device: device("a") },
      { kind: "device", device: device("new") },
      { kind: "device-removed", id: "a" },
      { kind: "device-removed", id: "unknown" },
    ] as const;
    expect(membershipChanges(new Set(["a"]), events)).toEqual(["new", "a"]);
  });
});

describe("live events on a series", () => {
  it("append a window, replace one of the same time, and keep the order", () => {
    const points = [point(10), point(30)];
    expect(appendPoint(points, point(40)).map((p) => p.at)).toEqual([10, 30, 40]);
    expect(appendPoint(points, point(20)).map((p) => p.at)).toEqual([10, 20, 30]);
    expect(appendPoint(points, point(30, 9)).at(-1)?.fps).toBe(9);
    expect(appendPoint(points, point(30, 9))).toHaveLength(2);
  });
});

describe("live events on the cache", () => {
  it("bring a result once, even when it is sent twice", () => {
    const cache = new QueryClient();
    cache.setQueryData(["results", "a"], {
      pages: [{ items: [], next: null }],
      pageParams: [null],
    });
    const result = {
      device: "a",
      epoch: 1,
      seq: 7,
      at: 1,
      camera: "main",
      frame: "f1",
      model: "eggs@1.0.0",
      reason: "all",
      label: "clean",
      confidence: 0.9,
      latencyMs: 20,
      detections: null,
      truth: null,
    } as const;
    applyLive(cache, [
      { kind: "result", result },
      { kind: "result", result },
    ]);
    const data = cache.getQueryData<{ pages: { items: unknown[] }[] }>(["results", "a"]);
    expect(data?.pages[0]?.items).toEqual([result]);
  });

  it("move a compilation in place, and ask for its report when it has ended", () => {
    const cache = new QueryClient();
    const compilation = {
      id: "c1",
      name: "eggs",
      version: "1.0.0",
      state: "running",
      stage: "searching",
      share: 0.5,
      samples: 80,
      lossPointsMax: 0.5,
      kinds: ["int8"],
      error: null,
      createdAt: 1,
      createdBy: "a",
      finishedAt: null,
    } as const;
    cache.setQueryData(["compilations"], {
      items: [
        { ...compilation, id: "c2" },
        { ...compilation, share: 0 },
      ],
    });
    cache.setQueryData(["compilation", "c1"], { ...compilation, share: 0, report: null });
    applyLive(cache, [{ kind: "compilation", compilation: { ...compilation, kinds: ["int8"] } }]);
    expect(cache.getQueryData(["compilation", "c1"])).toMatchObject({ share: 0.5, report: null });
    const list = cache.getQueryData<{ items: { id: string; share: number }[] }>(["compilations"]);
    expect(list?.items.map(({ id, share }) => [id, share])).toEqual([
      ["c2", 0.5],
      ["c1", 0.5],
    ]);
    expect(cache.getQueryState(["compilation", "c1"])?.isInvalidated).toBe(false);
    const ended = { ...compilation, kinds: ["int8" as const], finishedAt: 9 };
    applyLive(cache, [
      { kind: "compilation", compilation: { ...ended, state: "succeeded" } },
      { kind: "compilation", compilation: { ...ended, id: "new" } },
    ]);
    expect(cache.getQueryState(["compilation", "c1"])?.isInvalidated).toBe(true);
    expect(cache.getQueryState(["compilations"])?.isInvalidated).toBe(true);
  });

  it("ask for everything again on a resync", () => {
    const cache = new QueryClient();
    cache.setQueryData(["models"], { items: [] });
    applyLive(cache, [{ kind: "resync" }]);
    expect(cache.getQueryState(["models"])?.isInvalidated).toBe(true);
  });
});
