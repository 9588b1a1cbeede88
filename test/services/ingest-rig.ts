import { Ingest } from "@fieldloop/cloud/fleet/ingest/ingest";
import type { AckMessage } from "@fieldloop/shared/messages/control";
import {
  type EventRow,
  type ResultRow,
  toColumns,
  type WindowRow,
} from "@fieldloop/shared/messages/telemetry";
import type { DeviceRole, UpChannel } from "@fieldloop/shared/topics";
import { sql } from "kysely";
import * as z from "zod/mini";
import { testPlatform } from "../support/platform.ts";

type Payload = object | string | Buffer;

/** Ingest on a real database, devices on demand, and what was stored, sent and refused. */
export async function testIngest() {
  z.config(z.locales.en()); // reasons as people read them
  const rig = await testPlatform();
  const { platform, db, clock, sent } = rig;
  const changed: string[] = [];
  const news = { changed: (id: string) => void changed.push(id), stop: () => {} };
  const ingest = new Ingest({ platform, news });
  let made = 0;

  const device = async (role: DeviceRole = "camera", site: string | null = null) => {
    const id = `dev-${++made}`;
    await sql`insert into devices (id, role, profile, site, secret_hash, enrolled_at)
      values (${id}, ${role}, 'generic-x64', ${site}, '', ${new Date(clock.now)})`.execute(db);
    return id;
  };
  const accept = (id: string, channel: UpChannel, message: Payload) => {
    const text = typeof message === "string" ? message : JSON.stringify(message);
    const payload = Buffer.isBuffer(message) ? message : Buffer.from(text);
    ingest.accept({ device: id, channel, payload, retained: false });
  };
  const tell = async (id: string, channel: UpChannel, message: Payload) => {
    accept(id, channel, message);
    await ingest.idle();
  };
  const acksOf = (id: string): AckMessage[] =>
    sent
      .filter((one) => one.device === id && one.channel === "ack")
      .map((one) => one.message as AckMessage);
  const rowsOf = async (id: string) => {
    const { rows } = await sql<{ epoch: number; seq: number }>`
      select epoch, seq from results where device = ${id} order by epoch, seq`.execute(db);
    return rows;
  };
  const quarantineOf = async (id: string) => {
    const { rows } = await sql<{ reason: string; bytes: number; head: string }>`
      select reason, bytes, head from quarantine where device = ${id} order by id`.execute(db);
    return rows;
  };
  return { ...rig, ingest, changed, device, accept, tell, acksOf, rowsOf, quarantineOf };
}

/** When test devices capture; the test platform's clock begins here. */
const capturedAt = Date.parse("2026-03-01T12:00:00Z");

export function resultRow(seq: number, more: Partial<ResultRow> = {}): ResultRow {
  return {
    seq,
    at: capturedAt,
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

/** Ten seconds with two results a second. */
export function windowRow(seq: number, more: Partial<WindowRow> = {}): WindowRow {
  return {
    seq,
    camera: "cam",
    model: "eggs@1.0.0",
    from: capturedAt - 10_000,
    to: capturedAt,
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

export function eventRow(seq: number): EventRow {
  return {
    seq,
    at: 0,
    kind: "camera-stalled",
    severity: "warning",
    message: "no frame for 10 s",
    detail: { camera: "cam" },
  };
}

/** A telemetry batch of single results. */
export function batchOf(epoch: number, results: readonly ResultRow[], more: object = {}) {
  return { v: 1, epoch, results: toColumns(results), ...more };
}
