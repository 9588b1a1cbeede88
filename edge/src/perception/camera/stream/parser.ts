/**
 * Cuts a stream of bytes into pictures. A parser holds at most one picture that has begun, finds its
 * way back after garbage where the format allows it, and says how much it threw away.
 */
import type { ImageInput, ImageLimits } from "@fieldloop/shared-node/image";
import { JpegStream } from "./jpeg-stream.ts";
import type { RawFormat } from "./pixel-formats.ts";
import { PpmStream } from "./ppm-stream.ts";
import { RawStream } from "./raw-stream.ts";

/** What a parser made of some bytes. */
export type Parsed =
  | { readonly kind: "frame"; readonly image: ImageInput }
  /** Bytes that belong to no picture and were skipped. */
  | { readonly kind: "garbage"; readonly bytes: number }
  /** A picture above the limits, skipped. */
  | { readonly kind: "oversized"; readonly bytes: number };

/** State of one stream; bytes may come in pieces of any size. */
export interface FrameParser {
  /** Takes the next bytes; they are not referenced afterwards. */
  push(chunk: Uint8Array): readonly Parsed[];
  /** Bytes of a picture that has begun and not ended. */
  readonly pendingBytes: number;
}

/**
 * How a stream is written: JPEG files one after another, PPM files (P6, 8 bits a sample) one after
 * another, or bare pixels of a size that is known beforehand.
 */
export type StreamFormat =
  | { readonly kind: "mjpeg" }
  | { readonly kind: "ppm" }
  | {
      readonly kind: "raw";
      readonly pixels: RawFormat;
      readonly width: number;
      readonly height: number;
    };

/** A parser at the beginning of a stream. */
export function parserOf(format: StreamFormat, limits: ImageLimits): FrameParser {
  if (format.kind === "mjpeg") return new JpegStream(limits.frameBytesMax);
  if (format.kind === "ppm") return new PpmStream(limits);
  return new RawStream(format);
}
