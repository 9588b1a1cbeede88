/**
 * Sends what lies in the outbox, with a window of its own: several batches are under way, each until
 * the cloud acknowledges that its rows are committed. The broker's acknowledgement only says that
 * the broker has the message, and is used for one thing: to find out what a broker will not take.
 *
 *   ready ──publish──> sending ──broker acknowledges──> waiting ──cloud acknowledges──> gone
 *     ^                   │                                │
 *     └── connection ends ┴───── no answer in time ────────┘
 *
 * Nothing tells a client why a broker closed the connection. So a batch that was being sent when it
 * happened is suspect and from then on sent alone; alone three times without success, it is put aside.
 */
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { AckMessage } from "@fieldloop/shared/messages/control";
import type { EventBatch, TelemetryBatch } from "@fieldloop/shared/messages/telemetry";
import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Lease } from "../outbox/batch.ts";
import { type Covered, covers } from "../outbox/ranges.ts";

/** What the sender needs of the outbox. */
export interface SendableOutbox {
  confirm(cloudEpoch: number): Promise<void>;
  lease(): Lease | undefined;
  read(lease: Lease): TelemetryBatch | EventBatch | undefined;
  acknowledge(ack: Covered & { readonly epoch: number }): void;
  quarantine(lease: Lease, reason: string): void;
}

/** What the sender needs of the link. */
export interface SendableLink {
  publish(channel: "tm" | "ev", message: object): Promise<void>;
  announce(): Promise<void>;
  drop(reason: string): void;
}

export interface SenderLimits {
  /** Batches under way at most, whatever the cloud grants. */
  readonly windowMax: number;
  /** First wait for the cloud; doubles up to the second. */
  readonly ackTimeoutMs: number;
  readonly ackTimeoutMsMax: number;
  /** How long the broker may take to acknowledge one message. */
  readonly publishTimeoutMs: number;
  /** After this long without the cloud's word the birth is published again. */
  readonly announceAgainMs: number;
  /** Tries before a batch is put aside: refused by the broker, unanswered by the cloud. */
  readonly refusalsMax: number;
  readonly resendsMax: number;
  readonly tickMs: number;
}

export const defaultSenderLimits: SenderLimits = {
  windowMax: 64,
  ackTimeoutMs: 15_000,
  ackTimeoutMsMax: 120_000,
  publishTimeoutMs: 30_000,
  announceAgainMs: 30_000,
  refusalsMax: 3,
  resendsMax: 8,
  tickMs: 250,
};

export interface SenderOptions {
  readonly outbox: SendableOutbox;
  readonly link: SendableLink;
  readonly limits: SenderLimits;
  readonly clock: Clock;
  readonly log: Log;
  /** Told when rows are put aside, in one sentence. */
  readonly onQuarantined: (message: string, rows: number) => void;
}

interface Batch {
  lease: Lease;
  state: "ready" | "sending" | "waiting";
  sentAtMs: number;
  ackTimeoutMs: number;
  /** Ends of a connection while this was being sent; above 0 it is suspect. */
  refusals: number;
  resends: number;
  /** Whether something sent after it was acknowledged by the broker while this was not. */
  outrun: "no" | "asked" | "yes";
  /** Dropped by ourselves without proof that the batch is at fault. */
  innocent: boolean;
}

