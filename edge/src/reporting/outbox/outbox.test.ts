import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Detection, eventBatch, telemetryBatch } from "@fieldloop/shared/messages/telemetry";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Files, realFiles } from "../../platform/files.ts";
import type { Lease, Report } from "./batch.ts";
import { defaultOutboxLimits, type OutboxLimits } from "./limits.ts";
import { type Outbox, openOutbox } from "./outbox.ts";

let folder: string;
const open: Outbox[] = [];
const trouble: string[] = [];
const mounted: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "outbox-"));
  trouble.length = 0;
});
afterEach(() => {
  for (const outbox of open.splice(0)) outbox.close();
  for (const path of mounted.splice(0)) spawnSync("umount", [path]);
  rmSync(folder, { recursive: true, force: true });
});

async function start(
  limits: Partial<OutboxLimits> = {},
  files: Files = realFiles,
  path = join(folder, "outbox.db"),
) {
  const outbox = await openOutbox({
    path,
    epochFile: { files, path: join(folder, "epoch") },
    clock: { now: () => 1_800_000_000_000, monotonicMs: () => 0 },
    // Tests commit themselves; a timer would make their order a matter of luck.
    limits: { ...defaultOutboxLimits, commitDelayMsMax: 1e8, ...limits },
    onTrouble: (message) => trouble.push(message),
  });
  open.push(outbox);
  return outbox;
}

const event = (message: string): Report => ({
  kind: "event",
  row: { at: 1, kind: "test", severity: "info", message, detail: {} },
});
const result = (frame: string, detections: Detection[] | null = null): Report => ({
  kind: "result",
  row: {
    at: 1,
    camera: "belt",
    frame,
    model: "eggs@1.0.0",
    reason: "all",
    label: "clean",
    confidence: 0.9,
    latencyMs: 12,
    detections,
  },
});

/** A cloud that keeps what it is sent once per (epoch, seq), and remembers through everything. */
class Cloud {
  readonly stored: string[] = [];
  readonly received = new Map<number, Set<number>>();
  receive(message: object): void {
    const parsed = "events" in message ? eventBatch.parse(message) : telemetryBatch.parse(message);
    const seen = this.received.get(parsed.epoch) ?? new Set();
    this.received.set(parsed.epoch, seen);
    const seqs = "events" in parsed ? parsed.events.seq : (parsed.results?.seq ?? []);
    const names = "events" in parsed ? parsed.events.message : (parsed.results?.frame ?? []);
    for (const [i, seq] of seqs.entries()) {
      if (!seen.has(seq)) this.stored.push(names[i]!);
      seen.add(seq);
    }
    for (const [first, last] of parsed.skipped ?? [])
      for (let seq = first; seq <= last; seq++) seen.add(seq);
  }
  get highestEpoch(): number {
    return Math.max(0, ...this.received.keys());
  }
  ack(epoch: number) {
    const seen = this.received.get(epoch) ?? new Set();
    let upTo = 0;
    while (seen.has(upTo + 1)) upTo++;
    const beyond = [...seen].filter((seq) => seq > upTo).sort((a, b) => a - b);
    return { epoch, upTo, beyond: beyond.map((seq): [number, number] => [seq, seq]) };
  }
}

/** What a link does: first acknowledgement, then batches until nothing is left. */
async function drain(outbox: Outbox, cloud: Cloud): Promise<void> {
  outbox.commit();
  await outbox.confirm(cloud.highestEpoch);
  outbox.acknowledge(cloud.ack(cloud.highestEpoch));
  for (let lease = outbox.lease(); lease !== undefined; lease = outbox.lease()) {
    const message = outbox.read(lease);
    if (message !== undefined) cloud.receive(message);
    outbox.acknowledge(cloud.ack(lease.epoch));
  }
}

test("rows reach the cloud in order, events first, and are deleted once acknowledged", async () => {
  const outbox = await start();
  outbox.append(result("f1"));
  outbox.append(event("e1"));
  outbox.append(result("f2"));
  const cloud = new Cloud();
  await drain(outbox, cloud);
  expect(cloud.stored).toEqual(["e1", "f1", "f2"]);
  expect(outbox.usage).toEqual({ rows: 0, bytes: 0 });
});

test("nothing is leased before the cloud has confirmed the epoch", async () => {
  const outbox = await start();
  outbox.append(result("f1"));
  outbox.commit();
  expect(outbox.lease()).toBeUndefined();
  await outbox.confirm(0);
  expect(outbox.lease()).toMatchObject({ epoch: 1, seqs: [1] });
  expect(outbox.lease()).toBeUndefined();
});

test("an acknowledgement with holes deletes only what it covers", async () => {
  const outbox = await start({ batchRowsMax: 2 });
  for (const name of ["a", "b", "c", "d", "e"]) outbox.append(result(name));
  outbox.commit();
  await outbox.confirm(0);
  outbox.acknowledge({ epoch: 1, upTo: 1, beyond: [[3, 4]] });
  expect(outbox.lease()?.seqs).toEqual([2, 5]);
});

