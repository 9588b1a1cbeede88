/**
 * Hard samples and the frame ring as the agent holds them. Looking at a frame is cheap; what is kept is
 * encoded afterwards, one at a time, and what does not fit in the waiting list is counted.
 */
import { join } from "node:path";
import { messageOf } from "@fieldloop/shared/errors";
import {
  type SampleOpinion,
  type SampleReason,
  sampleLimits,
} from "@fieldloop/shared/samples/sample";
import type { SampleSettings } from "@fieldloop/shared/samples/settings";
import type { Decision } from "@fieldloop/shared/vision/decide";
import { differenceHash } from "@fieldloop/shared/vision/difference-hash";
import { pixelate } from "@fieldloop/shared-node/blur";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { encodeJpeg, type ImageInput, loadRaw, loadSmall } from "@fieldloop/shared-node/image";
import * as z from "zod/mini";
import type { Files } from "../../platform/files.ts";
import { choose, worth } from "./choose.ts";
import { FrameRing } from "./frame-ring.ts";
import { Likeness } from "./likeness.ts";
import { admit, newQuota, type QuotaState, quotaState } from "./quota.ts";
import { type KeptSample, SampleStore } from "./sample-store.ts";
import { deviceKey } from "./seal.ts";
import { type Outgoing, Uploader, type UploaderOptions } from "./uploader.ts";

/** A frame with what was said about it. */
export interface SeenFrame {
  readonly camera: string;
  readonly frame: string;
  readonly capturedAt: number;
  readonly image: ImageInput;
  /** Width of the model's input, pixels: what the ring keeps. */
  readonly modelWidth: number;
  readonly local: { readonly model: string; readonly decision: Decision };
  readonly cloud: { readonly model: string; readonly decision: Decision } | null;
  readonly hardness: number | null;
  readonly differs: boolean | null;
  readonly cameraEvent: boolean;
}

/** Why a frame that was worth it was not kept. */
export const leftOutCauses = ["alike", "quota", "room", "busy", "failed"] as const;
export type LeftOutCause = (typeof leftOutCauses)[number];

export interface SampleStats {
  readonly kept: number;
  readonly reasons: Readonly<Partial<Record<SampleReason, number>>>;
  readonly leftOut: Readonly<Partial<Record<LeftOutCause, number>>>;
  /** On the disk now. */
  readonly stored: number;
  readonly storedBytes: number;
  readonly sent: number;
  /** Cannot leave: nothing says where to blur. */
  readonly unblurrable: number;
  readonly ringBytes: number;
}

export interface SamplesOptions {
  readonly files: Files;
  /** Holds samples, ring and quota. */
  readonly folder: string;
  /** File of the device's key. */
  readonly keyPath: string;
  readonly settings: SampleSettings;
  readonly cloud: UploaderOptions["cloud"] | null;
  readonly now: () => number;
  readonly random: () => number;
  readonly onEvent: (kind: string, message: string) => void;
  readonly backoff?: UploaderOptions["backoff"];
}

/** Frames whose encoding waits; each holds its picture in memory. */
const waitingMax = 4;
const hashPixels = 36;

const savedState = z.object({ quota: quotaState, sentDay: z.int(), sentBytes: z.int() });

export class Samples {
  readonly #options: SamplesOptions;
  readonly #likeness = new Likeness();
  readonly #reasons = new Map<SampleReason, number>();
  readonly #leftOut = new Map<LeftOutCause, number>();
  #settings: SampleSettings;
  #store: SampleStore | undefined;
  #ring: FrameRing | undefined;
  #uploader: Uploader | undefined;
  #quota: QuotaState = newQuota();
  #sent = { day: 0, bytes: 0, count: 0 };
  #kept = 0;
  #waiting = 0;
  #working: Promise<void> = Promise.resolve();
  /** Told once, until settings change. */
  readonly #said = new Set<string>();
  readonly #unblurrable = new Set<string>();

  constructor(options: SamplesOptions) {
    this.#options = options;
    this.#settings = options.settings;
  }

