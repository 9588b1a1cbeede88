/** A camera whose frames are handed over by the local HTTP API. */
import { defaultImageLimits } from "@fieldloop/shared-node/image";
import { type FrameSink, type FrameSource, frameIdCharsMax } from "./source.ts";

export interface HttpPushOptions {
  readonly frameBytesMax?: number;
  readonly now?: () => number;
}

/** What the API answers: 202, 503 or 413, or 400/409. */
export type PushResult =
  | { readonly kind: "accepted"; readonly frame: string }
  | { readonly kind: "dropped"; readonly frame: string; readonly cause: string }
  | { readonly kind: "refused"; readonly reason: string };

export class HttpPushSource implements FrameSource {
  /** Nobody has to push. */
  readonly stallMsMax = null;
  readonly #bytesMax: number;
  readonly #now: () => number;
  #sink: FrameSink | undefined;
  #pushed = 0;

  constructor({
    frameBytesMax = defaultImageLimits.frameBytesMax,
    now = Date.now,
  }: HttpPushOptions = {}) {
    this.#bytesMax = frameBytesMax;
    this.#now = now;
  }

  /**
   * Takes one encoded image.
   * @param id the caller's name for the frame; default: time and a running number
   */
  async push(bytes: Uint8Array, id?: string): Promise<PushResult> {
    const sink = this.#sink;
    if (sink === undefined) {
      return { kind: "refused", reason: "the camera is not running; start it and push again" };
    }
    if (id !== undefined && (id === "" || id.length > frameIdCharsMax)) {
      return { kind: "refused", reason: `a frame id has 1 to ${frameIdCharsMax} characters` };
    }
    if (bytes.byteLength === 0) return { kind: "refused", reason: "the request has no image" };
    const capturedAt = this.#now();
    const frame = id ?? `${capturedAt}-${this.#pushed++}`;
    if (bytes.byteLength > this.#bytesMax) {
      sink.dropped(frame, "oversized");
      return { kind: "dropped", frame, cause: "oversized" };
    }
    const offer = await sink.frame({ id: frame, capturedAt, image: { kind: "encoded", bytes } });
    return { ...offer, frame };
  }

  run(sink: FrameSink, signal: AbortSignal): Promise<void> {
    this.#sink = sink;
    return new Promise((resolve) => {
      const end = (): void => {
        this.#sink = undefined;
        resolve();
      };
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { once: true });
    });
  }
}
