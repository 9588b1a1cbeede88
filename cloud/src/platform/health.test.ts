import { admin, testApp, testPlatform } from "@fieldloop/test/support/platform";
import { describe, expect, it } from "vitest";
import { offerDeviceGauges } from "../fleet/devices/gauges.ts";
import { insertDevice } from "../fleet/devices/store/devices.ts";
import { anonymous, type Caller } from "./caller.ts";
import { healthRoutes } from "./health.ts";
import { counter } from "./metrics.ts";

const { platform, db, clock } = await testPlatform();
let broken: string | undefined;
const needs = [
  { name: "database", check: () => {} },
  {
    name: "broker",
    check: () => {
      if (broken !== undefined) throw new Error(broken);
    },
  },
];
let caller: Caller = anonymous;
const app = await testApp(platform, [(a) => healthRoutes(a, platform, needs)], () => caller);
const get = (url: string, remoteAddress = "127.0.0.1") =>
  app.inject({ method: "GET", url, remoteAddress });

describe("health", () => {
  it("is alive while it answers, and ready while all it needs works", async () => {
    expect((await get("/healthz")).json()).toEqual({ status: "ok", version: "0.0.0-test" });
    expect((await get("/readyz")).json()).toEqual({ status: "ready" });
    broken = "not connected";
    const reply = await get("/readyz");
    expect([reply.statusCode, reply.json().detail]).toEqual([503, "broker: not connected"]);
    expect((await get("/healthz")).statusCode).toBe(200);
  });

  it("shows what modules count, to this machine and to those who are known", async () => {
    offerDeviceGauges(platform);
    const device = { id: "cam-1", role: "camera", profile: "x", site: null, group: null } as const;
    await insertDevice(db, { ...device, secretHash: "0" }, clock.now);
    const description = { name: "fieldloop_test_total", help: "Test", labels: ["why"] } as const;
    counter(description).inc({ why: "x" }, 2);
    counter(description).inc({ why: "x" });
    const { payload } = await get("/metrics");
    expect(payload).toContain('fieldloop_test_total{why="x"} 3');
    expect(payload).toContain('fieldloop_devices{status="pending"} 1');
    expect(payload).toContain('route="/healthz",status="200"');
    expect((await get("/metrics", "192.0.2.7")).statusCode).toBe(401);
    caller = admin;
    expect((await get("/metrics", "192.0.2.7")).statusCode).toBe(200);
  });
});
