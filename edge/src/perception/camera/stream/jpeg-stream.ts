/**
 * JPEG pictures one after another, with anything between them. Segments are walked by their lengths
 * (ITU-T T.81, annex B), so that a preview inside a picture does not end it.
 */
import type { FrameParser, Parsed } from "./parser.ts";

const bytesAtFirst = 64 * 1024;

const marker = 0xff;
const startOfImage = 0xd8;
const endOfImage = 0xd9;
const startOfScan = 0xda;
/** Markers that stand alone, without a length: TEM and RST0 to RST7. */
const standsAlone = (code: number) => code === 0x01 || (code >= 0xd0 && code <= 0xd7);

/** Where the walk is: between pictures, at a marker, or in the data of a scan. */
type Place = "outside" | "marker" | "scan";

export class JpegStream implements FrameParser {
  readonly #frameBytesMax: number;
  #buffer = Buffer.allocUnsafe(bytesAtFirst);
  #length = 0;
  /** Where the walk goes on; what lies before it was understood. */
  #at = 0;
  #place: Place = "outside";
  #garbage = 0;

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  get pendingBytes(): number {
    return this.#place === "outside" ? 0 : this.#length;
  }

  push(chunk: Uint8Array): readonly Parsed[] {
    const found: Parsed[] = [];
    this.#append(chunk);
    while (this.#step(found));
    if (this.#place !== "outside" && this.#length > this.#frameBytesMax) {
      found.push({ kind: "oversized", bytes: this.#length });
      this.#leave(this.#length);
    }
    this.#tellGarbage(found);
    return found;
  }

  #tellGarbage(found: Parsed[]): void {
    if (this.#garbage > 0) found.push({ kind: "garbage", bytes: this.#garbage });
    this.#garbage = 0;
  }

  /** One step of the walk; `false` where more bytes are needed. */
  #step(found: Parsed[]): boolean {
    if (this.#place === "outside") return this.#findStart();
    if (this.#place === "scan") return this.#skipScan();
    return this.#readMarker(found);
  }

  #findStart(): boolean {
    const bytes = this.#buffer.subarray(0, this.#length);
    const start = bytes.indexOf(startBytes);
    if (start < 0) {
      // The last byte may be the first half of a start.
      const keep = bytes.at(-1) === marker ? 1 : 0;
      this.#skipGarbage(this.#length - keep);
      return false;
    }
    this.#skipGarbage(start);
    this.#place = "marker";
    this.#at = 2;
    return true;
  }

  /** The data of a scan ends at the first marker that is neither stuffing nor a restart. */
  #skipScan(): boolean {
    for (;;) {
      const next = this.#buffer.subarray(0, this.#length).indexOf(marker, this.#at);
      this.#at = next < 0 ? this.#length : next;
      if (next < 0 || next + 1 >= this.#length) return false;
      const code = this.#buffer[next + 1] ?? 0;
      if (code !== 0 && !standsAlone(code)) {
        this.#place = "marker";
        return true;
      }
      this.#at = next + 2;
    }
  }

  #readMarker(found: Parsed[]): boolean {
    if (this.#at + 2 > this.#length) return false;
    const code = this.#buffer[this.#at + 1] ?? 0;
    if (this.#buffer[this.#at] !== marker || code === 0) return this.#giveUp(2);
    if (code === marker)
      this.#at += 1; // a fill byte before the marker
    else if (standsAlone(code)) this.#at += 2;
    else if (code === startOfImage) return this.#giveUp(this.#at);
    else if (code === endOfImage) this.#finish(found);
    else return this.#skipSegment(code);
    return true;
  }

  #skipSegment(code: number): boolean {
    if (this.#at + 4 > this.#length) return false;
    const bytes = this.#buffer.readUInt16BE(this.#at + 2);
    if (bytes < 2) return this.#giveUp(2);
    if (this.#at + 2 + bytes > this.#length) return false;
    this.#at += 2 + bytes;
    if (code === startOfScan) this.#place = "scan";
    return true;
  }

  #finish(found: Parsed[]): void {
    this.#tellGarbage(found);
    const end = this.#at + 2;
    if (end > this.#frameBytesMax) found.push({ kind: "oversized", bytes: end });
    else {
      const bytes = Buffer.from(this.#buffer.subarray(0, end));
      found.push({ kind: "frame", image: { kind: "encoded", bytes } });
    }
    this.#leave(end);
  }

  /** What began here is no picture, or a broken one: its first bytes are skipped. */
  #giveUp(bytes: number): boolean {
    this.#skipGarbage(bytes);
    this.#place = "outside";
    return true;
  }

  #skipGarbage(bytes: number): void {
    this.#garbage += bytes;
    this.#leave(bytes);
  }

  #leave(bytes: number): void {
    this.#buffer.copyWithin(0, bytes, this.#length);
    this.#length -= bytes;
    this.#at = 0;
    this.#place = "outside";
  }

  #append(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = needed;
  }
}

const startBytes = Uint8Array.of(marker, startOfImage);
