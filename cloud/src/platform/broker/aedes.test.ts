import { connect as connectTcp, type Socket } from "node:net";
import { batchLimits } from "@fieldloop/shared/messages/telemetry";
import { allDownTopics, downTopic, upTopic } from "@fieldloop/shared/topics";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { AedesBroker } from "./aedes.ts";
import type { Refusal, UpMessage } from "./broker.ts";

const log = pino({ level: "silent" });
const messages: UpMessage[] = [];
const refusals: Refusal[] = [];
const broker = new AedesBroker({ host: "127.0.0.1", port: 0, root: "fl", log });
const clients: MqttClient[] = [];

beforeAll(() =>
  broker.start({
    onMessage: (message) => messages.push(message),
    onRefused: (refusal) => refusals.push(refusal),
    authenticate: async (device, password) => {
      if (password === "broken") throw new Error("the database is away");
      if (password !== `secret-of-${device}`) return undefined;
      return device.startsWith("station") ? "station" : "camera";
    },
  }),
);
afterAll(async () => {
  for (const client of clients) client.end(true);
  await broker.stop();
});

async function connect(device: string, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, {
    clientId: device,
    username: device,
    password: `secret-of-${device}`,
    reconnectPeriod: 0,
    ...options,
  });
  client.on("error", () => {});
  clients.push(client);
  return client;
}

/** Resolves when a connection has ended, with an error or without. */
function closeOf(connection: MqttClient | Socket): Promise<void> {
  return new Promise((resolve) => (connection as Socket).once("close", () => resolve())); // both emit it
}

