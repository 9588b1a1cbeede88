/**
 * From the broker to the database:
 *
 *   accept → queue (per device) → decode → one transaction per device → commit → acknowledge → news
 *                └ full: dropped, the device sends again      └ database away: tried again
 *
 * Invariants
 * - Nothing is acknowledged before it is committed.
 * - A device's messages are stored in the order in which they came.
 * - No message, however wrong, ends this process or holds up another device.
 */
import { backoffMs } from "@fieldloop/shared/backoff";
import { messageOf } from "@fieldloop/shared/errors";
import { parseUpTopic } from "@fieldloop/shared/topics";
import type { Refusal, UpMessage } from "../../platform/broker/broker.ts";
import type { Platform } from "../../platform/context.ts";
import type { DeviceNews } from "../live/publish.ts";
import { decodeMessage } from "./decode.ts";
import { isAway, isMissingPartition } from "./failure.ts";
import { publishNews } from "./news.ts";
import { ensurePartitions } from "./partitions.ts";
import { quarantined } from "./quarantine.ts";
import { type Arrival, ArrivalQueue } from "./queue.ts";
import { saveQuarantined } from "./store/quarantine.ts";
import { type EpochState, type Message, type Stored, storeBatch } from "./store-batch.ts";
import { ackWindow, defaultIngestLimits, type IngestLimits } from "./window.ts";

export interface IngestOptions {
  readonly platform: Platform;
  readonly news: DeviceNews;
  readonly limits?: Partial<IngestLimits>;
  readonly random?: () => number;
}

export interface IngestStats {
  /** Messages waiting now. */
  readonly queued: number;
  readonly queuedBytes: number;
  /** Messages committed, quarantined ones included. */
  readonly stored: number;
  readonly rows: number;
  /** Rows that had been stored before. */
  readonly duplicates: number;
  readonly quarantined: number;
  /** Messages dropped because the queue was full; their devices send them again. */
  readonly overloaded: number;
  /** Messages of devices that are unknown or removed. */
  readonly unknownDevice: number;
  /** Attempts that failed because the database was away. */
  readonly retries: number;
}

