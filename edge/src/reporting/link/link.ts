/**
 * The device's line to the cloud: connects, announces itself, hands on what comes down, and connects
 * again with jittered back-off for as long as the agent lives.
 *
 *   waiting ──> connecting ──> online ──> waiting …      (back-off starts anew once online)
 *                   └──> refused ──> waiting             (longest delay: somebody must act first)
 */
import { type BackoffLimits, backoffMs } from "@fieldloop/shared/backoff";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import {
  type AckMessage,
  ackMessage,
  type CommandMessage,
  commandMessage,
  type DesiredNotice,
  desiredNotice,
  type OnlineMessage,
} from "@fieldloop/shared/messages/control";
import { batchLimits } from "@fieldloop/shared/messages/telemetry";
import {
  allDownTopics,
  channelFacts,
  downChannels,
  downTopic,
  type UpChannel,
  upTopic,
} from "@fieldloop/shared/topics";
import { decodePayload, encodePayload } from "@fieldloop/shared-node/wire/payload";
import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { type Connection, openConnection } from "./connection.ts";

export type LinkState = "off" | "connecting" | "waiting" | "online" | "refused";

export interface LinkLimits extends BackoffLimits {
  readonly keepaliveS: number;
  readonly connectTimeoutMs: number;
}

export const defaultLinkLimits: LinkLimits = {
  delayMsMin: 1000,
  delayMsMax: 300_000,
  keepaliveS: 60,
  connectTimeoutMs: 10_000,
};

/** What the rest of the agent does with what comes down. */
export interface LinkHandlers {
  readonly onOnline: () => void;
  readonly onOffline: (reason: string) => void;
  readonly onAck: (ack: AckMessage) => void;
  readonly onDesired: (notice: DesiredNotice) => void;
  readonly onCommand: (command: CommandMessage) => void;
}

export interface LinkOptions {
  readonly url: string;
  readonly device: string;
  readonly credential: string;
  readonly root: string;
  /** Random id of this process. */
  readonly boot: string;
  readonly agentVersion: string;
  /** Epoch that new rows get. */
  readonly epoch: () => number;
  readonly limits: LinkLimits;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly handlers: LinkHandlers;
}

/** A packet is the largest payload and its topic. */
const packetBytesMax = batchLimits.payloadBytesMax + 1024;

export class Link {
  readonly #options: LinkOptions;
  readonly #stopping = new AbortController();
  #connection: Connection | undefined;
  #loop: Promise<void> | undefined;
  #state: LinkState = "off";
  #lastError: string | null = null;
  #badMessages = 0;
  #connects = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Why the last connection failed or ended. */
  get lastError(): string | null {
    return this.#lastError;
  }

  /** Messages from the broker that were refused, and connections made, since the start. */
  get counters(): { readonly badMessages: number; readonly connects: number } {
    return { badMessages: this.#badMessages, connects: this.#connects };
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Says goodbye where a connection stands, and ends. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const connection = this.#connection;
    if (connection !== undefined) {
      await within(1000, this.#announce(connection, false)).catch((error) =>
        this.#options.log.debug({ reason: messageOf(error) }, "no goodbye"),
      );
      await connection.close();
    }
    await this.#loop;
    this.#state = "off";
  }

  /** Publishes the birth again: the cloud answers it with an acknowledgement. */
  async announce(): Promise<void> {
    if (this.#connection !== undefined) await this.#announce(this.#connection, true);
  }

  /** Ends the connection, so that a new one is made. */
  drop(reason: string): void {
    this.#options.log.warn({ reason }, "dropping the connection to the broker");
    void this.#connection?.close();
  }

  /**
   * Publishes a message and waits for the broker.
   * @throws AppError `offline`, `publish-failed` or `payload-oversized`
   */
  async publish(channel: UpChannel, message: object): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined)
      throw new AppError({
        code: "offline",
        message: "there is no connection to the broker",
        retryable: true,
      });
    const payload = await encodePayload(message, batchLimits);
    await this.#send(connection, channel, payload);
  }