describe("MQTT broker in this process", () => {
  it("hands over what a device publishes on its own topics", async () => {
    const client = await connect("cam-1");
    await client.publishAsync(upTopic("fl", "cam-1", "tm"), "{}", { qos: 1 });
    await vi.waitFor(() => expect(messages).toHaveLength(1));
    expect(messages[0]).toMatchObject({ device: "cam-1", channel: "tm", retained: false });
    expect(messages[0]?.payload.toString()).toBe("{}");
  });

  it("refuses a wrong password, another's name, no name, and says when it cannot check", async () => {
    const before = broker.stats().loginsRefused;
    await expect(connect("cam-2", { password: "no" })).rejects.toThrow("Bad username or password");
    await expect(
      connect("cam-2", { username: "cam-1", password: "secret-of-cam-1" }),
    ).rejects.toThrow("Bad username or password");
    await expect(connect("", { username: "cam-1", password: "secret-of-cam-1" })).rejects.toThrow(
      "Bad username or password",
    );
    await expect(connect("cam-2", { password: "broken" })).rejects.toThrow("Server unavailable");
    expect(broker.stats().loginsRefused).toBe(before + 4);
  });

  it.each([
    ["another device's topic", upTopic("fl", "cam-1", "tm")],
    ["a downward topic", downTopic("fl", "cam-3", "ack")],
    ["a channel of another role", upTopic("fl", "cam-3", "labels")],
    ["another root", upTopic("other", "cam-3", "tm")],
    ["broker internals", "$SYS/x/heartbeat"],
    ["a topic of a hundred levels", "a/".repeat(100)],
  ])("ends the connection of a device that publishes on %s", async (_what, topic) => {
    const client = await connect("cam-3");
    const count = messages.length;
    const closed = closeOf(client);
    client.publish(topic, "{}", { qos: 1 });
    await closed;
    expect(messages).toHaveLength(count);
  });

  it("keeps what it refused for the quarantine", async () => {
    const before = broker.stats().publishesRefused;
    const client = await connect("cam-4");
    const closed = closeOf(client);
    client.publish(upTopic("fl", "cam-1", "ev"), '{"forged":1}', { qos: 1 });
    await closed;
    expect(broker.stats().publishesRefused).toBe(before + 1);
    expect(refusals.at(-1)).toMatchObject({
      device: "cam-4",
      topic: "fl/v1/d/cam-1/up/ev",
      payloadBytes: 12,
    });
  });

  it.each(["fl/v1/d/cam-1/dn/#", "fl/v1/d/cam-5/up/#", "fl/v1/d/+/dn/ack", "#", "$SYS/#"])(
    "refuses the subscription %s and keeps the connection",
    async (filter) => {
      const client = await connect("cam-5");
      const before = broker.stats().subscriptionsRefused;
      await expect(client.subscribeAsync(filter)).rejects.toThrow();
      expect(broker.stats().subscriptionsRefused).toBe(before + 1);
      expect(client.connected).toBe(true);
      client.end(true);
    },
  );

  it("sends to a device that listens, and counts what finds nobody", async () => {
    const client = await connect("cam-6");
    const before = broker.stats().undelivered;
    broker.send("cam-6", "ack", { v: 1 });
    expect(broker.stats().undelivered).toBe(before + 1);
    await client.subscribeAsync(allDownTopics("fl", "cam-6"));
    const message = new Promise<[string, Buffer]>((resolve) =>
      client.once("message", (topic, payload) => resolve([topic, payload])),
    );
    broker.send("cam-6", "ack", { v: 1, upTo: 7 });
    const [topic, payload] = await message;
    expect(topic).toBe(downTopic("fl", "cam-6", "ack"));
    expect(JSON.parse(String(payload))).toEqual({ v: 1, upTo: 7 });
    broker.send("cam-away", "ack", { v: 1 });
    expect(broker.stats().undelivered).toBe(before + 2);
  });

  it("publishes the last will when the device is cut off", async () => {
    const will = { topic: upTopic("fl", "cam-7", "online"), payload: '{"online":false}' };
    const client = await connect("cam-7", { will: { ...will, qos: 1, retain: true } });
    client.stream.destroy();
    await vi.waitFor(() =>
      expect(messages.at(-1)).toMatchObject({ device: "cam-7", channel: "online" }),
    );
  });

  it("refuses a login whose last will would speak for another device", async () => {
    for (const topic of [upTopic("fl", "cam-1", "online"), upTopic("fl", "cam-8", "tm"), "a/b"])
      await expect(
        connect("cam-8", { will: { topic, payload: Buffer.from("{}"), qos: 1, retain: false } }),
      ).rejects.toThrow("Not authorized");
  });

  it("lets a second connection of the same device take over", async () => {
    const first = await connect("cam-9");
    const closed = closeOf(first);
    const second = await connect("cam-9");
    await closed;
    await second.publishAsync(upTopic("fl", "cam-9", "tm"), "{}", { qos: 1 });
    await vi.waitFor(() => expect(messages.at(-1)?.device).toBe("cam-9"));
    broker.disconnect("cam-9");
    await closeOf(second);
  });

  it("refuses payloads over the limit and gives the size", async () => {
    const client = await connect("cam-10");
    const closed = closeOf(client);
    const payload = Buffer.alloc(batchLimits.payloadBytesMax + 1, "{");
    client.publish(upTopic("fl", "cam-10", "tm"), payload, { qos: 1 });
    await closed;
    expect(refusals.at(-1)).toMatchObject({
      device: "cam-10",
      payloadBytes: payload.length,
      reason: expect.stringContaining("262145 bytes"),
    });
  });

  it("cuts a connection that announces a giant packet, before and after the login", async () => {
    const before = broker.stats().oversized;
    const stranger = connectTcp(broker.port, "127.0.0.1");
    stranger.on("error", () => {});
    stranger.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f, 0, 0]));
    await closeOf(stranger);
    const client = await connect("cam-11");
    const closed = closeOf(client);
    client.publish(upTopic("fl", "cam-11", "tm"), Buffer.alloc(1024 * 1024), { qos: 1 });
    await closed;
    expect(broker.stats().oversized).toBe(before + 2);
  });

  it("refuses QoS 2 and retained telemetry", async () => {
    for (const options of [{ qos: 2 }, { qos: 1, retain: true }] as const) {
      const client = await connect("cam-12");
      const closed = closeOf(client);
      client.publish(upTopic("fl", "cam-12", "tm"), "{}", options);
      await closed;
    }
    expect(refusals.at(-1)?.reason).toContain("must not be retained");
  });

  it("keeps nothing for a device that is away", async () => {
    const first = await connect("cam-13", { clean: false });
    await first.subscribeAsync(allDownTopics("fl", "cam-13"), { qos: 1 });
    await first.endAsync();
    const second = await connect("cam-13", { clean: false });
    expect(broker.stats().connected).toBeGreaterThan(0);
    const before = broker.stats().undelivered;
    broker.send("cam-13", "cmd", { v: 1 });
    expect(broker.stats().undelivered).toBe(before + 1);
    await second.endAsync();
  });

  it("names the setting when the port is taken", async () => {
    const second = new AedesBroker({ host: "127.0.0.1", port: broker.port, root: "fl", log });
    const handlers = {
      onMessage: () => {},
      onRefused: () => {},
      authenticate: async () => undefined,
    };
    await expect(second.start(handlers)).rejects.toThrow(
      `port ${broker.port} on 127.0.0.1 is taken; set FIELDLOOP_MQTT_PORT to a free port`,
    );
  });
});
