/** From a device's MQTT connection to the database and back: real broker, real PostgreSQL. */
import type { AckMessage, OnlineMessage } from "@fieldloop/shared/messages/control";
import { batchLimits } from "@fieldloop/shared/messages/telemetry";
import { allDownTopics, upTopic } from "@fieldloop/shared/topics";
import { encodePayload } from "@fieldloop/shared-node/wire/payload";
import { testPlatform } from "@fieldloop/test/support/platform";
import { sql } from "kysely";
import { connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { hashSecret } from "../../platform/auth/secret.ts";
import { AedesBroker } from "../../platform/broker/aedes.ts";
import { formatCredential } from "../devices/credential.ts";
import { verifyCredential } from "../devices/reads.ts";
import { Ingest } from "./ingest.ts";

const { platform: base, db, clock } = await testPlatform();
const broker = new AedesBroker({ host: "127.0.0.1", port: 0, root: "fl", log: base.log });
const platform: typeof base = {
  ...base,
  send: (device, channel, message) => broker.send(device, channel, message),
};
const ingest = new Ingest({ platform, news: { changed: () => {}, stop: () => {} } });
const device = "cam-1";
const heard: { topic: string; message: AckMessage }[] = [];
let client: MqttClient;

beforeAll(async () => {
  await db
    .insertInto("devices")
    .values({
      id: device,
      role: "camera",
      profile: "generic-x64",
      site: null,
      group_name: null,
      secret_hash: hashSecret("s3cret"),
      enrolled_at: new Date(clock.now),
      settings: "{}",
      scene: "{}",
    })
    .execute();
  await broker.start({
    onMessage: (message) => ingest.accept(message),
    onRefused: (refusal) => void ingest.acceptRefusal(refusal),
    authenticate: async (id, password) => {
      const known = await verifyCredential(db, password);
      return known?.id === id ? known.role : undefined;
    },
  });
  client = await connect();
  client.on("message", (topic, payload) =>
    heard.push({ topic, message: JSON.parse(payload.toString()) }),
  );
  await client.subscribeAsync(allDownTopics("fl", device));
});

afterAll(async () => {
  client.end(true);
  await broker.stop();
  await ingest.stop();
});

async function connect(): Promise<MqttClient> {
  const made = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, {
    clientId: device,
    username: device,
    password: formatCredential(device, "s3cret"),
    reconnectPeriod: 0,
  });
  made.on("error", () => {});
  return made;
}

function events(from: number, to: number) {
  const seq = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  const each = <T>(value: T) => seq.map(() => value);
  return {
    v: 1,
    epoch: 2,
    events: {
      seq,
      at: each(clock.now),
      kind: each("test"),
      severity: each("info"),
      message: each("a plain sentence"),
      detail: each({}),
    },
  };
}

it("answers a birth, stores what follows, and acknowledges it after the commit", async () => {
  const birth: OnlineMessage = {
    v: 1,
    online: true,
    boot: "b",
    epoch: 2,
    at: clock.now,
    agentVersion: "0.1.0",
  };
  await client.publishAsync(upTopic("fl", device, "online"), JSON.stringify(birth), {
    qos: 1,
    retain: true,
  });
  await vi.waitFor(() => expect(heard).toHaveLength(2));
  expect(heard.map(({ topic, message }) => [topic.split("/").at(-1), message])).toEqual([
    ["ack", { v: 1, epoch: 0, upTo: 0, beyond: [], window: 64 }],
    ["desired", { v: 1, version: 1 }],
  ]);
  const payload = await encodePayload(events(1, 500), batchLimits);
  expect(payload[0]).toBe(0x1f);
  await client.publishAsync(upTopic("fl", device, "ev"), payload, { qos: 1 });
  await vi.waitFor(() => expect(heard.at(-1)?.message).toMatchObject({ epoch: 2, upTo: 500 }));
  const { rows } = await sql<{ n: number }>`select count(*) as n from events`.execute(db);
  expect(rows[0]?.n).toBe(500);
});

it("goes on through hostile payloads on the same connection", async () => {
  const bad = ["", "{", "\u0000\u0001", JSON.stringify({ v: 1, epoch: -1 })];
  for (const payload of bad)
    await client.publishAsync(upTopic("fl", device, "tm"), payload, { qos: 1 });
  const good = await encodePayload(events(501, 510), batchLimits);
  await client.publishAsync(upTopic("fl", device, "ev"), good, { qos: 1 });
  await vi.waitFor(() => expect(heard.at(-1)?.message).toMatchObject({ upTo: 510 }));
  const { rows } = await sql`select channel, reason from quarantine order by id`.execute(db);
  expect(rows).toHaveLength(bad.length);
});

it("keeps what a device tried on another's topic, with the device's own name on it", async () => {
  const intruder = await connect(); // takes over, so that the listening client is cut off
  const closed = new Promise<void>((resolve) => intruder.once("close", () => resolve()));
  intruder.publish(upTopic("fl", "cam-2", "tm"), "forged", { qos: 1 });
  await closed;
  await vi.waitFor(async () => {
    const { rows } =
      await sql`select device, channel, head from quarantine order by id desc limit 1`.execute(db);
    expect(rows).toEqual([{ device, channel: "fl/v1/d/cam-2/up/tm", head: "forged" }]);
  });
});
