/**
 * The live stream of this tab: one EventSource on `/api/v1/live`, limited to one device while its
 * page is open.
 *
 *   idle → connecting → live ⇄ broken → connecting …      paused while the tab is long hidden
 *
 * The browser reconnects by itself with `Last-Event-ID`; where the stream stays silent longer than
 * `silenceMsMax` it counts as broken and is opened anew.
 */
import { type LiveEvent, liveEvent } from "@fieldloop/shared/contract/live";

export type LiveState = "connecting" | "live" | "broken" | "paused";

export interface LiveStatus {
  readonly state: LiveState;
  /** When anything was last heard, heartbeats included; `undefined` before the first. */
  readonly heardAt: number | undefined;
}

export const liveLimits = {
  /** Silence that counts as broken where the server sends `ping` events. */
  silenceMsMax: 15_000,
  /** The same where it sends comments only, which a browser does not show to the page. */
  quietMsMax: 60_000,
  /** How long after that the stream is opened anew. */
  reopenAfterMs: 5000,
  hiddenMsMax: 5 * 60_000,
  checkEveryMs: 1000,
  /** Changes are handed over together, at most this often, so that a busy fleet cannot flood React. */
  flushEveryMs: 100,
} as const;

export interface LiveStreamOptions {
  readonly onEvents: (events: readonly LiveEvent[]) => void;
  /** What was missed is unknown: after a pause, or when the server says so. */
  readonly onGap: () => void;
  readonly openSource?: (url: string) => EventSource;
  readonly now?: () => number;
}

export class LiveStream {
  readonly #options: LiveStreamOptions;
  readonly #now: () => number;
  readonly #listeners = new Set<() => void>();
  #status: LiveStatus = { state: "connecting", heardAt: undefined };
  #source: EventSource | undefined;
  #device: string | undefined;
  #openedAt = 0;
  #missed = false;
  #pings = false;
  #hiddenSince: number | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #flush: ReturnType<typeof setTimeout> | undefined;
  #pending: LiveEvent[] = [];

  constructor(options: LiveStreamOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  start(): void {
    if (this.#timer !== undefined) return;
    this.#open();
    this.#timer = setInterval(() => this.#check(), liveLimits.checkEveryMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#flush);
    this.#timer = undefined;
    this.#flush = undefined;
    this.#close();
    this.#set({ state: "connecting", heardAt: undefined });
  }

  /** Also hear results, windows, events and frames of one device, or of all (`undefined`). */
  focus(device: string | undefined): void {
    if (device === this.#device) return;
    this.#device = device;
    if (this.#source === undefined) return;
    this.#missed = true; // what happens between the two connections
    this.#open();
  }

  /** Tells whether the page can be seen; a stream nobody looks at is closed after a while. */
  visible(isVisible: boolean): void {
    this.#hiddenSince = isVisible ? undefined : this.#now();
    if (!isVisible || this.#status.state !== "paused") return;
    this.#missed = true;
    this.#open();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly status = (): LiveStatus => this.#status;

  #open(): void {
    this.#close();
    const query = this.#device === undefined ? "" : `?device=${encodeURIComponent(this.#device)}`;
    const url = `/api/v1/live${query}`;
    const source = this.#options.openSource?.(url) ?? new EventSource(url);
    this.#source = source;
    this.#openedAt = this.#now();
    if (this.#status.state === "paused") this.#set({ ...this.#status, state: "connecting" });
    const isCurrent = () => source === this.#source;
    source.onopen = () => isCurrent() && this.#heard();
    source.addEventListener("ping", () => {
      this.#pings = true;
      if (isCurrent()) this.#heard();
    });
    source.onmessage = (message) => isCurrent() && this.#receive(message.data);
    source.onerror = () => isCurrent() && this.#failed();
  }

  #close(): void {
    this.#source?.close();
    this.#source = undefined;
  }

  #receive(data: unknown): void {
    this.#heard();
    const event = parseEvent(data);
    if (event === undefined) return;
    this.#pending.push(event);
    this.#flush ??= setTimeout(() => {
      this.#flush = undefined;
      const events = this.#pending;
      this.#pending = [];
      this.#options.onEvents(events);
    }, liveLimits.flushEveryMs);
  }

  #heard(): void {
    const hasGap = this.#missed || this.#status.state === "broken";
    this.#missed = false;
    this.#set({ state: "live", heardAt: this.#now() });
    if (hasGap) this.#options.onGap();
  }

  #failed(): void {
    if (this.#status.state === "live") this.#set({ ...this.#status, state: "connecting" });
  }

  /** Once a second: is the stream silent for too long, or hidden for too long? */
  #check(): void {
    const now = this.#now();
    const { state, heardAt } = this.#status;
    if (state === "paused") return;
    if (this.#hiddenSince !== undefined && now - this.#hiddenSince > liveLimits.hiddenMsMax) {
      this.#close();
      this.#set({ state: "paused", heardAt });
      return;
    }
    const isQuiet = state === "live" && !this.#pings;
    const silenceMsMax = isQuiet ? liveLimits.quietMsMax : liveLimits.silenceMsMax;
    const silentMs = now - (heardAt ?? this.#openedAt);
    if (silentMs > silenceMsMax && state !== "broken") this.#set({ state: "broken", heardAt });
    const triedMs = now - Math.max(this.#openedAt, heardAt ?? 0);
    if (triedMs > silenceMsMax + liveLimits.reopenAfterMs) this.#open();
  }

  #set(status: LiveStatus): void {
    this.#status = status;
    for (const listener of this.#listeners) listener();
  }
}

/** A live event, or `undefined` for one that a newer server sends and this page does not know. */
export function parseEvent(data: unknown): LiveEvent | undefined {
  try {
    const parsed = liveEvent.safeParse(JSON.parse(String(data)));
    if (parsed.success) return parsed.data;
    console.warn("a live event was ignored:", parsed.error.issues[0]?.message);
  } catch (error) {
    console.warn("a live event was not readable:", error);
  }
  return undefined;
}
