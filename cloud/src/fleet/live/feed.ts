/** Carries news from the hub to every open stream: numbers it, keeps the last, writes at most 4 Hz. */
import { randomBytes } from "node:crypto";
import type { LiveEvent } from "@fieldloop/shared/contract/live";
import { AppError } from "@fieldloop/shared/errors";
import type { LiveHub } from "../../platform/live.ts";
import { filterEvent, thingOf, type Watcher } from "./filter.ts";
import { createRing, type Numbered, type Ring } from "./ring.ts";

/** Where a stream's text goes. */
export interface Sink {
  /** Writes text; answers how many bytes wait in front of the network. */
  write(text: string): number;
  /** Ends the connection; the watcher comes back with the last id it has seen. */
  close(): void;
}

export interface LiveFeed {
  /**
   * Opens a stream. Throws 429 where there are too many.
   * @param who counts streams per caller
   * @returns a function that forgets the stream, and one that writes a sign of life
   */
  open(
    who: string,
    watcher: Watcher,
    sink: Sink,
    lastEventId: string | undefined,
  ): { readonly close: () => void; readonly beat: () => void };
  /** Streams open now. */
  readonly streams: number;
  stop(): void;
}

export interface LiveFeedLimits {
  readonly eventsKept: number;
  readonly streamsMax: number;
  readonly streamsPerCallerMax: number;
  /** Events one stream may have waiting; above it the watcher is told to fetch everything. */
  readonly pendingMax: number;
  /** Bytes a slow reader may leave in front of the network before the stream is closed. */
  readonly backlogBytesMax: number;
  /** Shortest time between two writes to a stream, and so between two words on one thing. */
  readonly everyMs: number;
}

const defaults: LiveFeedLimits = {
  eventsKept: 5000,
  streamsMax: 256,
  streamsPerCallerMax: 24,
  pendingMax: 2000,
  backlogBytesMax: 1024 * 1024,
  everyMs: 250,
};

export function createLiveFeed(hub: LiveHub, given: Partial<LiveFeedLimits> = {}): LiveFeed {
  const limits = { ...defaults, ...given };
  const ring = createRing(randomBytes(6).toString("hex"), limits.eventsKept);
  const streams = new Map<Stream, string>();
  const unsubscribe = hub.subscribe((event) => {
    const numbered = ring.push(event);
    for (const stream of streams.keys()) stream.offer(numbered);
  });
  return {
    open: (who, watcher, sink, lastEventId) => {
      requireRoom(streams, who, limits);
      const stream = new Stream({ watcher, sink, ring, limits });
      streams.set(stream, who);
      stream.greet(lastEventId);
      const close = () => {
        streams.delete(stream);
        stream.stop();
      };
      return { close, beat: () => stream.beat() };
    },
    get streams() {
      return streams.size;
    },
    stop: () => {
      unsubscribe();
      for (const stream of streams.keys()) stream.end();
      streams.clear();
    },
  };
}

function requireRoom(
  streams: ReadonlyMap<Stream, string>,
  who: string,
  limits: LiveFeedLimits,
): void {
  const own = [...streams.values()].filter((other) => other === who).length;
  if (streams.size < limits.streamsMax && own < limits.streamsPerCallerMax) return;
  throw new AppError({
    code: "too-many-streams",
    status: 429,
    retryable: true,
    message:
      own >= limits.streamsPerCallerMax
        ? `you have ${own} live streams open, as many as one may; close a tab`
        : `${streams.size} live streams are open, as many as this server carries; try again later`,
  });
}

interface StreamOptions {
  readonly watcher: Watcher;
  readonly sink: Sink;
  readonly ring: Ring;
  readonly limits: LiveFeedLimits;
}

/** One open connection: what waits for it, newest per thing. */
class Stream {
  readonly #options: StreamOptions;
  #pending = new Map<string | number, Numbered>();
  #timer: NodeJS.Timeout | undefined;
  #flushedAt = Number.NEGATIVE_INFINITY;
  #ended = false;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** The first bytes: how fast to come back, and what was missed. */
  greet(lastEventId: string | undefined): void {
    const { ring } = this.#options;
    // Whoever comes back keeps their id until what they missed is on its way.
    const id = lastEventId === undefined ? `id: ${ring.idOf(ring.newest)}\n` : "";
    this.#write(`retry: 2000\n${id}\n`);
    if (lastEventId === undefined) return;
    const missed = ring.after(lastEventId);
    if (missed === undefined) this.offer({ number: ring.newest, event: { kind: "resync" } });
    else for (const numbered of missed) this.offer(numbered);
  }

  /** Queues an event, in the place of an older word on the same thing. */
  offer({ number, event }: Numbered): void {
    const shown = filterEvent(event, this.#options.watcher);
    if (shown === undefined || this.#ended) return;
    const key = thingOf(shown) ?? number;
    this.#pending.delete(key); // so that the order stays that of the numbers
    this.#pending.set(key, { number, event: shown });
    if (this.#pending.size > this.#options.limits.pendingMax)
      this.#pending = new Map([["resync", { number, event: { kind: "resync" } }]]);
    this.#arm();
  }

  /** A sign of life, which also moves the last event id on: what was filtered need not be replayed. */
  beat(): void {
    const { ring } = this.#options;
    const id = this.#pending.size === 0 ? `id: ${ring.idOf(ring.newest)}\n` : "";
    this.#write(`event: ping\n${id}data: {}\n\n`); // an event, since a page cannot see comments
  }

  stop(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  end(): void {
    this.stop();
    this.#options.sink.close();
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    const waitMs = this.#flushedAt + this.#options.limits.everyMs - performance.now();
    this.#timer = setTimeout(() => this.#flush(), Math.max(0, waitMs));
  }

  #flush(): void {
    this.#timer = undefined;
    this.#flushedAt = performance.now();
    const events = [...this.#pending.values()];
    this.#pending.clear();
    const { ring } = this.#options;
    this.#write(events.map(({ number, event }) => frameText(ring.idOf(number), event)).join(""));
  }

  #write(text: string): void {
    if (this.#ended || text === "") return;
    if (this.#options.sink.write(text) > this.#options.limits.backlogBytesMax) this.end();
  }
}

/** One server-sent event (WHATWG HTML, 9.2). JSON holds no line breaks. */
export function frameText(id: string, event: LiveEvent): string {
  return `id: ${id}\ndata: ${JSON.stringify(event)}\n\n`;
}
