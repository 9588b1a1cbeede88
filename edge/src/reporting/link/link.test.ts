import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { CommandMessage, DesiredNotice } from "@fieldloop/shared/messages/control";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TestCloud } from "../../../test/cloud.ts";
import { systemClock } from "../../platform/clock.ts";
import { realFiles } from "../../platform/files.ts";
import { silentLog } from "../../platform/log.ts";
import { defaultOutboxLimits } from "../outbox/limits.ts";
import { type Outbox, openOutbox } from "../outbox/outbox.ts";
import { Link } from "./link.ts";
import { defaultSenderLimits, Sender, type SenderLimits } from "./sender.ts";

let cloud: TestCloud;
let folder: string;
const stops: (() => Promise<void>)[] = [];

beforeEach(async () => {
  cloud = await new TestCloud().start();
  folder = mkdtempSync(join(tmpdir(), "link-"));
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await cloud.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Device {
  readonly outbox: Outbox;
  readonly link: Link;
  readonly sender: Sender;
  readonly notices: DesiredNotice[];
  readonly commands: CommandMessage[];
  readonly quarantined: string[];
  result(frame: string): void;
}

async function device(
  options: { limits?: Partial<SenderLimits>; url?: string; credential?: string } = {},
) {
  const outbox = await openOutbox({
    path: join(folder, "outbox.db"),
    epochFile: { files: realFiles, path: join(folder, "epoch") },
    clock: systemClock,
    limits: { ...defaultOutboxLimits, commitDelayMsMax: 5, batchRowsMax: 5 },
    onTrouble: () => {},
    onCommitted: () => made.sender.pump(),
  });
  const link: Link = new Link({
    url: options.url ?? cloud.mqttUrl,
    device: "cam-1",
    credential: options.credential ?? cloud.credential,
    root: cloud.root,
    boot: "boot-1",
    agentVersion: "0.1.0",
    epoch: () => outbox.epoch,
    limits: { delayMsMin: 10, delayMsMax: 50, keepaliveS: 60, connectTimeoutMs: 500 },
    clock: systemClock,
    random: Math.random,
    log: silentLog,
    handlers: {
      onOnline: () => made.sender.online(),
      onOffline: () => made.sender.offline(),
      onAck: (ack) => void made.sender.heard(ack),
      onDesired: (notice) => made.notices.push(notice),
      onCommand: (command) => made.commands.push(command),
    },
  });
  const sender = new Sender({
    outbox,
    link,
    limits: { ...defaultSenderLimits, tickMs: 5, ...options.limits },
    clock: systemClock,
    log: silentLog,
    onQuarantined: (message) => made.quarantined.push(message),
  });
  const made: Device = {
    outbox,
    link,
    sender,
    notices: [],
    commands: [],
    quarantined: [],
    result: (frame) =>
      outbox.append({
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
          detections: null,
        },
      }),
  };
  link.start();
  sender.start();
  stops.push(async () => {
    sender.stop();
    await link.stop();
    outbox.close();
  });
  return made;
}

const frames = (n: number, from = 0) => Array.from({ length: n }, (_, i) => `f${i + from}`);
const stored = () => cloud.results.map(({ frame }) => frame);

test("announces itself, tells its rows, and forgets them once the cloud has them", async () => {
  const { result, outbox, notices } = await device();
  for (const frame of frames(23)) result(frame);
  await cloud.until(() => cloud.results.length === 23);
  expect(stored()).toEqual(frames(23));
  expect(cloud.online[0]).toMatchObject({ online: true, boot: "boot-1", epoch: 1 });
  await vi.waitFor(() => expect(outbox.usage.rows).toBe(0));
  expect(notices[0]).toEqual({ v: 1, version: 0 });
});

test("a broker that is killed under load costs nothing and repeats nothing", async () => {
  const { result, outbox, link } = await device();
  let n = 0;
  const load = setInterval(() => result(`f${n++}`), 1);
  for (let kill = 1; kill <= 4; kill++) {
    await cloud.until(() => cloud.results.length > kill * 40);
    await cloud.killBroker();
    await vi.waitFor(() => expect(link.state).not.toBe("online"));
    await cloud.startBroker();
  }
  clearInterval(load);
  await cloud.until(() => cloud.results.length === n);
  expect(stored().toSorted()).toEqual(frames(n).toSorted());
  await vi.waitFor(() => expect(outbox.usage.rows).toBe(0));
  expect(outbox.counters.quarantined).toBe(0);
});

test("batches that the cloud does not acknowledge are sent again with the same rows", async () => {
  cloud.faults.mute = true;
  const { result, sender, outbox } = await device({
    limits: { ackTimeoutMs: 20, announceAgainMs: 20 },
  });
  for (const frame of frames(5)) result(frame);
  cloud.faults.mute = false;
  await cloud.until(() => cloud.results.length === 5);
  cloud.faults.mute = true;
  for (const frame of frames(5, 5)) result(frame);
  await vi.waitFor(() => expect(sender.counters.resent).toBeGreaterThan(2));
  cloud.faults.mute = false;
  await vi.waitFor(() => expect(outbox.usage.rows).toBe(0));
  expect(stored()).toEqual(frames(10));
});

test("a window of 0 pauses it, the next acknowledgement wakes it", async () => {
  cloud.window = 0;
  const { result, sender, outbox } = await device({ limits: { announceAgainMs: 30 } });
  for (const frame of frames(5)) result(frame);
  await cloud.until(() => cloud.online.length > 2);
  expect(cloud.batches).toEqual([]);
  expect(sender.counters.inFlight).toBe(0);
  cloud.window = 1;
  await cloud.until(() => cloud.results.length === 5);
  await vi.waitFor(() => expect(outbox.usage.rows).toBe(0));
});

test("what the broker refuses three times is put aside, and everything else arrives", async () => {
  cloud.faults.denyPublish = (_, message) => JSON.stringify(message).includes('"f7"');
  const { result, outbox, quarantined } = await device();
  for (const frame of frames(20)) result(frame);
  await cloud.until(() => cloud.results.length === 15);
  expect(stored().toSorted()).toEqual(
    frames(20)
      .filter((_, i) => i < 5 || i > 9)
      .toSorted(),
  );
  await vi.waitFor(() => expect(outbox.usage.rows).toBe(0));
  expect(outbox.counters.quarantined).toBe(5);
  expect(quarantined[0]).toMatch(/^5 rows were put aside: refused by the broker 3 times/);
  await vi.waitFor(() => expect(cloud.ackOf(1)).toMatchObject({ upTo: 20, beyond: [] }));
});

test("a refused subscription is said and not tried again at once", async () => {
  cloud.faults.denySubscribe = true;
  const { link } = await device();
  await vi.waitFor(() => expect(link.state).toBe("refused"));
  expect(link.lastError).toContain("the broker refused the subscription to fl/v1/d/cam-1/dn/#");
  expect(link.lastError).toContain("0x80");
});

test("a refused credential is said", async () => {
  const { link } = await device({ credential: "foreign" });
  await vi.waitFor(() => expect(link.state).toBe("refused"));
  expect(link.lastError).toContain("refused this device's credential");
});

test.each([
  ["no JSON", Buffer.from("hello")],
  ["a gzip bomb", gzipSync(Buffer.alloc(3_000_000))],
  ["the wrong shape", Buffer.from('{"v":1,"epoch":-1}')],
  ["broken gzip", Buffer.from([0x1f, 0x8b, 0])],
])("%s from the broker is counted and nothing else", async (_, payload) => {
  const { link, result } = await device();
  await cloud.until(() => cloud.online.length === 1);
  cloud.send("ack", payload);
  await vi.waitFor(() => expect(link.counters.badMessages).toBe(1));
  result("f0");
  await cloud.until(() => cloud.results.length === 1);
  expect(link.counters.connects).toBe(1);
});

test("a packet larger than any of ours ends the connection, and a new one is made", async () => {
  const { link, result } = await device();
  await cloud.until(() => cloud.online.length === 1);
  cloud.send("ack", Buffer.alloc(3_000_000, 0x7b));
  await vi.waitFor(() => expect(link.counters.connects).toBeGreaterThan(1));
  result("f0");
  await cloud.until(() => cloud.results.length === 1);
});

test("a broker that talks no MQTT does not trouble the agent", async () => {
  const noise = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(Buffer.from([0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3]));
  });
  await new Promise<void>((resolve) => noise.listen(0, "127.0.0.1", resolve));
  const address = noise.address();
  const port = typeof address === "object" ? address?.port : 0;
  const { link } = await device({ url: `mqtt://127.0.0.1:${port}` });
  await vi.waitFor(() => expect(link.lastError).toContain("cannot reach the broker"));
  noise.close();
});

test("commands arrive", async () => {
  const { commands } = await device();
  await cloud.until(() => cloud.online.length === 1);
  cloud.send("cmd", { v: 1, id: "c1", command: "flush" });
  await vi.waitFor(() => expect(commands).toEqual([{ v: 1, id: "c1", command: "flush" }]));
});

test("a stop says goodbye", async () => {
  await device();
  await cloud.until(() => cloud.online.length === 1);
  await stops.pop()?.();
  expect(cloud.online.at(-1)).toMatchObject({ online: false, boot: "boot-1" });
});

test("a device that lost outbox and epoch steps past what the cloud has", async () => {
  const first = await device();
  first.result("a");
  await cloud.until(() => cloud.results.length === 1);
  await stops.pop()?.();
  rmSync(join(folder, "outbox.db"));
  rmSync(join(folder, "epoch"));
  const second = await device();
  second.result("b");
  await cloud.until(() => cloud.results.length === 2);
  expect(stored()).toEqual(["a", "b"]);
  expect(second.outbox.epoch).toBe(2);
});
