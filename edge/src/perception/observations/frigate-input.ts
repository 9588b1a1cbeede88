/** Listens to Frigate on a broker in the local network. */
import { messageOf } from "@fieldloop/shared/errors";
import { connect, type MqttClient } from "mqtt";
import { redact } from "../../platform/redact.ts";
import { type FrigateCamera, readFrigateEvent } from "./frigate.ts";
import type { Observation } from "./observation.ts";

export interface FrigateInputOptions {
  readonly url: string;
  readonly topic: string;
  readonly cameras: Readonly<Record<string, FrigateCamera>>;
  readonly onObservation: (observation: Observation) => void;
  /** Told once until it is well again: no connection, or a message that cannot be read. */
  readonly onTrouble: (message: string) => void;
}

export interface FrigateCounters {
  readonly messages: number;
  readonly observations: number;
  readonly invalid: number;
}

const messageBytesMax = 256 * 1024;
const reconnectMs = 5000;

export class FrigateInput {
  readonly #options: FrigateInputOptions;
  readonly #counters = { messages: 0, observations: 0, invalid: 0 };
  #client: MqttClient | undefined;
  #trouble = "";

  constructor(options: FrigateInputOptions) {
    this.#options = options;
  }

  get counters(): FrigateCounters {
    return this.#counters;
  }

  start(): void {
    const { url, topic } = this.#options;
    const client = connect(url, { reconnectPeriod: reconnectMs, connectTimeout: 10_000 });
    this.#client = client;
    client.on("connect", () => {
      client.subscribe(topic, { qos: 0 }, (error, granted) => {
        const refused = error !== null || granted?.some(({ qos }) => qos === 128);
        if (refused) this.#tell(`${redact(url)} refuses the topic ${topic}`);
        else this.#trouble = "";
      });
    });
    client.on("error", (error) => this.#unreachable(messageOf(error)));
    client.on("close", () => this.#unreachable("the connection was closed"));
    client.on("message", (_, payload) => this.#read(payload));
  }

  async stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    client?.removeAllListeners("close");
    await client?.endAsync(true);
  }

  #unreachable(reason: string): void {
    if (this.#client !== undefined)
      this.#tell(
        `Frigate's broker ${redact(this.#options.url)} cannot be reached: ${redact(reason)}`,
      );
  }

  #read(payload: Uint8Array): void {
    this.#counters.messages++;
    const reading =
      payload.byteLength > messageBytesMax
        ? ({
            kind: "invalid",
            reason: `a message of ${payload.byteLength} bytes is too large`,
          } as const)
        : readFrigateEvent(payload, this.#options.cameras);
    if (reading.kind === "ignored") return;
    if (reading.kind === "invalid") {
      this.#counters.invalid++;
      this.#tell(`a message of Frigate was left out: ${reading.reason}`);
      return;
    }
    this.#counters.observations++;
    this.#options.onObservation(reading.observation);
  }

  #tell(message: string): void {
    if (message === this.#trouble) return;
    this.#trouble = message;
    this.#options.onTrouble(message);
  }
}
