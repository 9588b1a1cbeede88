/**
 * One MQTT connection from CONNECT to its end. mqtt.js gets a fresh client object each time and never
 * reconnects by itself: it would send its whole backlog one message per round trip, and resend for
 * ever what a broker denies.
 */
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { MqttClient } from "mqtt";

export interface ConnectionOptions {
  readonly url: string;
  readonly clientId: string;
  readonly password: string;
  /** The one subscription. */
  readonly filter: string;
  readonly will: { readonly topic: string; readonly payload: string };
  readonly keepaliveS: number;
  readonly connectTimeoutMs: number;
  /** What one packet from the broker may weigh; a larger one ends the connection. */
  readonly packetBytesMax: number;
  readonly onMessage: (topic: string, payload: Buffer) => void;
}

/** A connection that stands. */
export interface Connection {
  /** Resolves when the broker has acknowledged (QoS 1) or the message is written (QoS 0). */
  publish(topic: string, payload: string | Buffer, qos: 0 | 1, retain: boolean): Promise<void>;
  /** Ends it; resolves once the socket is closed. */
  close(): Promise<void>;
  /** Resolves with the reason when it has ended, whoever ended it. */
  readonly ended: Promise<string>;
}

/**
 * Connects and subscribes.
 * @throws AppError `broker-unreachable`, `broker-refused` (credential) or `subscription-refused`
 */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const { connect } = await import("mqtt"); // loaded late: an agent without a cloud never needs it
  const client = connect(options.url, {
    clientId: options.clientId,
    username: options.clientId,
    password: options.password,
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    keepalive: options.keepaliveS,
    connectTimeout: options.connectTimeoutMs,
    will: {
      topic: options.will.topic,
      payload: Buffer.from(options.will.payload),
      qos: 1,
      retain: true,
    },
  });
  let reason = "";
  const note = (text: string): void => {
    reason ||= text;
  };
  const ended = new Promise<string>((resolve) => {
    client.on("error", (error) => note(messageOf(error) || "connection refused"));
    client.on("close", () => resolve(reason || "the broker closed the connection"));
  });
  client.on("message", (topic, payload) => options.onMessage(topic, payload));
  watchPacketSize(client, options.packetBytesMax, note);
  const end = (): void => {
    client.end(true);
  };
  try {
    await connected(client, ended, options);
    await subscribed(client, ended, options.filter);
  } catch (error) {
    end();
    throw error;
  }
  return {
    publish: (topic, payload, qos, retain) => publish(client, ended, topic, payload, qos, retain),
    close: async () => {
      note("closed by the agent");
      client.end(false, {}, () => {});
      const force = setTimeout(end, 1000);
      await ended;
      clearTimeout(force);
    },
    ended,
  };
}

async function connected(
  client: MqttClient,
  ended: Promise<string>,
  { url, connectTimeoutMs }: ConnectionOptions,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const outcome = await Promise.race([
    new Promise<"connected">((resolve) => client.once("connect", () => resolve("connected"))),
    ended.then((reason) => ({ reason })),
    new Promise<{ reason: string }>((resolve) => {
      const reason = `no answer within ${connectTimeoutMs / 1000} s`;
      timer = setTimeout(() => resolve({ reason }), connectTimeoutMs);
    }),
  ]);
  clearTimeout(timer);
  if (outcome === "connected") return;
  const { reason } = outcome;
  // mqtt.js words the CONNACK return codes of MQTT 3.1.1 (table 3.1) this way.
  const refused = /not authorized|bad username|identifier rejected/i.test(reason);
  throw new AppError({
    code: refused ? "broker-refused" : "broker-unreachable",
    message: refused
      ? `the broker at ${url} refused this device's credential (${reason}); if the device was removed, delete identity.json in its data folder and enrol it with a new claim token`
      : `cannot reach the broker at ${url}: ${reason}`,
    retryable: !refused,
  });
}

async function subscribed(
  client: MqttClient,
  ended: Promise<string>,
  filter: string,
): Promise<void> {
  const refusal = await Promise.race([
    new Promise<string | undefined>((resolve) => {
      client.subscribe(filter, { qos: 0 }, (error, granted) => {
        // mqtt.js words the SUBACK's 0x80 as "Subscribe error: Unspecified error".
        const denied =
          granted?.some(({ qos }) => Number(qos) === 0x80) ||
          (error !== null && /^Subscribe error/.test(error.message));
        resolve(denied ? "answer 0x80" : error ? messageOf(error) : undefined);
      });
    }),
    ended.then((reason) => `the connection ended (${reason})`),
  ]);
  if (refusal === undefined) return;
  throw new AppError({
    code: "subscription-refused",
    message: `the broker refused the subscription to ${filter} (${refusal}): its access rules do not fit this device`,
  });
}

async function publish(
  client: MqttClient,
  ended: Promise<string>,
  topic: string,
  payload: string | Buffer,
  qos: 0 | 1,
  retain: boolean,
): Promise<void> {
  const done = new Promise<string | undefined>((resolve) => {
    client.publish(topic, payload, { qos, retain }, (error) =>
      resolve(error ? messageOf(error) : undefined),
    );
  });
  const failure = await Promise.race([done, ended]);
  if (failure === undefined) return;
  throw new AppError({
    code: "publish-failed",
    message: `a message on ${topic} was not acknowledged: ${failure}`,
    retryable: true,
  });
}

/** Ends the connection when the bytes since the last whole packet outgrow the limit. */
function watchPacketSize(
  client: MqttClient,
  packetBytesMax: number,
  note: (reason: string) => void,
): void {
  let bytes = 0;
  client.on("packetreceive", () => {
    bytes = 0;
  });
  client.stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= packetBytesMax) return;
    note(`the broker sent a packet of more than ${packetBytesMax} bytes`);
    client.stream.destroy();
  });
}