  /** Takes up what is there; a damaged key is told, and nothing is kept then. */
  async open(): Promise<void> {
    const { files, folder, keyPath, cloud, now, random, backoff } = this.#options;
    try {
      const key = await deviceKey(files, keyPath);
      const onFault = (message: string) => this.#say("sample-damaged", message);
      const store = new SampleStore({ files, folder: join(folder, "samples"), key, onFault });
      const ring = new FrameRing({ files, folder: join(folder, "ring"), key, now });
      await store.open();
      await ring.open();
      await this.#restore();
      [this.#store, this.#ring] = [store, ring];
    } catch (error) {
      this.#say("samples-off", `no samples are kept: ${messageOf(error)}`);
      return;
    }
    if (cloud === null) return;
    this.#uploader = new Uploader({
      cloud,
      random,
      ...(backoff && { backoff }),
      next: () => this.#nextOutgoing(),
      isAllowed: () => this.#settings.upload.allowed,
      onSent: (outgoing) => this.#wasSent(outgoing),
      onRefused: async ({ about }, reason) => {
        await this.#store?.remove(this.#originOf.get(about) ?? "");
        this.#say("sample-refused", `the cloud refused a sample, which is dropped: ${reason}`);
      },
      onForbidden: (reason) => this.#say("samples-forbidden", `no samples are sent: ${reason}`),
    });
    this.#uploader.start();
  }

  configure(settings: SampleSettings): void {
    if (JSON.stringify(settings) === JSON.stringify(this.#settings)) return;
    this.#settings = settings;
    this.#said.clear();
    this.#unblurrable.clear();
    this.#uploader?.kick(true);
  }

  /** Looks at a frame; what is worth it is kept a little later. Never throws, never waits. */
  consider(seen: SeenFrame): void {
    const settings = this.#settings;
    const { local, camera, capturedAt } = seen;
    const ring = this.#ring;
    if (ring === undefined || this.#store === undefined) return;
    const inRing = ring.wants(camera, capturedAt, settings.ring);
    const considered = { ...seen, local: local.decision };
    const choice = settings.enabled ? choose(considered, settings) : undefined;
    if (choice === undefined && !inRing) return;
    if (this.#waiting >= waitingMax) {
      this.#leave("busy");
      return;
    }
    this.#waiting++;
    this.#working = this.#working
      .then(async () => {
        if (inRing) await this.#toRing(ring, seen);
        if (choice !== undefined) await this.#keep(seen, choice.reasons, choice.share);
      })
      .catch((error) => {
        this.#leave("failed");
        this.#say("sample-failed", `a sample could not be kept: ${messageOf(error)}`);
      })
      .finally(() => {
        this.#waiting--;
      });
  }

  stats(): SampleStats {
    const entries = this.#store?.entries ?? [];
    return {
      kept: this.#kept,
      reasons: Object.fromEntries(this.#reasons),
      leftOut: Object.fromEntries(this.#leftOut),
      stored: entries.length,
      storedBytes: entries.reduce((sum, { bytes }) => sum + bytes, 0),
      sent: this.#sent.count,
      unblurrable: this.#unblurrable.size,
      ringBytes: this.#ring?.bytes ?? 0,
    };
  }

  /** Frames of the ring, oldest first, to try another model on. */
  ringFrames(wanted: Parameters<FrameRing["read"]>[0]): ReturnType<FrameRing["read"]> | undefined {
    return this.#ring?.read(wanted, (message) => this.#say("ring-damaged", message));
  }

  /** Waits until everything considered so far has been kept or left out. */
  async settle(): Promise<void> {
    await this.#working;
  }

  async stop(): Promise<void> {
    await this.#uploader?.stop();
    await this.#working;
    await this.#ring?.close();
  }

  async #toRing(ring: FrameRing, seen: SeenFrame): Promise<void> {
    const { camera, frame, capturedAt, image, modelWidth, local } = seen;
    const jpeg = await encodeJpeg(image, {
      widthMax: modelWidth,
      bytesMax: sampleLimits.bytesMax,
    });
    const about = { camera, frame, capturedAt: Math.round(capturedAt), local: opinionOf(local) };
    await ring.add({ ...about, jpeg }, this.#settings.ring);
  }

  async #keep(seen: SeenFrame, reasons: readonly SampleReason[], share: number): Promise<void> {
    const settings = this.#settings;
    const store = this.#store;
    if (store === undefined) return;
    const { camera, capturedAt, image, local, cloud } = seen;
    const small = await loadSmall(image, hashPixels);
    const hash = differenceHash(small);
    // Random ones stand for all frames, so likeness must not thin them out.
    const isRandom = reasons.includes("random");
    if (!isRandom && this.#likeness.isKnown(camera, hash, capturedAt, settings)) {
      this.#leave("alike");
      return;
    }
    const { widthMax } = settings;
    const jpeg = await encodeJpeg(image, { widthMax, bytesMax: sampleLimits.bytesMax });
    const quota = admit(this.#quota, jpeg.length, this.#options.now(), settings);
    this.#quota = quota.state;
    if (!quota.admitted) {
      this.#leave("quota");
      return;
    }
    const { width, height } = await loadRaw({ kind: "encoded", bytes: jpeg });
    const about = {
      camera,
      frame: seen.frame,
      capturedAt: Math.max(0, Math.round(capturedAt)),
      reasons: [...reasons],
      share,
      hardness: seen.hardness,
      local: opinionOf(local),
      cloud: cloud && opinionOf(cloud),
      blurred: false,
      width,
      height,
      bytes: jpeg.length,
    };
    const digest = sha256Of(jpeg);
    if (store.has(digest)) {
      this.#leave("alike");
      return;
    }
    if (!(await store.keep({ digest, about, jpeg }, worth(reasons), settings.diskBytesMax))) {
      this.#leave("room");
      return;
    }
    this.#likeness.remember(camera, hash, capturedAt);
    this.#kept++;
    for (const reason of reasons) this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
    await this.#save();
    this.#uploader?.kick();
  }

  /** Which kept sample an announcement stands for: blurring makes another picture of it. */
  readonly #originOf = new WeakMap<object, string>();

  async #nextOutgoing(): Promise<Outgoing | undefined> {
    const { upload } = this.#settings;
    const waiting = (this.#store?.entries ?? [])
      .filter(({ isSent, digest }) => !isSent && !this.#unblurrable.has(digest))
      .sort((a, b) => b.worth - a.worth || a.at - b.at);
    for (const { digest } of waiting) {
      const kept = await this.#store?.read(digest);
      if (kept === undefined) continue;
      const outgoing = upload.blur === "detections" ? await this.#blurred(kept) : kept;
      if (outgoing === undefined) continue;
      if (!this.#fitsToday(outgoing.jpeg.length)) return undefined;
      this.#originOf.set(outgoing.about, digest);
      return outgoing;
    }
    return undefined;
  }

  /** `undefined` where nothing says what to blur: then the picture does not leave. */
  async #blurred({ digest, about, jpeg }: KeptSample): Promise<Outgoing | undefined> {
    const { blurLabels } = this.#settings.upload;
    const { detections } = about.local;
    if (detections === null) {
      this.#unblurrable.add(digest);
      const what = "samples of a classifier are not sent: it does not say where to blur";
      this.#say("samples-unblurred", what);
      return undefined;
    }
    const boxes = detections
      .filter(({ label }) => blurLabels.length === 0 || blurLabels.includes(label))
      .map(({ box }) => box);
    const picture = pixelate(await loadRaw({ kind: "encoded", bytes: jpeg }), boxes);
    const { width } = picture;
    const bytes = await encodeJpeg(
      { kind: "raw", ...picture },
      { widthMax: width, bytesMax: sampleLimits.bytesMax },
    );
    const blurred = { ...about, blurred: true, bytes: bytes.length };
    return { digest: sha256Of(bytes), about: blurred, jpeg: bytes };
  }

  #fitsToday(bytes: number): boolean {
    const day = Math.floor(this.#options.now() / 86_400_000);
    if (this.#sent.day !== day) this.#sent = { ...this.#sent, day, bytes: 0 };
    return this.#sent.bytes + bytes <= this.#settings.upload.bytesPerDayMax;
  }

  async #wasSent({ about, jpeg }: Outgoing): Promise<void> {
    const { day, bytes, count } = this.#sent;
    this.#sent = { day, bytes: bytes + jpeg.length, count: count + 1 };
    await this.#store?.sent(this.#originOf.get(about) ?? "");
    await this.#save();
  }

  async #restore(): Promise<void> {
    const { files } = this.#options;
    const bytes = await files.read(this.#statePath);
    try {
      const saved = bytes && savedState.parse(JSON.parse(bytes.toString("utf8")));
      if (saved === undefined) return;
      this.#quota = saved.quota;
      this.#sent = { day: saved.sentDay, bytes: saved.sentBytes, count: 0 };
    } catch {
      // Counting begins anew; the disk's quota holds all the same.
    }
  }

  async #save(): Promise<void> {
    const { day: sentDay, bytes: sentBytes } = this.#sent;
    const text = JSON.stringify({ quota: this.#quota, sentDay, sentBytes });
    await this.#options.files.writeAtomic(this.#statePath, text);
  }

  get #statePath(): string {
    return join(this.#options.folder, "sample-quota.json");
  }

  #leave(cause: LeftOutCause): void {
    this.#leftOut.set(cause, (this.#leftOut.get(cause) ?? 0) + 1);
  }

  #say(kind: string, message: string): void {
    if (this.#said.has(kind)) return;
    this.#said.add(kind);
    this.#options.onEvent(kind, message);
  }
}

function opinionOf(said: { readonly model: string; readonly decision: Decision }): SampleOpinion {
  const { label, confidence, detections } = said.decision;
  return {
    model: said.model,
    label,
    confidence,
    detections: detections === null ? null : detections.slice(0, sampleLimits.detectionsMax),
  };
}