test("an acknowledgement of what was never recorded is ignored and said", async () => {
  const outbox = await start();
  outbox.append(result("f1"));
  outbox.commit();
  await outbox.confirm(0);
  outbox.acknowledge({ epoch: 1, upTo: 9, beyond: [] });
  outbox.acknowledge({ epoch: 7, upTo: 1, beyond: [] });
  expect(outbox.usage.rows).toBe(1);
  expect(trouble.join()).toContain("the cloud acknowledged 1/9, which was never recorded here");
});

test("rows of an earlier start are sent first, under their own epoch", async () => {
  const cloud = new Cloud();
  const first = await start();
  await drain(first, cloud);
  first.append(result("old"));
  first.close();
  const second = await start();
  second.append(result("new"));
  second.commit();
  await second.confirm(1);
  expect(second.lease()).toMatchObject({ epoch: 1, seqs: [1] });
  expect(second.lease()).toBeUndefined();
  second.acknowledge({ epoch: 1, upTo: 1, beyond: [] });
  expect(second.lease()).toMatchObject({ epoch: 2, seqs: [1] });
});

test.each([
  ["the outbox", ["outbox.db"]],
  ["the epoch file", ["epoch"]],
  ["both", ["outbox.db", "epoch"]],
])("after deleting %s nothing new is swallowed", async (_, lost) => {
  const cloud = new Cloud();
  for (const name of ["a", "b"]) {
    const outbox = await start();
    outbox.append(result(name));
    await drain(outbox, cloud);
    outbox.close();
  }
  for (const file of lost) rmSync(join(folder, file));
  const offline = await start();
  offline.append(result("c")); // and once more off the network, so that two starts are unconfirmed
  offline.close();
  const outbox = await start();
  outbox.append(result("d"));
  await drain(outbox, cloud);
  expect(cloud.stored).toEqual(["a", "b", "c", "d"]);
});

test("whatever is lost or repeated, every recorded row is stored exactly once", async () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("append" as const), ev: fc.boolean() }) },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("send" as const),
        arrives: fc.boolean(),
        twice: fc.boolean(),
        acked: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.constant({ kind: "restart" as const }) },
    { weight: 2, arbitrary: fc.constant({ kind: "connect" as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: "forget-epoch" as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: "forget-outbox" as const }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      rmSync(folder, { recursive: true, force: true });
      const cloud = new Cloud();
      let outbox = await start({ batchRowsMax: 3 });
      let expected: string[] = [];
      let n = 0;
      for (const s of steps) {
        if (s.kind === "append") {
          const name = `r${n++}`;
          outbox.append(s.ev ? event(name) : result(name));
          outbox.commit();
          expected.push(name);
        } else if (s.kind === "connect") {
          await outbox.confirm(cloud.highestEpoch);
          outbox.acknowledge(cloud.ack(cloud.highestEpoch));
        } else if (s.kind === "send") {
          const lease = outbox.lease();
          const message = lease && outbox.read(lease);
          if (!lease || !message) continue;
          if (s.arrives) cloud.receive(message);
          if (s.arrives && s.twice) cloud.receive(message);
          if (s.acked) outbox.acknowledge(cloud.ack(lease.epoch));
        } else {
          outbox.close();
          if (s.kind === "forget-epoch") rmSync(join(folder, "epoch"), { force: true });
          if (s.kind === "forget-outbox") {
            rmSync(join(folder, "outbox.db"), { force: true });
            expected = expected.filter((name) => cloud.stored.includes(name));
          }
          outbox = await start({ batchRowsMax: 3 });
        }
      }
      outbox.close();
      outbox = await start({ batchRowsMax: 3 });
      await drain(outbox, cloud);
      expect([...cloud.stored].sort()).toEqual([...expected].sort());
      expect(outbox.usage.rows).toBe(0);
      outbox.close();
    }),
    { numRuns: 40 },
  );
});

test("over its quota it evicts the oldest telemetry, keeps events, and reports what is skipped", async () => {
  const outbox = await start({ rowsMax: 20 });
  outbox.append(event("e"));
  for (let i = 0; i < 30; i++) outbox.append(result(`f${i}`));
  outbox.commit();
  expect(outbox.counters.evicted).toBe(13);
  expect(outbox.usage.rows).toBe(18);
  const cloud = new Cloud();
  await drain(outbox, cloud);
  expect(cloud.stored).toEqual(["e", ...Array.from({ length: 17 }, (_, i) => `f${i + 13}`)]);
  expect(cloud.ack(1)).toEqual({ epoch: 1, upTo: 31, beyond: [] });
  expect(outbox.lease()).toBeUndefined();
});

