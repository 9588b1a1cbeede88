/**
 * A camera that another program looks through. Its observations go past the pipeline's queue and model;
 * the source is there to say whether they still come.
 */
import type { FrameSink, FrameSource } from "./source.ts";

export class ExternalSource implements FrameSource {
  readonly stallMsMax: number | null;
  #sink: FrameSink | undefined;

  /** @param stallMsMax longest silence; `null` for none */
  constructor(stallMsMax: number | null) {
    this.stallMsMax = stallMsMax;
  }

  /** Notes that the program has told something. */
  heard(): void {
    this.#sink?.heard?.();
  }

  run(sink: FrameSink, signal: AbortSignal): Promise<void> {
    this.#sink = sink;
    return new Promise((resolve) => {
      const end = () => {
        this.#sink = undefined;
        resolve();
      };
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { once: true });
    });
  }
}
