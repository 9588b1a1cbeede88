/** A bounded queue of frames that says what becomes of a frame it has no room for. */

/**
 * What gives way when the queue is full: the frame that waited longest (`drop-oldest`, for live
 * cameras), the new one (`drop-latest`), or nobody (`wait`: the source is slowed down, for files).
 */
export const dropPolicies = ["drop-oldest", "drop-latest", "wait"] as const;
export type DropPolicy = (typeof dropPolicies)[number];

/** What became of an item that was put in. */
export type Put<Item> =
  | { readonly kind: "queued" }
  /** Queued, and this one gave way. */
  | { readonly kind: "displaced"; readonly item: Item }
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

  put(item: Item): Put<Item> {
    if (this.#items.length < this.#framesMax) {
      this.#items.push(item);
      return { kind: "queued" };
    }
    if (this.#policy === "drop-oldest") {
      const oldest = this.#items.shift();
      this.#items.push(item);
      return oldest === undefined ? { kind: "queued" } : { kind: "displaced", item: oldest };
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
