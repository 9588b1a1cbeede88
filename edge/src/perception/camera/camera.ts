/**
 * Keeps a source running.
 *
 *   starting ─ frame ─→ streaming ─ silence ─→ stalled ─┐
 *      ↑                    └─ throws ──→ failed ───────┤
 *      └──────────────────── back-off ──────────────────┘      stop, or the source ends: stopped
 */
import { type BackoffLimits, backoffMs } from "@fieldloop/shared/backoff";
import { messageOf } from "@fieldloop/shared/errors";
import type { FrameSink, FrameSource, SourceState } from "./source.ts";

export interface CameraOptions {
  readonly name: string;
  readonly source: FrameSource;
  readonly sink: FrameSink;
  /** Called on every change, with the reason where there is one. */
  readonly onState?: (state: SourceState, reason: string | null) => void;
  readonly backoff?: BackoffLimits;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
}

/** What is known about a camera, for the local status. */
export interface CameraStatus {
  readonly name: string;
  readonly state: SourceState;
  readonly reason: string | null;
  /** Times the source was started again. */
  readonly restarts: number;
}

const defaultBackoff: BackoffLimits = { delayMsMin: 500, delayMsMax: 30_000 };

export class Camera {
  readonly #options: CameraOptions;
  #state: SourceState = "stopped";
  #reason: string | null = null;
  #restarts = 0;
  #stopping: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: CameraOptions) {
    this.#options = options;
  }

  status(): CameraStatus {
    const { name } = this.#options;
    return { name, state: this.#state, reason: this.#reason, restarts: this.#restarts };
  }

  /** Starts the source; a second call while it runs changes nothing. */
  start(): void {
    if (this.#stopping !== undefined) return;
    this.#stopping = new AbortController();
    this.#running = this.#supervise(this.#stopping.signal);
  }

  /** Stops the source and waits until it has let go of its device. */
  async stop(): Promise<void> {
    this.#stopping?.abort();
    await this.#running;
    this.#stopping = undefined;
  }

  async #supervise(stop: AbortSignal): Promise<void> {
    const { backoff = defaultBackoff, random = Math.random } = this.#options;
    let failures = 0;
    while (!stop.aborted) {
      this.#enter("starting", this.#reason);
      const ended = await this.#runOnce(stop);
      if (stop.aborted || ended === "ended") break;
      failures = ended === "had frames" ? 0 : failures + 1;
      await sleep(backoffMs(failures, backoff, random()), stop);
      this.#restarts++;
    }
    this.#enter("stopped", null);
  }

  /** One life of the source. */
  async #runOnce(stop: AbortSignal): Promise<"ended" | "had frames" | "no frames"> {
    const { source, sink } = this.#options;
    const stalled = new AbortController();
    const silence = source.stallMsMax ?? 0;
    let frames = false;
    let offering = 0; // a frame that waits for room is the queue's silence and not the camera's
    const alarm =
      silence > 0
        ? setTimeout(() => {
            if (offering > 0) {
              alarm?.refresh();
              return;
            }
            this.#enter("stalled", `no frame for ${silence} ms`);
            stalled.abort();
          }, silence)
        : undefined;
    const watched: FrameSink = {
      dropped: (frameId, cause) => sink.dropped(frameId, cause),
      failed: (frameId, error) => sink.failed(frameId, error),
      frame: async (frame) => {
        if (!stalled.signal.aborted) {
          frames = true;
          if (this.#state !== "streaming") this.#enter("streaming", null);
        }
        offering++;
        try {
          return await sink.frame(frame);
        } finally {
          offering--;
          alarm?.refresh();
        }
      },
    };
    try {
      await source.run(watched, AbortSignal.any([stop, stalled.signal]));
      if (!stalled.signal.aborted) return "ended";
    } catch (error) {
      this.#enter("failed", messageOf(error));
    } finally {
      clearTimeout(alarm);
    }
    return frames ? "had frames" : "no frames";
  }

  #enter(state: SourceState, reason: string | null): void {
    if (state === this.#state && reason === this.#reason) return;
    this.#state = state;
    this.#reason = reason;
    this.#options.onState?.(state, reason);
  }
}

/** Waits, or returns at once when `signal` aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
