/**
 * Keeps a source running.
 *
 *   starting ─ frame ─→ streaming ─ silence ─→ stalled
 *      ↑  └─ throws, silence ─┐  └─ throws ─┐     │
 *      └───── the wait ───── backing-off, or failed after several lives without a picture
 *
 * From every state: stopped, when told to, or when the source has no more pictures.
 */
import { messageOf } from "@fieldloop/shared/errors";
import {
  defaultSupervisionLimits,
  ended,
  noLives,
  type SupervisionLimits,
  started,
} from "../../platform/supervision.ts";
import { SilenceAlarm } from "./silence-alarm.ts";
import type { FrameSink, FrameSource, SourceState } from "./source.ts";

export interface CameraOptions {
  readonly name: string;
  readonly source: FrameSource;
  readonly sink: FrameSink;
  /** Called on every change, with the reason where there is one. */
  readonly onState?: (state: SourceState, reason: string | null) => void;
  readonly limits?: SupervisionLimits;
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

/** A stream may need this long to its first picture: connecting, and waiting for a key frame. */
const firstFrameMsMax = 15_000;

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
    const { limits = defaultSupervisionLimits, random = Math.random } = this.#options;
    let lives = noLives;
    while (!stop.aborted) {
      this.#enter("starting", this.#reason);
      lives = started(lives, performance.now());
      const life = await this.#runOnce(stop);
      if (stop.aborted || life.reason === null) break;
      const next = ended(lives, life.hadFrames, performance.now(), limits, random());
      lives = next.lives;
      this.#enter(next.state, life.reason);
      await sleep(next.delayMs, stop);
      this.#restarts++;
    }
    this.#enter("stopped", null);
  }

  /** One life of the source, and why it ended; `null` where it has no more pictures. */
  async #runOnce(
    stop: AbortSignal,
  ): Promise<{ readonly hadFrames: boolean; readonly reason: string | null }> {
    const { source, sink } = this.#options;
    const stalled = new AbortController();
    let hadFrames = false;
    let reason: string | null = null;
    const alarm = this.#listen((ms) => {
      reason = `no frame for ${ms} ms`;
      this.#enter("stalled", reason);
      stalled.abort();
    });
    const seen = (): void => {
      if (stalled.signal.aborted) return;
      hadFrames = true;
      if (this.#state !== "streaming") this.#enter("streaming", null);
    };
    const watched: FrameSink = {
      heard: () => {
        alarm?.heard();
        seen();
      },
      dropped: (frameId, cause) => {
        alarm?.heard(); // left out, but there
        sink.dropped(frameId, cause);
      },
      failed: (frameId, error) => sink.failed(frameId, error),
      frame: (frame) => {
        seen();
        return alarm === undefined ? sink.frame(frame) : alarm.hold(() => sink.frame(frame));
      },
    };
    try {
      await source.run(watched, AbortSignal.any([stop, stalled.signal]));
    } catch (error) {
      reason ??= messageOf(error);
    } finally {
      alarm?.stop();
    }
    return { hadFrames, reason };
  }

  #listen(onSilence: (ms: number) => void): SilenceAlarm | undefined {
    const silenceMsMax = this.#options.source.stallMsMax;
    if (silenceMsMax === null) return undefined;
    const startMsMax = Math.max(silenceMsMax, firstFrameMsMax);
    return new SilenceAlarm({ silenceMsMax, startMsMax, onSilence });
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
