import type { DeviceSummary } from "@fieldloop/shared/contract/devices";
import { describe, expect, it } from "vitest";
import { causesOf, isUpdating, matchesFilter } from "./device-status.ts";

const now = 10_000_000;
const healthy: DeviceSummary = {
  id: "cam-1",
  role: "camera",
  profile: "linux-x64",
  site: "berlin",
  group: null,
  status: "online",
  lastSeen: now - 1000,
  enrolledAt: 0,
  agentVersion: "0.1.0",
  model: "eggs@1.0.0",
  follows: null,
  desiredModel: "eggs@1.0.0",
  update: null,
  world: "normal",
  latest: { at: now, fps: 2, p50Ms: 20, p95Ms: 30, confidence: 0.9, dropped: 0, errors: 0 },
};
const progress = { model: "eggs@1.0.1", reason: null, bytesDone: 1, bytesTotal: 2, at: now };
const texts = (device: Partial<DeviceSummary>) =>
  causesOf({ ...healthy, ...device }, now).map((cause) => cause.text);

describe("causes of a device's state", () => {
  it("are none for a healthy device", () => {
    expect(texts({})).toEqual([]);
  });

  it("name since when it is silent", () => {
    expect(texts({ status: "stale", lastSeen: now - 240_000 })).toEqual([
      "Connected, but silent for 4 min.",
    ]);
    expect(texts({ status: "offline", lastSeen: null })).toEqual([
      "Offline: it has not sent anything yet.",
    ]);
  });

  it("give the reason of a failed update before the model mismatch", () => {
    const update = { ...progress, phase: "failed", reason: "golden 2 answered cracked" };
    expect(texts({ update, desiredModel: "eggs@1.0.1" })).toEqual([
      "Update to eggs@1.0.1 failed: golden 2 answered cracked",
      "Runs eggs@1.0.0, is meant to run eggs@1.0.1.",
    ]);
  });

  it("tell an update under way and no mismatch beside it", () => {
    const update = { ...progress, phase: "downloading" };
    expect(texts({ update, desiredModel: "eggs@1.0.1" })).toEqual([
      "Updating to eggs@1.0.1: downloading.",
    ]);
    expect(isUpdating({ ...progress, phase: "active" })).toBe(false);
  });

  it("count failed and dropped frames", () => {
    const latest = { ...healthy.latest!, errors: 1, dropped: 3 };
    expect(texts({ latest })).toEqual([
      "1 frame failed in the newest window.",
      "3 frames were dropped in the newest window.",
    ]);
  });
});

describe("the filter", () => {
  it.each(["cam", "BERLIN", "eggs@1.0", "online"])("finds %s", (q) => {
    expect(matchesFilter(healthy, q)).toBe(true);
  });

  it("does not find what stands in no field", () => {
    expect(matchesFilter(healthy, "oslo")).toBe(false);
  });
});