export class Sender {
  readonly #options: SenderOptions;
  #batches: Batch[] = [];
  #online = false;
  /** Whether this connection has brought the cloud's first acknowledgement. */
  #resumed = false;
  #window = 0;
  #heardAtMs = 0;
  #acks: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #resent = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Batches under way, and batches sent again since the start. */
  get counters(): { readonly inFlight: number; readonly resent: number } {
    return { inFlight: this.#batches.length, resent: this.#resent };
  }

  start(): void {
    this.#timer ??= setInterval(() => this.pump(), this.#options.limits.tickMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#online = false;
    this.#stopped = true;
  }

  online(): void {
    this.#online = true;
    this.#resumed = false;
    this.#window = 0;
    this.#heardAtMs = this.#now();
  }

  offline(): void {
    this.#online = false;
    this.#resumed = false;
    for (const batch of this.#batches) if (batch.state === "waiting") batch.state = "ready";
  }

  /** Takes the cloud's word, one after another: the first of a connection may move epochs. */
  heard(ack: AckMessage): Promise<void> {
    this.#acks = this.#acks
      .then(() => this.#take(ack))
      .catch((error) =>
        this.#options.log.error({ reason: messageOf(error) }, "cannot take an acknowledgement"),
      );
    return this.#acks;
  }

  /** Is everything sent and acknowledged? */
  get idle(): boolean {
    return this.#batches.length === 0;
  }

  /** Sends whatever may be sent now. Called by a timer, after commits and after acknowledgements. */
  pump(): void {
    if (!this.#online) return;
    const now = this.#now();
    if (
      (!this.#resumed || this.#window === 0) &&
      this.#silentMs(now) > this.#limits.announceAgainMs
    )
      this.#announceAgain(now);
    if (this.#resumed) {
      this.#expire(now);
      this.#fill();
    }
  }

  get #limits(): SenderLimits {
    return this.#options.limits;
  }

  async #take(ack: AckMessage): Promise<void> {
    const { outbox } = this.#options;
    await outbox.confirm(ack.epoch);
    this.#heardAtMs = this.#now();
    this.#resumed = this.#online;
    this.#window = Math.min(ack.window, this.#limits.windowMax);
    outbox.acknowledge(ack);
    this.#batches = this.#batches
      .map((batch) => withoutCovered(batch, ack))
      .filter(({ lease }) => lease.seqs.length > 0 || lease.skipped.length > 0);
    this.pump();
  }

  #announceAgain(now: number): void {
    this.#heardAtMs = now;
    this.#options.link
      .announce()
      .catch((error) => this.#options.log.debug({ reason: messageOf(error) }, "not announced"));
  }

  /** Looks after batches whose answer is late. */
  #expire(now: number): void {
    for (const batch of this.#batches) {
      const waited = now - batch.sentAtMs;
      if (batch.state === "sending") this.#expirePublish(batch, waited);
      else if (batch.state === "waiting" && waited > batch.ackTimeoutMs) {
        if (batch.resends >= this.#limits.resendsMax && this.#heardAtMs > batch.sentAtMs) {
          this.#putAside(batch, "never acknowledged by the cloud");
          continue;
        }
        batch.state = "ready";
        batch.resends++;
        batch.ackTimeoutMs = Math.min(batch.ackTimeoutMs * 2, this.#limits.ackTimeoutMsMax);
      }
    }
  }

  /** A broker that does not acknowledge may be stalled as a whole; an empty message finds out. */
  #expirePublish(batch: Batch, waited: number): void {
    if (waited > this.#limits.publishTimeoutMs) {
      batch.innocent = batch.outrun !== "yes";
      this.#online = false; // until the next connection
      this.#options.link.drop("the broker does not acknowledge what it is sent");
    } else if (waited > this.#limits.publishTimeoutMs / 2 && batch.outrun === "no") {
      batch.outrun = "asked";
      const empty: TelemetryBatch = { v: 1, epoch: batch.lease.epoch };
      this.#options.link.publish("tm", empty).then(
        () => {
          batch.outrun = "yes";
        },
        (error) => this.#options.log.debug({ reason: messageOf(error) }, "the broker is silent"),
      );
    }
  }

  #fill(): void {
    const busy = this.#batches.filter(({ state }) => state !== "ready");
    const sending = busy.filter(({ state }) => state === "sending");
    if (sending.some(({ refusals }) => refusals > 0)) return;
    const suspect = this.#batches.find(({ state, refusals }) => state === "ready" && refusals > 0);
    if (suspect !== undefined) {
      if (sending.length === 0 && this.#window > 0) void this.#send(suspect);
      return;
    }
    for (let free = this.#window - busy.length; free > 0; free--) {
      const next = this.#batches.find(({ state }) => state === "ready") ?? this.#newBatch();
      if (next === undefined) return;
      void this.#send(next);
    }
  }

  #newBatch(): Batch | undefined {
    const lease = this.#options.outbox.lease();
    if (lease === undefined) return undefined;
    const batch: Batch = {
      lease,
      state: "ready",
      sentAtMs: 0,
      ackTimeoutMs: this.#limits.ackTimeoutMs,
      refusals: 0,
      resends: 0,
      outrun: "no",
      innocent: false,
    };
    this.#batches.push(batch);
    return batch;
  }

  async #send(batch: Batch): Promise<void> {
    const message = this.#options.outbox.read(batch.lease);
    if (message === undefined) return this.#forget(batch); // evicted meanwhile
    const again = batch.sentAtMs > 0;
    batch.state = "sending";
    batch.sentAtMs = this.#now();
    batch.outrun = "no";
    batch.innocent = false;
    if (again) this.#resent++;
    try {
      await this.#options.link.publish("events" in message ? "ev" : "tm", message);
      batch.state = "waiting";
      batch.refusals = 0;
    } catch (error) {
      this.#refused(batch, error);
    }
    this.pump();
  }

  #refused(batch: Batch, error: unknown): void {
    batch.state = "ready";
    const reason = messageOf(error);
    const code = error instanceof AppError ? error.code : "";
    if (code === "payload-oversized") {
      this.#putAside(batch, reason);
      return;
    }
    const innocent = batch.innocent || code === "offline" || this.#stopped;
    if (innocent || !this.#batches.includes(batch)) return;
    batch.refusals++;
    if (batch.refusals >= this.#limits.refusalsMax)
      this.#putAside(batch, `refused by the broker ${batch.refusals} times (${reason})`);
  }

  #putAside(batch: Batch, reason: string): void {
    this.#forget(batch);
    this.#options.outbox.quarantine(batch.lease, reason);
    const rows = batch.lease.seqs.length;
    this.#options.onQuarantined(`${rows} rows were put aside: ${reason}`, rows);
  }

  #forget(batch: Batch): void {
    this.#batches = this.#batches.filter((other) => other !== batch);
  }

  #silentMs(now: number): number {
    return now - this.#heardAtMs;
  }

  #now(): number {
    return this.#options.clock.monotonicMs();
  }
}

/** What of a batch an acknowledgement leaves open. Changes the batch in place, which others hold. */
function withoutCovered(batch: Batch, ack: AckMessage): Batch {
  const { lease } = batch;
  if (lease.epoch !== ack.epoch) return batch;
  batch.lease = {
    ...lease,
    seqs: lease.seqs.filter((seq) => !covers(ack, [seq, seq])),
    skipped: lease.skipped.filter(([first, last]) => !covers(ack, [first, last])),
  };
  return batch;
}
