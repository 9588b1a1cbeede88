/**
 * The station's process: enrols as a device of role `station` and publishes what the person found.
 * Settings come from the environment, see `readEnv`.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@fieldloop/shared/contract/client";
import { deviceApi, type EnrolReply } from "@fieldloop/shared/contract/device-api";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { OnlineMessage } from "@fieldloop/shared/messages/control";
import { upTopic } from "@fieldloop/shared/topics";
import { connectAsync, type MqttClient } from "mqtt";
import { CATCH_UP_MS_MAX, dueLabels, labelMessages } from "./station.ts";

/** Share of the line's eggs that a person looks at again. */
const inspectedShare = 0.05;
const tellEveryMs = 2000;
const reconnectMs = 2000;

interface Identity extends EnrolReply {
  readonly enrolledAt: number;
}

interface Settings {
  readonly url: string;
  readonly mqttUrl: string;
  readonly claimToken: string;
  readonly dataDir: string;
  readonly devices: readonly string[];
  readonly fps: number;
}

function readEnv(env: Readonly<Record<string, string | undefined>>): Settings {
  const need = (name: string) => {
    const value = env[name];
    if (value) return value;
    throw new AppError({ code: "config", message: `${name} is not set; the station needs it` });
  };
  return {
    url: need("STATION_URL"),
    mqttUrl: need("STATION_MQTT_URL"),
    claimToken: need("STATION_CLAIM_TOKEN"),
    dataDir: need("STATION_DATA_DIR"),
    devices: need("STATION_DEVICES").split(","),
    fps: Number(need("STATION_FPS")),
  };
}

/** The identity kept from an earlier start, or a new one for the claim token. */
async function identify(settings: Settings): Promise<Identity> {
  const file = join(settings.dataDir, "identity.json");
  const kept = await readFile(file, "utf8").catch(() => undefined);
  if (kept !== undefined) return JSON.parse(kept) as Identity; // written below
  const reply = await createClient({ baseUrl: settings.url }).call(deviceApi.enrol, {
    body: { token: settings.claimToken, name: "station", role: "station", profile: "linux-x64" },
  });
  const identity: Identity = { ...reply, enrolledAt: Date.now() };
  await mkdir(settings.dataDir, { recursive: true });
  await writeFile(`${file}.new`, JSON.stringify(identity), { mode: 0o600 });
  await rename(`${file}.new`, file);
  return identity;
}

async function connect(identity: Identity, mqttUrl: string, boot: string): Promise<MqttClient> {
  const { deviceId, credential, topicRoot } = identity;
  const topic = upTopic(topicRoot, deviceId, "online");
  const message = (online: boolean): OnlineMessage => ({
    v: 1,
    online,
    boot,
    epoch: 1,
    at: Date.now(),
    agentVersion: "station",
  });
  const client = await connectAsync(mqttUrl, {
    clientId: deviceId,
    username: deviceId,
    password: credential,
    reconnectPeriod: reconnectMs, // labels are sent again after a gap, so nothing rests on mqtt.js
    will: { topic, payload: Buffer.from(JSON.stringify(message(false))), qos: 1, retain: true },
  });
  const birth = () =>
    client.publish(topic, JSON.stringify(message(true)), { qos: 1, retain: true });
  birth();
  client.on("connect", birth);
  client.on("error", (error) => console.error(`station: ${messageOf(error)}`));
  return client;
}

const settings = readEnv(process.env);
const identity = await identify(settings);
const client = await connect(identity, settings.mqttUrl, randomUUID());
/** The `now` up to which everything due has been told. */
let told = 0;
/**
 * A label that the broker has taken may still be lost with a cloud that dies before its commit. It
 * dies together with the connection, so what was told of late is told again; the cloud keeps it once.
 */
const tellAgain = () => {
  told = Math.max(identity.enrolledAt, Date.now() - CATCH_UP_MS_MAX);
};
tellAgain();
client.on("connect", tellAgain);

async function tell(): Promise<void> {
  if (!client.connected) return;
  const now = Date.now();
  const due = dueLabels({
    devices: settings.devices,
    periodMs: 1000 / settings.fps,
    share: inspectedShare,
    now,
    last: told,
  });
  const topic = upTopic(identity.topicRoot, identity.deviceId, "labels");
  for (const message of labelMessages(due))
    await client.publishAsync(topic, JSON.stringify(message), { qos: 1 });
  told = now; // only when all of it has left: what failed is due again
}

let telling: Promise<void> = Promise.resolve();
const timer = setInterval(() => {
  telling = telling.then(tell).catch((error) => console.error(`station: ${messageOf(error)}`));
}, tellEveryMs);

process.once("SIGTERM", async () => {
  clearInterval(timer);
  await client.endAsync(true);
  process.exit(0);
});
