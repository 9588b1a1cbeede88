import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AppOptions, buildApp } from "@fieldloop/cloud/app";
import { createFileBlobs } from "@fieldloop/cloud/platform/blobs";
import type { Caller } from "@fieldloop/cloud/platform/caller";
import type { Platform } from "@fieldloop/cloud/platform/context";
import { createIdempotency } from "@fieldloop/cloud/platform/idempotency";
import { createLiveHub } from "@fieldloop/cloud/platform/live";
import { actNames, everywhere } from "@fieldloop/shared/permissions";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { afterAll } from "vitest";
import { testDatabase } from "./database.ts";

/** A platform on a real database and blob folder; `clock.now` and `sent` are for the test to read and set. */
export async function testPlatform() {
  const { db, url } = await testDatabase();
  const folder = await mkdtemp(join(tmpdir(), "fieldloop-test-"));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const clock = { now: Date.parse("2026-03-01T12:00:00Z") };
  const sent: { device: string; channel: string; message: object }[] = [];
  const platform: Platform = {
    db,
    now: () => clock.now,
    log: pino({ level: "silent" }),
    live: createLiveHub(),
    blobs: createFileBlobs(join(folder, "blobs")),
    idempotency: createIdempotency(db),
    send: (device, channel, message) => sent.push({ device, channel, message }),
    installation: {
      id: "00000000-0000-4000-8000-000000000000",
      version: "0.0.0-test",
      demo: false,
      publicUrl: "http://127.0.0.1:8080",
      mqttUrl: "mqtt://127.0.0.1:1883",
      topicRoot: "fl",
    },
  };
  return { platform, db, url, folder, clock, sent };
}

/** Somebody who may do everything everywhere. */
export const admin: Caller = {
  kind: "person",
  id: "test-admin",
  name: "Ada",
  role: "admin",
  acts: new Set(actNames),
  scope: everywhere,
};

/** An app with these modules in which `caller` asks everything; use `app.inject`. */
export async function testApp(
  platform: Platform,
  modules: AppOptions["modules"],
  caller: Caller | (() => Caller) = admin,
): Promise<FastifyInstance> {
  const app = await buildApp({
    platform,
    modules,
    authenticate: async () => (typeof caller === "function" ? caller() : caller),
  });
  afterAll(() => app.close());
  return app;
}
