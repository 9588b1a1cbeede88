/** Decisions that act where they are made: brokers, programs and relays in the local network. */
import { redactorOf } from "../../platform/redact.ts";
import { commandSender } from "./command-sender.ts";
import type { LocalEvent, LocalEventKind } from "./event.ts";
import { isWanted } from "./match.ts";
import { MqttSender } from "./mqtt-sender.ts";
import type { Environment, Sender } from "./sender.ts";
import type { OutputSettings, Secret } from "./settings.ts";
import { webhookSender } from "./webhook-sender.ts";
import { type OutputStats, OutputWorker } from "./worker.ts";

export interface OutputsOptions {
  readonly settings: readonly OutputSettings[];
  /** Name of this device. */
  readonly device: string;
  readonly environment: Environment;
  readonly now: () => number;
  /** An output has begun to fail, with the reason, or works again (`null`). */
  readonly onChange: (output: string, reason: string | null) => void;
}

interface Opened {
  readonly settings: OutputSettings;
  readonly sender: Sender;
  readonly worker: OutputWorker;
  readonly redact: (text: string) => string;
}

export class Outputs {
  readonly #device: string;
  readonly #opened: readonly Opened[];

  /** @throws AppError `config` where a secret's variable is not set */
  constructor({ settings, device, environment, now, onChange }: OutputsOptions) {
    this.#device = device;
    this.#opened = settings.map((one) => {
      const redact = redactorOf(textsOf(one));
      const sender = senderOf(one, environment);
      const worker = new OutputWorker({
        settings: one,
        sender,
        now,
        onChange: (reason) => onChange(one.name, reason && redact(reason)),
      });
      return { settings: one, sender, worker, redact };
    });
  }

  start(): void {
    for (const { sender } of this.#opened) sender.start();
  }

  /** Whether any output is told of such events. */
  wants(kind: LocalEventKind): boolean {
    return this.#opened.some(({ settings }) => settings.on.events.includes(kind));
  }

  /** Tells every output that wants it; never throws, never waits. */
  offer(event: LocalEvent): void {
    const told = { ...event, device: this.#device };
    for (const { settings, worker } of this.#opened)
      if (isWanted(event, settings.on)) worker.offer(told);
  }

  /** By output. */
  stats(): Record<string, OutputStats> {
    return Object.fromEntries(
      this.#opened.map(({ settings, worker, redact }) => {
        const stats = worker.stats();
        const lastError = stats.lastError && redact(stats.lastError);
        return [settings.name, { ...stats, lastError }];
      }),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.#opened.map(({ worker }) => worker.stop()));
  }
}

function senderOf(settings: OutputSettings, environment: Environment): Sender {
  switch (settings.kind) {
    case "mqtt":
      return new MqttSender(settings, environment);
    case "webhook":
      return webhookSender(settings, environment);
    case "command":
      return commandSender(settings);
  }
}

/** Texts whose credentials must not be told. */
function textsOf(settings: OutputSettings): string[] {
  const open = (secret: Secret | undefined) => (typeof secret === "string" ? [secret] : []);
  switch (settings.kind) {
    case "mqtt":
      return [settings.mqtt.url, ...open(settings.mqtt.password)];
    case "webhook":
      return [settings.webhook.url, ...Object.values(settings.webhook.headers).flatMap(open)];
    case "command":
      return settings.command.run;
  }
}
