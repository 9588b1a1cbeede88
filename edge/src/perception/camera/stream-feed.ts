/** From the bytes of one stream to frames in a sink: what every source that reads a stream shares. */
import type { ImageLimits } from "@fieldloop/shared-node/image";
import type { RateGate } from "./rate-gate.ts";
import { type FrameSink, sourceFailed } from "./source.ts";
import { type FrameParser, type Parsed, parserOf, type StreamFormat } from "./stream/parser.ts";

export interface StreamFeedOptions {
  readonly sink: FrameSink;
  readonly format: StreamFormat;
  readonly limits: ImageLimits;
  readonly gate: RateGate;
  /** Whether bytes between pictures are normal, as the headers of a multipart answer are. */
  readonly headersBetween: boolean;
  readonly now: () => number;
}

/** After so many bytes without a single picture, the stream is of another format. */
const strangeBytesMax = 4 * 1024 * 1024;

export class StreamFeed {
  readonly #options: StreamFeedOptions;
  readonly #parser: FrameParser;
  readonly #startedAt: number;
  #count = 0;
  #garbage = 0;

  constructor(options: StreamFeedOptions) {
    this.#options = options;
    this.#parser = parserOf(options.format, options.limits);
    this.#startedAt = options.now();
  }

  /** Pictures seen so far, those left out included. */
  get frames(): number {
    return this.#count;
  }

  /** Bytes of a picture that has begun. */
  get pendingBytes(): number {
    return this.#parser.pendingBytes;
  }

  /**
   * Hands on what is complete; waits where the sink makes it wait.
   * @throws AppError `source-failed` where nothing in the stream is a picture
   */
  async push(chunk: Uint8Array): Promise<void> {
    for (const one of this.#parser.push(chunk)) {
      if (one.kind === "garbage") this.#skipped(one.bytes);
      else await this.#picture(one);
    }
  }

  #skipped(bytes: number): void {
    this.#garbage += bytes;
    if (this.#count > 0 || this.#garbage <= strangeBytesMax) return;
    throw sourceFailed(
      `${this.#garbage} bytes came and none of them is a ${this.#formatName} picture: check the format`,
    );
  }

  async #picture(one: Exclude<Parsed, { readonly kind: "garbage" }>): Promise<void> {
    const { sink, gate, now, headersBetween } = this.#options;
    const id = `${this.#startedAt}-${this.#count++}`;
    if (this.#garbage > 0 && !headersBetween) {
      const lost = `${this.#garbage} bytes that belong to no picture were skipped`;
      sink.failed(`${id}-garbage`, sourceFailed(lost));
    }
    this.#garbage = 0;
    if (one.kind === "oversized") sink.dropped(id, "oversized");
    else if (!gate.passes(performance.now())) sink.dropped(id, "rate");
    else await sink.frame({ id, capturedAt: now(), image: one.image });
  }

  get #formatName(): string {
    const { format } = this.#options;
    return format.kind === "raw" ? format.pixels : format.kind === "ppm" ? "PPM" : "JPEG";
  }
}