  async #run(): Promise<void> {
    const { limits, random, clock } = this.#options;
    for (let failures = 0; !this.#stopping.signal.aborted; ) {
      const from = clock.monotonicMs();
      const outcome = await this.#connectOnce();
      // A connection that ends at once is a failure too, or a denied message would be a busy loop.
      const stable = outcome === "online" && clock.monotonicMs() - from > 3 * limits.delayMsMin;
      failures = stable ? 1 : failures + 1;
      if (this.#stopping.signal.aborted) return;
      this.#state = outcome === "refused" ? "refused" : "waiting";
      const attempt = outcome === "refused" ? 30 : failures;
      await this.#pause(backoffMs(attempt, limits, random()));
    }
  }

  /** One connection from its attempt to its end. */
  async #connectOnce(): Promise<"online" | "failed" | "refused"> {
    const { log, handlers, limits, url, device, root, credential } = this.#options;
    this.#state = "connecting";
    let connection: Connection;
    try {
      connection = await openConnection({
        url,
        clientId: device,
        password: credential,
        filter: allDownTopics(root, device),
        will: { topic: upTopic(root, device, "online"), payload: this.#onlineMessage(false) },
        keepaliveS: limits.keepaliveS,
        connectTimeoutMs: limits.connectTimeoutMs,
        packetBytesMax,
        onMessage: (topic, payload) => void this.#receive(topic, payload),
      });
    } catch (error) {
      return this.#failed(error);
    }
    this.#connection = connection;
    if (this.#stopping.signal.aborted) await connection.close();
    this.#connects++;
    this.#state = "online";
    this.#lastError = null;
    log.info({ url }, "connected to the broker");
    handlers.onOnline();
    void this.#announce(connection, true).catch((error) =>
      log.warn({ reason: messageOf(error) }, "the birth message was not acknowledged"),
    );
    const reason = await connection.ended;
    this.#connection = undefined;
    this.#lastError = reason;
    log.info({ reason }, "disconnected from the broker");
    handlers.onOffline(reason);
    return "online";
  }

  #failed(error: unknown): "failed" | "refused" {
    const message = messageOf(error);
    const refused = error instanceof AppError && error.code.endsWith("-refused");
    // Said once per cause: a board may be offline for weeks.
    if (message !== this.#lastError) this.#options.log[refused ? "error" : "warn"](message);
    this.#lastError = message;
    return refused ? "refused" : "failed";
  }

  async #announce(connection: Connection, online: boolean): Promise<void> {
    await this.#send(connection, "online", this.#onlineMessage(online));
  }

  #onlineMessage(online: boolean): string {
    const { boot, agentVersion, epoch, clock } = this.#options;
    const message: OnlineMessage = {
      v: 1,
      online,
      boot,
      epoch: epoch(),
      at: clock.now(),
      agentVersion,
    };
    return JSON.stringify(message);
  }

  #send(connection: Connection, channel: UpChannel, payload: string | Buffer): Promise<void> {
    const { qos, retain } = channelFacts[channel];
    const topic = upTopic(this.#options.root, this.#options.device, channel);
    return connection.publish(topic, payload, qos, retain);
  }

  /** A broker is not trusted: whatever does not fit is counted and left. */
  async #receive(topic: string, payload: Buffer): Promise<void> {
    const { root, device, handlers, log } = this.#options;
    const channel = downChannels.find((name) => downTopic(root, device, name) === topic);
    try {
      if (channel === undefined) throw new Error("no such topic");
      const message = await decodePayload(payload, batchLimits);
      if (channel === "ack") handlers.onAck(ackMessage.parse(message));
      else if (channel === "desired") handlers.onDesired(desiredNotice.parse(message));
      else handlers.onCommand(commandMessage.parse(message));
    } catch (error) {
      this.#badMessages++;
      const reason = messageOf(error).slice(0, 300);
      log.warn({ topic: topic.slice(0, 200), reason }, "ignored a message from the broker");
    }
  }

  #pause(delayMs: number): Promise<void> {
    const { signal } = this.#stopping;
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, delayMs);
      signal.addEventListener("abort", done);
    });
  }
}

async function within<T>(timeMsMax: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeMsMax);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
