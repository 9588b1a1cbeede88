/** Reporting as the agent holds it: outbox, link, sender, and both halves of the twin. */
import { join } from "node:path";
import { deviceApi } from "@fieldloop/shared/contract/device-api";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { OtaMessage } from "@fieldloop/shared/messages/control";
import type { DesiredDocument, ReportedState } from "@fieldloop/shared/messages/twin";
import type { AgentConfig } from "../config.ts";
import type { Clock } from "../platform/clock.ts";
import type { Files } from "../platform/files.ts";
import { requestJson } from "../platform/http-client.ts";
import type { Log } from "../platform/log.ts";
import { isInUse } from "../platform/sqlite.ts";
import { openCommands } from "../reporting/link/commands.ts";
import { defaultLinkLimits, Link } from "../reporting/link/link.ts";
import { defaultSenderLimits, Sender } from "../reporting/link/sender.ts";
import type { Report } from "../reporting/outbox/batch.ts";
import { defaultOutboxLimits } from "../reporting/outbox/limits.ts";
import { type Outbox, openOutbox } from "../reporting/outbox/outbox.ts";
import { Desired } from "../reporting/twin/desired.ts";
import { Reported } from "../reporting/twin/reported.ts";
import type { Identity } from "../upkeep/provisioning/identity.ts";

const desiredBytesMax = 256 * 1024;
const drainMsMax = 3000;

export interface TellingOptions {
  readonly config: AgentConfig;
  readonly cloudUrl: string;
  readonly identity: Identity;
  readonly boot: string;
  readonly agentVersion: string;
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
  readonly apply: (document: DesiredDocument) => Promise<void>;
  readonly collect: () => Promise<ReportedState>;
  /** Records what is to be told once more, for example the window under way. */
  readonly flush: () => void;
  /** Looks whether the cloud asks for measurements. */
  readonly lookForBenchmarks: () => void;
}

/** Opens the outbox and sets up the rest; nothing is sent before `start`. */
export async function openTelling(options: TellingOptions): Promise<Telling> {
  const { config, files, clock, log } = options;
  const path = join(config.dataDir, "outbox.db");
  let telling: Telling | undefined;
  try {
    const outbox = await openOutbox({
      path,
      epochFile: { files, path: join(config.dataDir, "epoch") },
      clock,
      limits: { ...defaultOutboxLimits, bytesMax: config.reporting.outboxBytesMax },
      onTrouble: (message) => log.error(message),
      onCommitted: () => telling?.pump(),
    });
    telling = new Telling(options, outbox);
    return telling;
  } catch (cause) {
    if (!isInUse(cause)) throw cause;
    throw new AppError({
      code: "data-dir-in-use",
      message: `another agent runs with the data folder ${config.dataDir}; stop it, or set dataDir (FIELDLOOP_AGENT_DATA_DIR) to a folder of its own`,
      cause,
    });
  }
}

export class Telling {
  readonly outbox: Outbox;
  readonly link: Link;
  readonly sender: Sender;
  readonly desired: Desired;
  readonly reported: Reported;
  readonly #options: TellingOptions;

  /** Use `openTelling`. */
  constructor(options: TellingOptions, outbox: Outbox) {
    this.#options = options;
    this.outbox = outbox;
    this.link = this.#openLink();
    this.sender = this.#openSender();
    this.desired = this.#openDesired();
    this.reported = new Reported({
      collect: options.collect,
      publish: (state) => this.link.publish("state", state),
      log: options.log,
      periodMs: 60_000,
      settleMs: 200,
    });
  }

  /** Applies what is known from earlier, then goes on line. */
  async start(): Promise<void> {
    await this.desired.restore();
    this.desired.start();
    this.reported.start();
    this.sender.start();
    this.link.start();
  }

  append(report: Report): void {
    this.outbox.append(report);
  }

  pump(): void {
    this.sender.pump();
  }

  /** Tells how an update goes; the reported state says it again where this is lost. */
  progress(message: OtaMessage): void {
    if (this.link.state !== "online") return;
    this.link
      .publish("ota", message)
      .catch((error) => this.#options.log.debug({ reason: messageOf(error) }, "ota not published"));
  }

  /** Commits, gives what is left a short while to arrive, says goodbye. */
  async stop(): Promise<void> {
    this.reported.stop();
    await this.desired.stop();
    this.outbox.commit();
    await this.#drain();
    this.sender.stop();
    await this.link.stop();
    this.outbox.close();
  }

  async #drain(): Promise<void> {
    const { clock } = this.#options;
    const end = clock.monotonicMs() + drainMsMax;
    const open = () => this.link.state === "online" && this.outbox.usage.rows > 0;
    while (open() && clock.monotonicMs() < end) {
      this.sender.pump();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #openLink(): Link {
    const { config, identity, boot, agentVersion, clock, log, flush } = this.#options;
    const { lookForBenchmarks } = this.#options;
    const command = openCommands({
      now: () => clock.now(),
      actions: {
        "report-state": () => this.reported.send(),
        flush: () => {
          flush();
          this.outbox.commit();
        },
        benchmark: lookForBenchmarks,
      },
      onAnswer: (row) => this.append({ kind: "event", row }),
    });
    return new Link({
      url: config.cloud?.mqttUrl ?? identity.mqttUrl,
      device: identity.deviceId,
      credential: identity.credential,
      root: identity.topicRoot,
      boot,
      agentVersion,
      epoch: () => this.outbox.epoch,
      limits: { ...defaultLinkLimits, ...config.link },
      clock,
      random: Math.random,
      log,
      handlers: {
        onOnline: () => {
          this.sender.online();
          void this.reported.send();
          lookForBenchmarks();
        },
        onOffline: () => this.sender.offline(),
        onAck: (ack) => void this.sender.heard(ack),
        onDesired: ({ version }) => this.desired.noticed(version),
        onCommand: (message) => void command(message),
      },
    });
  }

  #openSender(): Sender {
    const { clock, log } = this.#options;
    return new Sender({
      outbox: this.outbox,
      link: this.link,
      limits: defaultSenderLimits,
      clock,
      log,
      onQuarantined: (message, rows) => {
        log.error(message);
        const at = clock.now();
        const detail = { rows };
        const row = {
          at,
          kind: "outbox-quarantined",
          severity: "warning",
          message,
          detail,
        } as const;
        this.append({ kind: "event", row });
      },
    });
  }

  #openDesired(): Desired {
    const { config, cloudUrl, identity, files, log, apply } = this.#options;
    const { method, path } = deviceApi.desired;
    return new Desired({
      files,
      path: join(config.dataDir, "desired.json"),
      fetch: (signal) =>
        requestJson(
          {
            method,
            url: `${cloudUrl}${path}`,
            headers: { authorization: `Bearer ${identity.credential}` },
            timeoutMs: 15_000,
            signal,
          },
          desiredBytesMax,
        ),
      apply: async (document) => {
        await apply(document);
        this.reported.changed();
      },
      log,
      random: Math.random,
      pollMs: 300_000,
      retryMs: 5_000,
    });
  }
}
