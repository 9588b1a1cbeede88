/** A bounded queue of frames that says what becomes of a frame it has no room for. */

/**
 * What gives way when the queue is full: the frame that waited longest (`drop-oldest`, for live
 * cameras), the new one (`drop-latest`), or nobody (`wait`: the source is slowed down, for files).
 * `adaptive` is `drop-oldest` that keeps the newest frame only while more come than can be taken: the
 * whole queue is there for bursts, and no frame grows old in it under load.
 */
export const dropPolicies = ["drop-oldest", "drop-latest", "wait", "adaptive"] as const;
export type DropPolicy = (typeof dropPolicies)[number];

/** What became of an item that was put in. */
export type Put<Item> =
  | { readonly kind: "queued" }
  /** Queued, and these gave way. */
  | { readonly kind: "displaced"; readonly items: readonly Item[] }
  | { readonly kind: "refused" }
  /** Settles with true once queued, or with false when the queue is emptied first. */
  | { readonly kind: "waiting"; readonly queued: Promise<boolean> };

interface Waiter<Item> {
  readonly item: Item;
  readonly settle: (queued: boolean) => void;
}

/** Callers that may wait for room at once; one more is refused. */
const waitersMax = 8;

export class FrameQueue<Item> {
  readonly #framesMax: number;
  readonly #policy: DropPolicy;
  readonly #items: Item[] = [];
  readonly #waiters: Waiter<Item>[] = [];

  constructor(options: { readonly framesMax: number; readonly policy: DropPolicy }) {
    this.#framesMax = options.framesMax;
    this.#policy = options.policy;
  }

  /** Items in the queue and waiting for room. */
  get size(): number {
    return this.#items.length + this.#waiters.length;
  }

  /** @param isOverloaded whether more frames come than can be taken, for `adaptive` */
  put(item: Item, isOverloaded = false): Put<Item> {
    const isAdaptive = this.#policy === "adaptive";
    const most = isAdaptive && isOverloaded ? 1 : this.#framesMax;
    if (this.#items.length < most) {
      this.#items.push(item);
      return { kind: "queued" };
    }
    if (isAdaptive || this.#policy === "drop-oldest") {
      this.#items.push(item);
      return { kind: "displaced", items: this.#items.splice(0, this.#items.length - most) };
    }
    if (this.#policy === "drop-latest" || this.#waiters.length >= waitersMax) {
      return { kind: "refused" };
    }
    const queued = new Promise<boolean>((settle) => this.#waiters.push({ item, settle }));
    return { kind: "waiting", queued };
  }

  /** The oldest item; whoever waited longest takes its place. */
  take(): Item | undefined {
    const item = this.#items.shift();
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      this.#items.push(waiter.item);
      waiter.settle(true);
    }
    return item;
  }

  /** Empties the queue and returns what was in it; those who wait are told no. */
  clear(): Item[] {
    for (const { settle } of this.#waiters.splice(0)) settle(false);
    return this.#items.splice(0);
  }
}