export class Ingest {
  readonly #platform: Platform;
  readonly #news: DeviceNews;
  readonly #limits: IngestLimits;
  readonly #random: () => number;
  readonly #queue: ArrivalQueue;
  readonly #stopping = new AbortController();
  readonly #counters = {
    stored: 0,
    rows: 0,
    duplicates: 0,
    quarantined: 0,
    overloaded: 0,
    unknownDevice: 0,
    retries: 0,
  };
  /** Devices told to pause, with what is committed of them. */
  readonly #paused = new Map<string, EpochState>();
  readonly #running = new Set<Promise<void>>();
  #waitedMs = 0;

  constructor(options: IngestOptions) {
    this.#platform = options.platform;
    this.#news = options.news;
    this.#limits = { ...defaultIngestLimits, ...options.limits };
    this.#random = options.random ?? Math.random;
    this.#queue = new ArrivalQueue(this.#limits);
  }

  /** Takes a message in; returns at once. */
  accept(message: UpMessage): void {
    if (this.#stopping.signal.aborted) return;
    const taken = this.#queue.add({ ...message, receivedAt: this.#platform.now() });
    if (!taken) this.#counters.overloaded++;
    this.#pump();
  }

  /** Keeps what a broker refused, so that somebody sees it. */
  async acceptRefusal(refusal: Refusal): Promise<void> {
    const { device, topic, reason, payload, payloadBytes } = refusal;
    const own = parseUpTopic(this.#platform.installation.topicRoot, topic);
    const channel = own?.device === device ? own.channel : topic || "unknown";
    const entry = quarantined({ device, channel }, reason, payload, payloadBytes);
    this.#counters.quarantined++;
    try {
      await saveQuarantined(this.#platform.db, entry, new Date(this.#platform.now()));
    } catch (error) {
      this.#platform.log.warn({ device, reason, err: error }, "cannot keep a refused message");
    }
  }

  stats(): IngestStats {
    const { queued, queuedBytes } = this.#queue;
    return { queued, queuedBytes, ...this.#counters };
  }

  /** Resolves once nothing is queued or under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Stores what is queued as far as time allows; the rest was never acknowledged. */
  async stop(): Promise<void> {
    const { stopMsMax } = this.#limits;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, stopMsMax);
    });
    await Promise.race([this.idle(), deadline]);
    clearTimeout(timer);
    this.#stopping.abort();
    await this.idle();
  }

  #pump(): void {
    while (this.#running.size < this.#limits.concurrencyMax && !this.#stopping.signal.aborted) {
      const arrivals = this.#queue.take();
      if (arrivals === undefined) return;
      const { device, receivedAt } = arrivals[0];
      this.#waitedMs = this.#platform.now() - receivedAt;
      const work = this.#work(device, arrivals).finally(() => {
        this.#running.delete(work);
        this.#queue.release(device);
        this.#pump();
        this.#resume();
      });
      this.#running.add(work);
    }
  }

  async #work(device: string, arrivals: readonly Arrival[]): Promise<void> {
    try {
      const messages = await Promise.all(
        arrivals.map(
          async (arrival): Promise<Message> => ({
            arrival,
            decoded: await decodeMessage(arrival.channel, arrival.payload),
          }),
        ),
      );
      await this.#store(device, messages);
    } catch (error) {
      this.#platform.log.error({ device, err: error }, "cannot store messages of a device");
    }
  }

  async #store(device: string, messages: readonly Message[]): Promise<void> {
    for (let attempt = 0; !this.#stopping.signal.aborted; attempt++) {
      try {
        const stored = await storeBatch(this.#platform.db, device, messages, this.#platform.now());
        this.#tell(device, messages.length, stored);
        return;
      } catch (error) {
        if (isMissingPartition(error) && attempt === 0) await this.#makePartitions();
        else if (isAway(error)) await this.#waitOut(device, attempt, error);
        else return await this.#isolate(device, messages, error);
      }
    }
  }

  /** Finds the message that the database will not have, so that the others are stored. */
  async #isolate(device: string, messages: readonly Message[], error: unknown): Promise<void> {
    const reason = `the database refuses it: ${messageOf(error)}`;
    this.#platform.log.error({ device, err: error }, "the database refuses a message");
    for (const message of messages) {
      const decoded =
        messages.length === 1 ? { kind: "refused" as const, reason } : message.decoded;
      const isLast = messages.length === 1 && message.decoded.kind === "refused";
      if (!isLast) await this.#store(device, [{ ...message, decoded }]);
    }
  }

  async #makePartitions(): Promise<void> {
    try {
      await ensurePartitions(this.#platform.db, this.#platform.now());
    } catch (error) {
      this.#platform.log.error({ err: error }, "cannot make the day's partitions");
    }
  }

  async #waitOut(device: string, attempt: number, error: unknown): Promise<void> {
    this.#counters.retries++;
    const { retryDelayMsMin, retryDelayMsMax } = this.#limits;
    const limits = { delayMsMin: retryDelayMsMin, delayMsMax: retryDelayMsMax };
    if (attempt === 0)
      this.#platform.log.warn(
        { device, reason: messageOf(error) },
        "cannot store now, trying again",
      );
    const { signal } = this.#stopping;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, backoffMs(attempt, limits, this.#random()));
      signal.addEventListener("abort", done);
    });
  }

  #tell(device: string, count: number, stored: Stored): void {
    this.#counters.stored += count;
    if (!stored.knownDevice) {
      this.#counters.unknownDevice += count;
      return;
    }
    this.#counters.rows += stored.windows.length + stored.results.length + stored.events.length;
    this.#counters.duplicates += stored.duplicates;
    this.#counters.quarantined += stored.refusals.length;
    for (const reason of stored.refusals)
      this.#platform.log.warn({ device, reason }, "a message went to quarantine");
    for (const state of stored.acks) this.#acknowledge(device, state);
    if (stored.desiredVersion !== undefined)
      this.#platform.send(device, "desired", { v: 1, version: stored.desiredVersion });
    publishNews(this.#platform, device, stored);
    this.#news.changed(device);
  }

  #acknowledge(device: string, state: EpochState): void {
    const window = this.#window();
    const { epoch, upTo, beyond } = state;
    this.#platform.send(device, "ack", { v: 1, epoch, upTo, beyond, window });
    if (window === 0) this.#paused.set(device, { ...state, beyond: [] });
    else this.#paused.delete(device);
  }

  /** Lets devices go on that were told to pause. */
  #resume(): void {
    if (this.#paused.size === 0 || this.#window() === 0) return;
    for (const [device, state] of this.#paused) this.#acknowledge(device, state);
  }

  #window(): number {
    const { queued, queuedBytes } = this.#queue;
    const waitedMs = queued === 0 ? 0 : this.#waitedMs;
    return ackWindow({ queued, queuedBytes, waitedMs }, this.#limits);
  }
}
