import { type BackoffLimits, backoffMs } from "@fieldloop/shared/backoff";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { batchLimits } from "@fieldloop/shared/messages/telemetry";
import { allUpTopics, type DownChannel, downTopic, parseUpTopic } from "@fieldloop/shared/topics";
import { connect, type IPublishPacket, type MqttClient } from "mqtt";
import type { Logger } from "pino";
import { type Broker, type BrokerHandlers, type BrokerStats, zeroStats } from "./broker.ts";

export interface ExternalLimits extends BackoffLimits {
  readonly connectTimeoutMs: number;
  readonly keepaliveS: number;
}

export const defaultExternalLimits: ExternalLimits = {
  delayMsMin: 500,
  delayMsMax: 30_000,
  connectTimeoutMs: 10_000,
  keepaliveS: 30,
};

export interface ExternalBrokerOptions {
  /** `mqtt://` or `mqtts://`, with user name and password of the cloud where the broker asks. */
  readonly url: string;
  /** Id of this installation: the broker keeps a session under it while the cloud is away. */
  readonly installationId: string;
  readonly root: string;
  readonly log: Logger;
  readonly random?: () => number;
  readonly limits?: Partial<ExternalLimits>;
  /** Told of a refusal that no retry can heal, after the start has succeeded. */
  readonly onFatal?: (error: AppError) => void;
}

/** CONNACK codes (MQTT 3.1.1, table 3.1) that only somebody at the broker can change. */
const finalCodes: ReadonlySet<number> = new Set([1, 2, 4, 5]);

/**
 * Any MQTT 3.1.1 broker, named by `MQTT_URL`. It checks the devices' passwords and topics itself;
 * the cloud checks on every message that the device exists and that its role may use the channel.
 * The session is persistent (fixed client id, not clean), so what arrives while the cloud is away
 * waits there as far as the broker's queue reaches; beyond it the devices send again.
 *
 * Reconnection is ours, with jittered back-off: one client object per connection.
 */
export class ExternalBroker implements Broker {
  readonly #options: ExternalBrokerOptions;
  readonly #limits: ExternalLimits;
  readonly #stats = zeroStats();
  readonly #stopping = new AbortController();
  #handlers: BrokerHandlers | undefined;
  #client: MqttClient | undefined;
  #loop: Promise<void> | undefined;
  #lastError = "";

  constructor(options: ExternalBrokerOptions) {
    this.#options = options;
    this.#limits = { ...defaultExternalLimits, ...options.limits };
  }

  /**
   * Connects once. A broker that is away is tried again in the background.
   * @throws AppError `mqtt-refused` where the broker refuses login or subscription before it has
   * ever let the cloud in
   */
  async start(handlers: BrokerHandlers): Promise<void> {
    this.#handlers = handlers;
    await new Promise<void>((resolve, reject) => {
      this.#loop = this.#run({ resolve, reject });
    });
  }

  send(device: string, channel: DownChannel, message: object): void {
    const client = this.#client;
    if (client?.connected !== true) {
      this.#stats.undelivered++;
      return;
    }
    const topic = downTopic(this.#options.root, device, channel);
    client.publish(topic, JSON.stringify(message), { qos: 0 });
    this.#stats.sent++;
  }

  /** Nothing: the connection is the broker's. Messages of a removed device are ignored by ingest. */
  disconnect(device: string): void {
    this.#options.log.info(
      { device },
      "a removed device stays connected to the external broker until its login is removed there",
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#client?.end(true);
    await this.#loop;
  }

  stats(): BrokerStats {
    return { ...this.#stats, connected: null };
  }

  async #run(first: { resolve: () => void; reject: (error: Error) => void }): Promise<void> {
    let everUp = false;
    for (let attempt = 0; !this.#stopping.signal.aborted; attempt++) {
      const error = await this.#connectOnce(() => {
        attempt = 0;
        everUp = true;
        first.resolve();
      });
      this.#stats.up = false;
      if (this.#stopping.signal.aborted) break;
      const fatal = error.code === "mqtt-refused";
      if (fatal && !everUp) return first.reject(error);
      if (error.message !== this.#lastError) this.#say(error, fatal);
      this.#lastError = error.message;
      first.resolve(); // later calls of either change nothing
      await this.#pause(backoffMs(attempt, this.#limits, (this.#options.random ?? Math.random)()));
    }
    first.resolve();
  }

  #say(error: AppError, fatal: boolean): void {
    this.#options.log[fatal ? "error" : "warn"](error.message);
    if (fatal) this.#options.onFatal?.(error);
  }

  /** One connection from its attempt to its end. @returns why it ended */
  async #connectOnce(onUp: () => void): Promise<AppError> {
    const { url, installationId, root } = this.#options;
    const client = connect(url, {
      clientId: `fieldloop-${installationId}`,
      clean: false,
      protocolVersion: 4,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      connectTimeout: this.#limits.connectTimeoutMs,
      keepalive: this.#limits.keepaliveS,
    });
    this.#client = client;
    client.on("message", (topic, payload, packet) => this.#receive(topic, payload, packet));
    const reason = await new Promise<AppError>((end) => {
      client.on("error", (error) => end(this.#explain(error)));
      client.on("close", () => end(this.#lost("the connection was closed")));
      client.on("connect", () => {
        this.#subscribe(client, allUpTopics(root)).then(() => {
          this.#stats.up = true;
          this.#lastError = "";
          this.#options.log.info({ broker: hostOf(url) }, "connected to the external MQTT broker");
          onUp();
        }, end);
      });
    });
    await new Promise<void>((resolve) => client.end(true, {}, () => resolve()));
    return reason;
  }

  #subscribe(client: MqttClient, filter: string): Promise<void> {
    return new Promise((resolve, reject) => {
      client.subscribe(filter, { qos: 1 }, (error, granted, packet) => {
        const codes = packet?.granted ?? granted?.map((one) => one.qos) ?? [];
        if (codes.some((code) => code === 0x80)) reject(this.#refusedSubscription(filter));
        else if (error) reject(this.#lost(error.message));
        else resolve();
      });
    });
  }

  #refusedSubscription(filter: string): AppError {
    return new AppError({
      code: "mqtt-refused",
      message: `the broker at ${hostOf(this.#options.url)} refuses the subscription ${filter}; allow the cloud's user to read it (see deploy/brokers)`,
    });
  }

  #explain(error: Error & { readonly code?: string | number }): AppError {
    if (typeof error.code !== "number" || !finalCodes.has(error.code))
      return this.#lost(messageOf(error) || String(error.code));
    return new AppError({
      code: "mqtt-refused",
      message: `the broker at ${hostOf(this.#options.url)} refuses the cloud's login (${error.message}); put the right user and password into MQTT_URL`,
      cause: error,
    });
  }

  #lost(reason: string): AppError {
    return new AppError({
      code: "mqtt-away",
      retryable: true,
      message: `the MQTT broker at ${hostOf(this.#options.url)} is away (${reason}); trying again`,
    });
  }

  #receive(topic: string, payload: Buffer, packet: IPublishPacket): void {
    const place = parseUpTopic(this.#options.root, topic);
    if (place === undefined) {
      this.#stats.publishesRefused++;
      return;
    }
    this.#stats.messages++;
    this.#stats.bytes += payload.length;
    if (payload.length > batchLimits.payloadBytesMax) this.#stats.oversized++; // ingest refuses it
    this.#handlers?.onMessage({ ...place, payload, retained: packet.retain });
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#stopping;
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      }
      signal.addEventListener("abort", done);
    });
  }
}

/** Host and port without user and password, for people to read. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "MQTT_URL";
}
