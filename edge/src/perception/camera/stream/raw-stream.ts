/**
 * Bare pixels of a fixed size, picture after picture. Nothing in them says where one begins: a writer
 * that loses a byte shifts all that follows, which is why recipes prefer formats that name themselves.
 */
import type { FrameParser, Parsed } from "./parser.ts";
import { type RawFormat, rawFrameBytes, toRgb } from "./pixel-formats.ts";

export class RawStream implements FrameParser {
  readonly #format: { readonly pixels: RawFormat; readonly width: number; readonly height: number };
  readonly #frameBytes: number;
  #data: Buffer;
  #done = 0;

  constructor(format: {
    readonly pixels: RawFormat;
    readonly width: number;
    readonly height: number;
  }) {
    this.#format = format;
    this.#frameBytes = rawFrameBytes(format.pixels, format.width, format.height);
    this.#data = Buffer.allocUnsafe(this.#frameBytes);
  }

  get pendingBytes(): number {
    return this.#done;
  }

  push(chunk: Uint8Array): readonly Parsed[] {
    const { pixels, width, height } = this.#format;
    const found: Parsed[] = [];
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(chunk.length - at, this.#frameBytes - this.#done);
      this.#data.set(chunk.subarray(at, at + taken), this.#done);
      at += taken;
      this.#done += taken;
      if (this.#done < this.#frameBytes) break;
      const data = toRgb(this.#data, pixels, width, height);
      found.push({ kind: "frame", image: { kind: "raw", data, width, height } });
      // Pixels that are RGB already were handed over with their buffer.
      if (data === this.#data) this.#data = Buffer.allocUnsafe(this.#frameBytes);
      this.#done = 0;
    }
    return found;
  }
}
