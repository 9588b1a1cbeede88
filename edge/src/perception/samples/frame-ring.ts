/**
 * The last hours as the model saw them, sealed, in segments that are deleted whole: the oldest first, by
 * number. A power cut costs what the running segment had not handed to the disk yet; whatever was, is
 * read again, and a record that was cut in the middle ends its segment.
 */
import { join } from "node:path";
import { messageOf } from "@fieldloop/shared/errors";
import { slug, timeMs } from "@fieldloop/shared/ids";
import { sampleOpinion } from "@fieldloop/shared/samples/sample";
import * as z from "zod/mini";
import type { FileSink, Files } from "../../platform/files.ts";
import { seal, unseal } from "./seal.ts";

const recordMeta = z.object({
  camera: slug,
  frame: z.string().check(z.minLength(1), z.maxLength(128)),
  capturedAt: timeMs,
  local: sampleOpinion,
});
export type RingFrame = z.infer<typeof recordMeta> & { readonly jpeg: Uint8Array };

export interface RingLimits {
  readonly hours: number;
  /** Frames a second and camera. */
  readonly fps: number;
  readonly bytesMax: number;
}

export interface FrameRingOptions {
  readonly files: Files;
  readonly folder: string;
  readonly key: Uint8Array;
  readonly now: () => number;
}

interface Segment {
  readonly number: number;
  readonly bytes: number;
  /** When its last record was written. */
  readonly until: number;
}

const segmentBytesMax = 4 * 1024 * 1024;
/** A segment is closed, and so on the disk for sure, after this long. */
const segmentMsMax = 60_000;
const segmentName = /^(\d{1,15})\.ring$/;

export class FrameRing {
  readonly #options: FrameRingOptions;
  /** Closed ones, oldest first. */
  #segments: Segment[] = [];
  #open:
    | { number: number; sink: FileSink; bytes: number; since: number; records: number }
    | undefined;
  #nextNumber = 1;
  readonly #lastAt = new Map<string, number>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: FrameRingOptions) {
    this.#options = options;
  }

  /** Looks at what is there. Its age is that of this start: a file's own time may be of another clock. */
  async open(): Promise<void> {
    const { files, folder, now } = this.#options;
    const found: Segment[] = [];
    for (const name of await files.list(folder)) {
      const number = Number(segmentName.exec(name)?.[1] ?? Number.NaN);
      const path = join(folder, name);
      if (Number.isNaN(number)) await files.remove(path);
      else found.push({ number, bytes: (await files.size(path)) ?? 0, until: now() });
    }
    this.#segments = found.sort((a, b) => a.number - b.number);
    this.#nextNumber = (this.#segments.at(-1)?.number ?? 0) + 1;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, this.#open?.bytes ?? 0);
  }

  /** Whether the ring takes a frame of this camera now. */
  wants(camera: string, at: number, { hours, fps }: RingLimits): boolean {
    if (hours === 0) return false;
    const last = this.#lastAt.get(camera);
    // A clock that was set back does not stop the ring.
    if (last !== undefined && at >= last && at - last < 1000 / fps) return false;
    this.#lastAt.set(camera, at);
    return true;
  }

  /** @throws AppError where the disk does not take it */
  add(frame: RingFrame, limits: RingLimits): Promise<void> {
    const done = this.#last.then(() => this.#write(frame, limits));
    this.#last = done.catch(() => undefined); // the caller hears of it
    return done;
  }

  /** Frames of the ring in the order in which they were taken. */
  async *read(
    wanted: { readonly camera?: string; readonly from?: number; readonly to?: number },
    onDamage: (message: string) => void,
  ): AsyncGenerator<RingFrame> {
    await this.#closeSegment();
    const { files, folder } = this.#options;
    const { camera, from = 0, to = Number.POSITIVE_INFINITY } = wanted;
    for (const { number } of [...this.#segments]) {
      const bytes = await files.read(join(folder, `${number}.ring`));
      for (const frame of this.#framesOf(bytes ?? Buffer.alloc(0), number, onDamage)) {
        const isOf = camera === undefined || frame.camera === camera;
        if (isOf && frame.capturedAt >= from && frame.capturedAt <= to) yield frame;
      }
    }
  }

  async close(): Promise<void> {
    await this.#closeSegment();
  }

  async #write({ jpeg, ...about }: RingFrame, limits: RingLimits): Promise<void> {
    const { files, folder, key, now } = this.#options;
    const meta = Buffer.from(JSON.stringify(about));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(meta.length);
    if (this.#open === undefined) {
      const number = this.#nextNumber++;
      const sink = await files.append(join(folder, `${number}.ring`), true);
      this.#open = { number, sink, bytes: 0, since: now(), records: 0 };
    }
    const open = this.#open;
    const name = recordName(open.number, open.records);
    const sealed = seal(Buffer.concat([length, meta, jpeg]), key, name);
    const record = Buffer.alloc(4 + sealed.length);
    record.writeUInt32LE(sealed.length);
    sealed.copy(record, 4);
    await open.sink.write(record);
    open.bytes += record.length;
    open.records++;
    const isOld = Math.abs(now() - open.since) >= segmentMsMax;
    if (open.bytes >= segmentBytesMax || isOld) await this.#finishSegment();
    await this.#trim(limits);
  }

  #closeSegment(): Promise<void> {
    const done = this.#last.then(() => this.#finishSegment());
    this.#last = done.catch(() => undefined); // the caller hears of it
    return done;
  }

  async #finishSegment(): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    this.#segments.push({ number: open.number, bytes: open.bytes, until: this.#options.now() });
    await open.sink.close();
  }

  async #trim({ hours, bytesMax }: RingLimits): Promise<void> {
    const { files, folder, now } = this.#options;
    for (;;) {
      const [oldest] = this.#segments;
      if (oldest === undefined) return;
      const isOld = now() - oldest.until > hours * 3_600_000;
      if (!isOld && this.bytes <= bytesMax) return;
      this.#segments.shift();
      await files.remove(join(folder, `${oldest.number}.ring`));
    }
  }

  *#framesOf(
    bytes: Buffer,
    number: number,
    onDamage: (message: string) => void,
  ): Generator<RingFrame> {
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const length = bytes.length - at >= 4 ? bytes.readUInt32LE(at) : Number.POSITIVE_INFINITY;
      if (length > bytes.length - at - 4) {
        onDamage(`segment ${number} of the frame ring ends in the middle of record ${i}`);
        return;
      }
      const sealed = bytes.subarray(at + 4, at + 4 + length);
      at += 4 + length;
      try {
        const plain = unseal(sealed, this.#options.key, recordName(number, i));
        const end = 4 + plain.readUInt32LE(0);
        const about = recordMeta.parse(JSON.parse(plain.toString("utf8", 4, end)));
        yield { ...about, jpeg: plain.subarray(end) };
      } catch (error) {
        onDamage(messageOf(error).split("\n")[0] ?? "");
      }
    }
  }
}

/** Records cannot be moved to another place, or left out unnoticed before another. */
function recordName(segment: number, record: number): string {
  return `ring ${segment}/${record}`;
}
