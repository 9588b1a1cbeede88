/**
 * What routing has done since the last report. Bounded: closed lists of counters, histograms with
 * logarithmic buckets, and a fixed number of bins by hardness.
 */
import { bucketOf, type Histogram } from "@fieldloop/shared/sketches/histogram";
import {
  type LocalReason,
  localReasons,
  type OffloadReason,
  offloadReasons,
  type Route,
} from "./decide-route.ts";

/**
 * What became of a call. `late` was answered after the deadline of the frame that waited for it,
 * `unsent` had no picture to send, `gone` was given up because the router stopped.
 */
export const callOutcomes = [
  "answered",
  "late",
  "timeout",
  "refused",
  "overloaded",
  "malformed",
  "failed",
  "unsent",
  "gone",
] as const;
export type CallOutcome = (typeof callOutcomes)[number];

/** Twenty equal bins over the hardness level from 0 to 1; 1 belongs to the last. */
export const hardnessBins = 20;

export interface HardnessBin {
  readonly frames: number;
  readonly offloaded: number;
  /** Frames that both models have answered, and those on which they agreed. */
  readonly compared: number;
  readonly agreed: number;
  /** Frames of which the truth is known as well, and who was right on them. */
  readonly labelled: number;
  readonly localRight: number;
  readonly cloudRight: number;
}

export interface RoutingReport {
  readonly frames: number;
  readonly offloaded: number;
  /** `offloaded / frames`; 0 without frames. */
  readonly offloadShare: number;
  readonly local: Readonly<Record<LocalReason, number>>;
  readonly offload: Readonly<Record<OffloadReason, number>>;
  readonly calls: Readonly<Record<CallOutcome, number>>;
  readonly compared: number;
  readonly agreed: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Bytes of single calls, both directions. */
  readonly callBytes: Histogram;
  /** Call to its answer, in milliseconds, answered calls only. */
  readonly callMs: Histogram;
  /** From `answer` being called to its answer, in milliseconds, by whose answer it was. */
  readonly localAnswerMs: Histogram;
  readonly cloudAnswerMs: Histogram;
  readonly bins: readonly HardnessBin[];
}

/** The bin of a level; what is no number counts as the hardest. */
export function binOf(level: number): number {
  const bin = Math.floor(level * hardnessBins);
  return Number.isNaN(bin) ? hardnessBins - 1 : Math.min(hardnessBins - 1, Math.max(0, bin));
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type BucketCounts = Map<number, number>;

const emptyBin: HardnessBin = {
  frames: 0,
  offloaded: 0,
  compared: 0,
  agreed: 0,
  labelled: 0,
  localRight: 0,
  cloudRight: 0,
};

/** The mutable counters behind a `RoutingReport`. */
export class RoutingCounters {
  readonly #local = zeros(localReasons);
  readonly #offload = zeros(offloadReasons);
  readonly #calls = zeros(callOutcomes);
  readonly #bytes = { sent: 0, received: 0 };
  readonly #callBytes: BucketCounts = new Map();
  readonly #callMs: BucketCounts = new Map();
  readonly #localAnswerMs: BucketCounts = new Map();
  readonly #cloudAnswerMs: BucketCounts = new Map();
  readonly #bins: readonly Mutable<HardnessBin>[] = Array.from({ length: hardnessBins }, () => ({
    ...emptyBin,
  }));

  /** A frame was decided upon. Its hardness is added once it is known (`judged`). */
  routed(route: Route): void {
    if (route.kind === "local") this.#local[route.because]++;
    else this.#offload[route.because]++;
  }

  /** How hard a frame was, and whether it was asked about. */
  judged(level: number, offloaded: boolean): void {
    const bin = this.#bin(level);
    bin.frames++;
    if (offloaded) bin.offloaded++;
  }

  answered(source: "local" | "cloud", ms: number): void {
    add(source === "local" ? this.#localAnswerMs : this.#cloudAnswerMs, ms);
  }

  /** A call has ended; `ms` only where it was answered. */
  called(
    outcome: CallOutcome,
    traffic: { readonly sent: number; readonly received: number },
    ms?: number,
  ): void {
    this.#calls[outcome]++;
    this.#bytes.sent += traffic.sent;
    this.#bytes.received += traffic.received;
    add(this.#callBytes, traffic.sent + traffic.received);
    if (ms !== undefined) add(this.#callMs, ms);
  }

  /** Both models have answered a frame. */
  compared(level: number, agreed: boolean): void {
    const bin = this.#bin(level);
    bin.compared++;
    if (agreed) bin.agreed++;
  }

  /** The truth about a frame that both models have answered has become known, perhaps days later. */
  labelled(level: number, right: { readonly local: boolean; readonly cloud: boolean }): void {
    const bin = this.#bin(level);
    bin.labelled++;
    if (right.local) bin.localRight++;
    if (right.cloud) bin.cloudRight++;
  }

  snapshot(): RoutingReport {
    const offloaded = total(this.#offload);
    const frames = total(this.#local) + offloaded;
    const bins = this.#bins.map((bin) => ({ ...bin }));
    return {
      frames,
      offloaded,
      offloadShare: frames === 0 ? 0 : offloaded / frames,
      local: { ...this.#local },
      offload: { ...this.#offload },
      calls: { ...this.#calls },
      compared: bins.reduce((sum, { compared }) => sum + compared, 0),
      agreed: bins.reduce((sum, { agreed }) => sum + agreed, 0),
      bytesSent: this.#bytes.sent,
      bytesReceived: this.#bytes.received,
      callBytes: histogram(this.#callBytes),
      callMs: histogram(this.#callMs),
      localAnswerMs: histogram(this.#localAnswerMs),
      cloudAnswerMs: histogram(this.#cloudAnswerMs),
      bins,
    };
  }

  #bin(level: number): Mutable<HardnessBin> {
    return this.#bins[binOf(level)] ?? { ...emptyBin }; // binOf stays within the array
  }
}

function zeros<Key extends string>(keys: readonly Key[]): Record<Key, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<Key, number>; // one entry per key
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, n) => sum + n, 0);
}

function add(counts: BucketCounts, value: number): void {
  const bucket = bucketOf(value);
  counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
}

function histogram(counts: BucketCounts): Histogram {
  return [...counts].sort(([a], [b]) => a - b);
}
