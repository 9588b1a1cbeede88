/**
 * One output: its queue, and what became of the events in it. Events go one after another, each at most
 * once, and never after its deadline: an actuator must not act on the next object.
 *
 * INVARIANT: offered = sent + failed + dropped + under way.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { bucketOf, type Histogram, quantile } from "@fieldloop/shared/sketches/histogram";
import type { ToldEvent } from "./match.ts";
import { type FailureCause, failureCauses, type Sender } from "./sender.ts";
import type { OutputSettings } from "./settings.ts";

const stopMsMax = 2000;

/** Why an event was never tried. */
export const outputDropCauses = ["full", "late", "interval", "stopping"] as const;
export type OutputDropCause = (typeof outputDropCauses)[number];

export interface OutputStats {
  readonly kind: OutputSettings["kind"];
  readonly offered: number;
  readonly sent: number;
  readonly failed: Readonly<Partial<Record<FailureCause, number>>>;
  readonly dropped: Readonly<Partial<Record<OutputDropCause, number>>>;
  /** Waiting or being sent. */
  readonly underWay: number;
  /** From the picture to the end of sending; `null` before the first. */
  readonly latencyMs: { readonly p50: number; readonly p95: number } | null;
  /** Why the last one failed; `null` where it got through. */
  readonly lastError: string | null;
}

export interface WorkerOptions {
  readonly settings: OutputSettings;
  readonly sender: Sender;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** It fails since this event, or works again (`null`). */
  readonly onChange: (reason: string | null) => void;
}

export class OutputWorker {
  readonly #options: WorkerOptions;
  readonly #queue: ToldEvent[] = [];
  readonly #failed = new Map<FailureCause, number>();
  readonly #dropped = new Map<OutputDropCause, number>();
  readonly #latency = new Map<number, number>();
  #offered = 0;
  #sent = 0;
  #lastError: string | null = null;
  #lastTakenAt = Number.NEGATIVE_INFINITY;
  #isStopping = false;
  #isWorking = false;
  #working: Promise<void> = Promise.resolve();

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Takes an event in; never throws, never waits. */
  offer(event: ToldEvent): void {
    const { queueMax, onFull } = this.#options.settings;
    this.#offered++;
    const isFull = this.#queue.length >= queueMax;
    const refusal = this.#refusalOf(event) ?? (isFull && onFull === "drop-latest" ? "full" : null);
    if (refusal !== null) {
      this.#drop(refusal);
      return;
    }
    if (isFull) {
      this.#queue.shift();
      this.#drop("full");
    }
    this.#lastTakenAt = event.at;
    this.#queue.push(event);
    if (!this.#isWorking) this.#working = this.#work();
  }

  stats(): OutputStats {
    const latency: Histogram = [...this.#latency].sort(([a], [b]) => a - b);
    const [p50, p95] = [quantile(latency, 0.5), quantile(latency, 0.95)];
    const done = this.#sent + sum(this.#failed) + sum(this.#dropped);
    return {
      kind: this.#options.settings.kind,
      offered: this.#offered,
      sent: this.#sent,
      failed: Object.fromEntries(this.#failed),
      dropped: Object.fromEntries(this.#dropped),
      underWay: this.#offered - done,
      latencyMs: p50 === undefined || p95 === undefined ? null : { p50, p95 },
      lastError: this.#lastError,
    };
  }

  /** Drops what waits, and gives what is under way a short while. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const _ of this.#queue.splice(0)) this.#drop("stopping");
    const waited = new AbortController();
    const enough = sleep(stopMsMax, undefined, { signal: waited.signal }).catch(() => undefined);
    await Promise.race([this.#working, enough]);
    waited.abort();
    await this.#options.sender.stop();
  }

  #refusalOf(event: ToldEvent): OutputDropCause | null {
    if (this.#isStopping) return "stopping";
    // A clock that was set back does not silence an output.
    const sinceMs = Math.abs(event.at - this.#lastTakenAt);
    return sinceMs < this.#options.settings.minIntervalMs ? "interval" : null;
  }

  async #work(): Promise<void> {
    const { now, settings, sender } = this.#options;
    this.#isWorking = true;
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      const leftMs = event.at + settings.deadlineMs - now();
      // One from the future has a clock that cannot be trusted: it gets its deadline from now on.
      const withinMs = Math.min(leftMs, settings.deadlineMs);
      if (withinMs <= 0) this.#drop("late");
      else {
        try {
          await sender.send(event, withinMs);
          this.#succeeded(now() - event.at);
        } catch (error) {
          this.#hasFailed(error);
        }
      }
    }
    // In the same turn in which the queue was found empty: whatever comes next begins anew.
    this.#isWorking = false;
  }

  #succeeded(latencyMs: number): void {
    this.#sent++;
    const bucket = bucketOf(Math.max(0, latencyMs));
    this.#latency.set(bucket, (this.#latency.get(bucket) ?? 0) + 1);
    if (this.#lastError === null) return;
    this.#lastError = null;
    this.#options.onChange(null);
  }

  #hasFailed(error: unknown): void {
    const code = error instanceof AppError ? error.code : undefined;
    const cause = failureCauses.find((known) => known === code) ?? "refused";
    this.#failed.set(cause, (this.#failed.get(cause) ?? 0) + 1);
    const wasWell = this.#lastError === null;
    this.#lastError = messageOf(error);
    if (wasWell) this.#options.onChange(this.#lastError);
  }

  #drop(cause: OutputDropCause): void {
    this.#dropped.set(cause, (this.#dropped.get(cause) ?? 0) + 1);
  }
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, n) => total + n, 0);
}
