/**
 * The cloud's side of an external broker against a real Mosquitto with the configuration that is
 * shipped, and ingest with a real PostgreSQL behind it.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { Ingest } from "@fieldloop/cloud/fleet/ingest/ingest";
import { createFileBlobs } from "@fieldloop/cloud/platform/blobs";
import { ExternalBroker } from "@fieldloop/cloud/platform/broker/external";
import type { Platform } from "@fieldloop/cloud/platform/context";
import { openDb } from "@fieldloop/cloud/platform/db";
import { createIdempotency } from "@fieldloop/cloud/platform/idempotency";
import { createLiveHub } from "@fieldloop/cloud/platform/live";
import { migrate } from "@fieldloop/cloud/platform/migrate";
import { startPostgres } from "@fieldloop/cloud/platform/postgres";
import type { AckMessage } from "@fieldloop/shared/messages/control";
import { allDownTopics, upTopic } from "@fieldloop/shared/topics";
import { sql } from "kysely";
import { connect, connectAsync, type MqttClient } from "mqtt";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

const shipped = new URL("../../deploy/brokers/mosquitto/", import.meta.url);
const hasMosquitto = ["mosquitto", "mosquitto_passwd"].every((program) => {
  try {
    execFileSync("/bin/sh", ["-c", `PATH=$PATH:/usr/sbin command -v ${program}`]);
    return true;
  } catch {
    return false;
  }
});
const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
const devices = ["cam-1", "cam-2", "cam-3"];

if (!hasMosquitto)
  console.warn("skipped: the programs mosquitto and mosquitto_passwd are not installed");

describe.skipIf(!hasMosquitto)("external Mosquitto", () => {
  const log = pino({ level: "silent" });
  let folder = "";
  let port = 0;
  let mosquitto: ChildProcess;
  let broker: ExternalBroker;
  let ingest: Ingest;
  let platform: Platform;
  const undo: (() => Promise<unknown>)[] = [];

  async function startMosquitto(): Promise<void> {
    mosquitto = spawn("mosquitto", ["-c", join(folder, "mosquitto.conf")], {
      env: environment,
      stdio: "ignore",
    });
    await vi.waitFor(() => connectAs("probe"), { timeout: 10_000 });
  }

  async function connectAs(user: string): Promise<MqttClient> {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
      clientId: user,
      username: user,
      password: `secret-of-${user}`,
      reconnectPeriod: 0,
      manualConnect: false,
    });
    client.on("error", () => {});
    if (user === "probe") await client.endAsync(true);
    return client;
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "fieldloop-mosquitto-"));
    await chmod(folder, 0o755);
    undo.push(() => rm(folder, { recursive: true, force: true }));
    port = await freePort();
    await writeConfiguration(folder, port);
    await startMosquitto();
    undo.push(async () => mosquitto.kill("SIGKILL"));
    const postgres = await startPostgres(join(folder, "pg"), () => {});
    undo.push(() => postgres.stop());
    await migrate(postgres.url);
    const { db, close } = openDb(postgres.url);
    undo.push(close);
    await addDevices(db);
    platform = platformOn(db, folder, log, () => broker);
    ingest = new Ingest({ platform, news: { changed: () => {}, stop: () => {} } });
    undo.push(() => ingest.stop());
    broker = newBroker(port, log);
    await broker.start(handlersOf(ingest));
    undo.push(() => broker.stop());
  });

  afterAll(async () => {
    for (const step of undo.reverse()) await step();
  });

  it("lets a device speak and listen under its own id only", async () => {
    const heard: string[] = [];
    const [one, two] = [await connectAs("cam-1"), await connectAs("cam-2")];
    two.on("message", (topic) => heard.push(topic));
    await two.subscribeAsync("#"); // granted, as Mosquitto does, but nothing foreign comes
    const before = broker.stats().messages;
    await one.publishAsync(upTopic("fl", "cam-2", "tm"), "forged", { qos: 1 });
    await one.publishAsync("fl/v1/d/cam-2/dn/ack", "forged", { qos: 1 });
    await one.publishAsync(upTopic("fl", "cam-1", "tm"), "own", { qos: 1 });
    await vi.waitFor(() => expect(broker.stats().messages).toBe(before + 1));
    broker.send("cam-2", "cmd", { v: 1 });
    await vi.waitFor(() => expect(heard).toEqual(["fl/v1/d/cam-2/dn/cmd"]));
    await Promise.all([one.endAsync(), two.endAsync()]);
  });

  it("stores every row exactly once though the broker is killed twice under load", async () => {
    const rows = 1500;
    const senders = devices.map((device) => new TestDevice(device, port, rows));
    for (const sender of senders) sender.start();
    for (const share of [0.2, 0.5]) {
      await vi.waitFor(
        () => expect(Math.min(...senders.map((one) => one.acked))).toBeGreaterThan(rows * share),
        { timeout: 60_000 },
      );
      mosquitto.kill("SIGKILL");
      await once(mosquitto, "exit");
      await startMosquitto();
    }
    await vi.waitFor(() => expect(senders.map((one) => one.acked)).toEqual([rows, rows, rows]), {
      timeout: 120_000,
    });
    for (const sender of senders) await sender.stop();
    await ingest.idle();
    expect(await countsOf(platform.db)).toEqual(
      devices.map((device) => ({ device, n: rows, distinct: rows, first: 1, last: rows })),
    );
    expect(broker.stats().up).toBe(true);
  });

  it("keeps messages for a cloud that is away", async () => {
    await broker.stop();
    const device = await connectAs("cam-1");
    await device.publishAsync(upTopic("fl", "cam-1", "ev"), eventMessage(9, 1), { qos: 1 });
    await device.endAsync();
    broker = newBroker(port, log);
    await broker.start(handlersOf(ingest));
    await vi.waitFor(async () => {
      const { rows } = await sql`select seq from events where epoch = 9`.execute(platform.db);
      expect(rows).toEqual([{ seq: 1 }]);
    });
  });
});

function newBroker(port: number, log: Platform["log"]): ExternalBroker {
  return new ExternalBroker({
    url: `mqtt://fieldloop:secret-of-fieldloop@127.0.0.1:${port}`,
    installationId: "test",
    root: "fl",
    log,
    limits: { delayMsMin: 20, delayMsMax: 200 },
  });
}

function handlersOf(ingest: Ingest) {
  return {
    onMessage: (message: Parameters<Ingest["accept"]>[0]) => ingest.accept(message),
    onRefused: () => {},
    authenticate: async () => undefined,
  };
}

/** The shipped configuration with this test's port and folder, and a password for everybody. */
async function writeConfiguration(folder: string, port: number): Promise<void> {
  const text = await readFile(new URL("mosquitto.conf", shipped), "utf8");
  const configuration = text
    .replace("listener 1883", `listener ${port}`)
    .replaceAll("/etc/mosquitto/fieldloop", `${folder}/fieldloop`)
    .replace("/var/lib/mosquitto/", `${folder}/`);
  const asMe = `user ${userInfo().username}\n`; // else it would give up root and not reach the folder
  await writeFile(join(folder, "mosquitto.conf"), configuration + asMe);
  await writeFile(join(folder, "fieldloop.acl"), await readFile(new URL("acl", shipped), "utf8"));
  const passwords = join(folder, "fieldloop.passwd");
  await writeFile(passwords, "");
  for (const user of ["fieldloop", "probe", ...devices])
    execFileSync("mosquitto_passwd", ["-b", passwords, user, `secret-of-${user}`], {
      env: environment,
      stdio: "ignore",
    });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

function platformOn(
  db: Platform["db"],
  folder: string,
  log: Platform["log"],
  broker: () => ExternalBroker,
): Platform {
  return {
    db,
    now: Date.now,
    log,
    live: createLiveHub(),
    blobs: createFileBlobs(join(folder, "blobs")),
    idempotency: createIdempotency(db),
    send: (device, channel, message) => broker().send(device, channel, message),
    installation: {
      id: "test",
      version: "0.0.0-test",
      demo: false,
      publicUrl: "",
      mqttUrl: "",
      topicRoot: "fl",
    },
  };
}

async function addDevices(db: Platform["db"]): Promise<void> {
  for (const id of devices)
    await sql`insert into devices (id, role, profile, secret_hash, enrolled_at)
      values (${id}, 'camera', 'generic-x64', '', now())`.execute(db);
}

async function countsOf(db: Platform["db"]) {
  const { rows } = await sql`
    select device, count(*) as n, count(distinct seq) as distinct, min(seq) as first,
      max(seq) as last
    from events where epoch = 1 group by device order by device`.execute(db);
  return rows;
}

function eventMessage(epoch: number, ...seqs: number[]): string {
  const each = <T>(value: T) => seqs.map(() => value);
  return JSON.stringify({
    v: 1,
    epoch,
    events: {
      seq: seqs,
      at: each(Date.now()),
      kind: each("test"),
      severity: each("info"),
      message: each("m"),
      detail: each({}),
    },
  });
}

/** A device as simple as can be: it sends what is not acknowledged, again and again, five a message. */
class TestDevice {
  acked = 0;
  readonly #device: string;
  readonly #port: number;
  readonly #rows: number;
  #client: MqttClient | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(device: string, port: number, rows: number) {
    this.#device = device;
    this.#port = port;
    this.#rows = rows;
  }

  start(): void {
    const client = connect(`mqtt://127.0.0.1:${this.#port}`, {
      clientId: this.#device,
      username: this.#device,
      password: `secret-of-${this.#device}`,
      reconnectPeriod: 50,
      queueQoSZero: false,
    });
    client.on("error", () => {});
    client.on("connect", () => client.subscribe(allDownTopics("fl", this.#device)));
    client.on("message", (_topic, payload) => {
      const ack: AckMessage = JSON.parse(payload.toString());
      if (ack.epoch === 1) this.acked = Math.max(this.acked, ack.upTo);
    });
    this.#client = client;
    this.#timer = setInterval(() => this.#send(), 20);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#client?.endAsync(true);
  }

  #send(): void {
    if (this.#client?.connected !== true) return;
    for (let batch = 0; batch < 4; batch++) {
      const from = this.acked + 5 * batch + 1;
      const seqs = Array.from({ length: 5 }, (_, i) => from + i).filter((n) => n <= this.#rows);
      if (seqs.length === 0) return;
      this.#client.publish(upTopic("fl", this.#device, "ev"), eventMessage(1, ...seqs), {
        qos: 1,
      });
    }
  }
}
