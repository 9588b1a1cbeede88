/**
 * Tells a broker in the local network. Every connection is a client of its own, which is thrown away
 * with all that it still holds: mqtt.js would otherwise send after a reconnect what is long too late.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { backoffMs } from "@fieldloop/shared/backoff";
import { messageOf } from "@fieldloop/shared/errors";
import type { MqttClient } from "mqtt";
import { filledIn, type ToldEvent } from "./match.ts";
import { type Environment, failedBy, reveal, type Sender } from "./sender.ts";
import type { OutputSettingsOf } from "./settings.ts";

const backoff = { delayMsMin: 500, delayMsMax: 15_000 };
const connectMsMax = 10_000;

/** A client that is connected, and what ends with it. */
interface Connection {
  readonly client: MqttClient;
  /** Settles when the connection has ended. */
  readonly ended: Promise<void>;
}

export class MqttSender implements Sender {
  readonly #settings: OutputSettingsOf<"mqtt">["mqtt"];
  readonly #password: string | undefined;
  readonly #stopping = new AbortController();
  #connection: Connection | undefined;
  /** Why there is no connection. */
  #reason = "not connected yet";
  #running: Promise<void> = Promise.resolve();

  constructor({ mqtt }: OutputSettingsOf<"mqtt">, environment: Environment) {
    this.#settings = mqtt;
    this.#password = mqtt.password && reveal(mqtt.password, environment);
  }

  start(): void {
    this.#running = this.#keepConnected(this.#stopping.signal);
  }

  async send(event: ToldEvent, withinMs: number): Promise<void> {
    const { topic, payload, qos, retain } = this.#settings;
    const connection = this.#connection;
    if (connection === undefined) throw failedBy("unreachable", `the broker: ${this.#reason}`);
    const { client, ended } = connection;
    const text = payload === undefined ? JSON.stringify(event) : filledIn(payload, event);
    let timer: NodeJS.Timeout | undefined;
    const outcome = await Promise.race([
      new Promise<"told" | Error>((resolve) => {
        client.publish(filledIn(topic, event), text, { qos, retain }, (error) =>
          resolve(error ?? "told"),
        );
      }),
      ended.then(() => new Error(this.#reason)),
      new Promise<"late">((resolve) => {
        timer = setTimeout(() => resolve("late"), withinMs);
      }),
    ]);
    clearTimeout(timer);
    if (outcome === "told") return;
    client.end(true); // with what it has not sent yet
    if (outcome === "late") throw failedBy("timeout", "the broker did not answer by the deadline");
    throw failedBy("unreachable", `the broker: ${messageOf(outcome)}`);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #keepConnected(stop: AbortSignal): Promise<void> {
    for (let failures = 0; !stop.aborted; failures++) {
      const client = await this.#open();
      const ended = new Promise<void>((resolve) => {
        client.on("error", (error) => {
          this.#reason = messageOf(error) || "the connection was refused";
        });
        client.on("connect", () => {
          failures = 0;
          this.#reason = "the connection was closed";
          this.#connection = { client, ended };
        });
        client.on("close", resolve);
        stop.addEventListener("abort", () => resolve(), { once: true });
      });
      await ended;
      this.#connection = undefined;
      client.end(true);
      const delayMs = backoffMs(failures, backoff, Math.random());
      await sleep(delayMs, undefined, { signal: stop }).catch(() => undefined);
    }
  }

  async #open(): Promise<MqttClient> {
    const { connect } = await import("mqtt"); // loaded late: most agents without a cloud never need it
    const { url, username } = this.#settings;
    return connect(url, {
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 0,
      queueQoSZero: false,
      connectTimeout: connectMsMax,
      ...(username !== undefined && { username }),
      ...(this.#password !== undefined && { password: this.#password }),
    });
  }
}