test("quarantined rows are kept aside and reported as skipped", async () => {
  const outbox = await start({ batchRowsMax: 1 });
  outbox.append(result("poison"));
  outbox.append(result("good"));
  outbox.commit();
  await outbox.confirm(0);
  outbox.quarantine(outbox.lease() as Lease, "refused by the broker");
  expect(outbox.counters.quarantined).toBe(1);
  const next = outbox.lease() as Lease;
  expect(next).toEqual({ epoch: 1, class: "tm", seqs: [2], skipped: [[1, 1, "quarantined"]] });
  outbox.acknowledge({ epoch: 1, upTo: 2, beyond: [] });
  expect(outbox.usage.rows).toBe(0);
  expect(outbox.lease()).toBeUndefined();
});

test("a batch stays within its rows and bytes", async () => {
  const outbox = await start({ batchRowsMax: 10, batchBytesMax: 1000 });
  for (let i = 0; i < 20; i++) outbox.append(result("x".repeat(100)));
  outbox.commit();
  await outbox.confirm(0);
  const lease = outbox.lease() as Lease;
  expect(lease.seqs.length).toBeGreaterThan(1);
  expect(JSON.stringify(outbox.read(lease)).length).toBeLessThan(1000);
});

test("a row too large to send is lost, counted and reported", async () => {
  const outbox = await start({ rowBytesMax: 500 });
  outbox.append(event("x".repeat(900)));
  outbox.commit();
  outbox.commit();
  expect(outbox.counters.lost).toBe(1);
  const cloud = new Cloud();
  await drain(outbox, cloud);
  expect(cloud.stored).toEqual(["1 rows were lost before they could be written to disk"]);
});

test("a damaged file is put aside, begun anew and reported", async () => {
  writeFileSync(join(folder, "outbox.db"), "this is no database, but it is long enough".repeat(40));
  const outbox = await start();
  const cloud = new Cloud();
  await drain(outbox, cloud);
  expect(cloud.stored[0]).toContain("outbox.db.corrupt-1800000000000");
});

/** Some kilobytes. */
const large: Detection[] = Array.from({ length: 60 }, (_, i) => ({
  label: `thing-${i}`,
  score: 0.5,
  box: [0.1, 0.2, 0.3, 0.4],
}));

/** A file system of one megabyte, where this machine lets us mount one. */
function mountSmallDisk(): boolean {
  mkdirSync(join(folder, "small"));
  const mount = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", join(folder, "small")];
  if (spawnSync("mount", mount).status !== 0) return false;
  mounted.push(join(folder, "small"));
  return true;
}

function fillDisk(): void {
  const filler = openSync(join(folder, "small", "filler"), "w");
  try {
    for (const size of [65536, 4096, 1]) for (;;) writeSync(filler, Buffer.alloc(size));
  } catch {
    closeSync(filler); // full, as wanted
  }
}

test("on a full disk the oldest telemetry in memory goes, all else arrives once there is room", async ({
  skip,
}) => {
  skip(!mountSmallDisk(), "needs CAP_SYS_ADMIN for a small tmpfs");
  const path = join(folder, "small", "outbox.db");
  const outbox = await start({ pendingRowsMax: 50, commitRowsMax: 10 }, realFiles, path);
  const cloud = new Cloud();
  for (let i = 0; i < 20; i++) outbox.append(result(`before${i}`));
  outbox.commit();
  await outbox.confirm(0);
  fillDisk();
  for (let i = 0; i < 60; i++) outbox.append(result(`during${i}`, large));
  outbox.append(event("trouble"));
  expect(outbox.counters).toMatchObject({ lost: 11, diskFull: 1 });
  expect(trouble).toHaveLength(1);
  expect(trouble[0]).toMatch(/^the disk is full .*outbox.db keeps up to 50 rows in memory/);
  // What is on disk can still be sent, and an acknowledgement that cannot be noted is kept.
  const lease = outbox.lease() as Lease;
  cloud.receive(outbox.read(lease) as object);
  outbox.acknowledge(cloud.ack(1));
  expect(cloud.stored).toHaveLength(20);
  expect(outbox.lease()).toBeUndefined();

  rmSync(join(folder, "small", "filler"));
  outbox.commit();
  await drain(outbox, cloud);
  expect(trouble[1]).toBe("the outbox can write to its disk again");
  const during = Array.from({ length: 49 }, (_, i) => `during${i + 11}`);
  const before = Array.from({ length: 20 }, (_, i) => `before${i}`);
  const said = ["11 rows were lost before they could be written to disk", "trouble"];
  expect(cloud.stored.toSorted()).toEqual([...before, ...during, ...said].toSorted());
  expect(outbox.usage.rows).toBe(0);
  outbox.close();
});

test("a disk too full for the epoch file does not keep the agent from starting", async () => {
  const full: Files = {
    ...realFiles,
    writeAtomic: () => Promise.reject(new Error("ENOSPC: no space left on device")),
  };
  const outbox = await start({}, full);
  expect(outbox.epoch).toBe(1);
  expect(trouble).toEqual(["ENOSPC: no space left on device"]);
});
