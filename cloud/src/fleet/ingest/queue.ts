import type { UpMessage } from "../../platform/broker/broker.ts";
import type { IngestLimits } from "./window.ts";

/** A message with the time it arrived here, Unix milliseconds. */
export interface Arrival extends UpMessage {
  readonly receivedAt: number;
}

/** What a device repeats until it is acknowledged. */
const repeated: ReadonlySet<UpMessage["channel"]> = new Set(["tm", "ev"]);

/**
 * Waiting messages, one line per device. A device's messages are handed out in their order and never
 * to two takers at once; devices take turns. When full, telemetry and events are dropped (they are
 * not acknowledged, so they come again), the rest only when the reserve is used up too.
 */
export class ArrivalQueue {
  readonly #limits: IngestLimits;
  readonly #lines = new Map<string, Arrival[]>();
  readonly #ready: string[] = [];
  readonly #taken = new Set<string>();
  #queued = 0;
  #queuedBytes = 0;

  constructor(limits: IngestLimits) {
    this.#limits = limits;
  }

  get queued(): number {
    return this.#queued;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** @returns whether the message was taken in */
  add(arrival: Arrival): boolean {
    const { queueMax, queueBytesMax, reserveMax } = this.#limits;
    const room = repeated.has(arrival.channel) ? 0 : reserveMax;
    if (this.#queued >= queueMax + room) return false;
    if (room === 0 && this.#queuedBytes + arrival.payload.length > queueBytesMax) return false;
    const line = this.#lines.get(arrival.device);
    if (line !== undefined) line.push(arrival);
    else {
      this.#lines.set(arrival.device, [arrival]);
      if (!this.#taken.has(arrival.device)) this.#ready.push(arrival.device);
    }
    this.#queued++;
    this.#queuedBytes += arrival.payload.length;
    return true;
  }

  /** The next messages of one device; `release` must follow. `undefined` where nothing is ready. */
  take(): readonly [Arrival, ...Arrival[]] | undefined {
    const device = this.#ready.shift();
    const line = device === undefined ? undefined : this.#lines.get(device);
    if (device === undefined || line === undefined) return undefined;
    let bytes = 0;
    let count = 0;
    for (const arrival of line) {
      bytes += arrival.payload.length;
      if (
        count > 0 &&
        (count >= this.#limits.batchMessagesMax || bytes > this.#limits.batchBytesMax)
      )
        break;
      count++;
    }
    const batch = line.splice(0, count);
    if (line.length === 0) this.#lines.delete(device);
    this.#taken.add(device);
    this.#queued -= batch.length;
    this.#queuedBytes -= batch.reduce((sum, arrival) => sum + arrival.payload.length, 0);
    const [first, ...rest] = batch;
    return first === undefined ? undefined : [first, ...rest]; // a line is never empty
  }

  /** The device's next messages may be taken. */
  release(device: string): void {
    this.#taken.delete(device);
    if (this.#lines.has(device)) this.#ready.push(device);
  }
}
