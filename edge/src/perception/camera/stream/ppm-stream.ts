/**
 * PPM pictures (netpbm "P6", 8 bits a sample) one after another. Each says its own size, so a stream
 * may change it at any time.
 */
import type { ImageLimits } from "@fieldloop/shared-node/image";
import type { FrameParser, Parsed } from "./parser.ts";

/** A header with comments that is longer than this is none. */
const headerBytesMax = 256;

/** What can be said of the first bytes of a picture. */
type Header =
  | { readonly kind: "picture"; readonly width: number; readonly height: number; bytes: number }
  | { readonly kind: "incomplete" }
  | { readonly kind: "none" };

interface Picture {
  readonly width: number;
  readonly height: number;
  /** `undefined` where it is above the limits and only skipped. */
  readonly data: Buffer | undefined;
  readonly bytes: number;
  done: number;
}

export class PpmStream implements FrameParser {
  readonly #limits: ImageLimits;
  #head: Buffer = Buffer.alloc(0);
  #picture: Picture | undefined;

  constructor(limits: ImageLimits) {
    this.#limits = limits;
  }

  get pendingBytes(): number {
    return this.#picture?.done ?? this.#head.length;
  }

  push(chunk: Uint8Array): readonly Parsed[] {
    const found: Parsed[] = [];
    let garbage = 0;
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (rest.length > 0) {
      if (this.#picture !== undefined) {
        rest = rest.subarray(this.#fill(this.#picture, rest, found));
        continue;
      }
      const bytes = Buffer.concat([this.#head, rest]);
      const header = readHeader(bytes);
      this.#head = Buffer.alloc(0);
      if (header.kind === "picture") {
        if (garbage > 0) found.push({ kind: "garbage", bytes: garbage });
        garbage = 0;
        this.#picture = this.#begin(header.width, header.height);
        rest = bytes.subarray(header.bytes);
        if (rest.length > 0) continue;
        break;
      }
      if (header.kind === "incomplete") {
        this.#head = bytes;
        break;
      }
      const next = nextStart(bytes);
      garbage += next;
      rest = bytes.subarray(next);
    }
    if (garbage > 0) found.push({ kind: "garbage", bytes: garbage });
    return found;
  }

  #begin(width: number, height: number): Picture {
    const bytes = width * height * 3;
    const { frameBytesMax, framePixelsMax } = this.#limits;
    const fits = bytes <= frameBytesMax && width * height <= framePixelsMax;
    const data = fits ? Buffer.allocUnsafe(bytes) : undefined;
    return { width, height, data, bytes, done: 0 };
  }

  /** Copies what belongs to the picture; returns how many bytes that was. */
  #fill(picture: Picture, bytes: Buffer, found: Parsed[]): number {
    const taken = Math.min(bytes.length, picture.bytes - picture.done);
    picture.data?.set(bytes.subarray(0, taken), picture.done);
    picture.done += taken;
    if (picture.done < picture.bytes) return taken;
    const { width, height, data } = picture;
    this.#picture = undefined;
    if (data === undefined) found.push({ kind: "oversized", bytes: picture.bytes });
    else found.push({ kind: "frame", image: { kind: "raw", data, width, height } });
    return taken;
  }
}

/** Bytes before the next that could begin a picture, at least 1. */
function nextStart(bytes: Buffer): number {
  const next = bytes.indexOf("P", 1, "latin1");
  return next < 0 ? bytes.length : next;
}

const grammar = /^P6(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+(\d+)(?:\s|#[^\n]*\n)+255\s/;
/** What the beginning of a header may look like, up to any byte of it. */
const beginning = /^P(?:6(?:[\s\d]|#[^\n]*(?:\n|$))*)?$/;

function readHeader(bytes: Buffer): Header {
  const text = bytes.toString("latin1", 0, headerBytesMax);
  const header = grammar.exec(text);
  if (header !== null) {
    const [width, height] = [Number(header[1]), Number(header[2])];
    const possible = width > 0 && height > 0 && Number.isSafeInteger(width * height * 3);
    return possible
      ? { kind: "picture", width, height, bytes: header[0].length }
      : { kind: "none" };
  }
  const open = text.length < headerBytesMax && beginning.test(text);
  return { kind: open ? "incomplete" : "none" };
}
