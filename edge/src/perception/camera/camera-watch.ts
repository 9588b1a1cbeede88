/**
 * Watches over one camera: looks at a frame now and then, beside the pipeline, and tells what is wrong
 * with the camera itself. What it knows outlives the process.
 */
import { messageOf } from "@fieldloop/shared/errors";
import { advance, recommissioned } from "@fieldloop/shared/vision/camera-health/advance";
import type { HealthEvent } from "@fieldloop/shared/vision/camera-health/events";
import { type FocusReading, focusMeter } from "@fieldloop/shared/vision/camera-health/focus-meter";
import {
  type HealthState,
  initialHealthState,
  raisedConditions,
} from "@fieldloop/shared/vision/camera-health/health-state";
import { isWorthRegistering } from "@fieldloop/shared/vision/camera-health/judge";
import { type HealthFeatures, measure } from "@fieldloop/shared/vision/camera-health/measure";
import { referenceOf, sceneOf } from "@fieldloop/shared/vision/camera-health/reference";
import { register } from "@fieldloop/shared/vision/camera-health/register";
import type { Condition, HealthSettings } from "@fieldloop/shared/vision/camera-health/settings";
import {
  type Thumbnail,
  thumbnailLimits,
  thumbnailOf,
} from "@fieldloop/shared/vision/camera-health/thumbnail";
import { weaknessesOf } from "@fieldloop/shared/vision/camera-health/weaknesses";
import { encodeJpeg, loadSmall } from "@fieldloop/shared-node/image";
import type { Frame, FrameSink } from "./source.ts";
import type { Commissioned, WatchStore } from "./watch-store.ts";

export interface CameraWatchOptions {
  readonly name: string;
  readonly store: WatchStore;
  readonly settings: HealthSettings;
  readonly onEvent: (event: HealthEvent) => void;
  /** A reference is being made, or has been. */
  readonly onCommissioning?: () => void;
  /** Something about the watch itself did not work; the camera goes on without it. */
  readonly onFault: (message: string) => void;
  readonly pace?: WatchPace;
  readonly now?: () => number;
}

/** How often frames are looked at, milliseconds. */
export interface WatchPace {
  readonly lookMs: number;
  /** While somebody turns the lens. */
  readonly focusMs: number;
  readonly registerMs: number;
  /** Between the pictures of a reference, unless said otherwise. */
  readonly commissionMs: number;
}

const defaultPace: WatchPace = {
  lookMs: 20_000,
  focusMs: 200,
  registerMs: 300_000,
  commissionMs: 1000,
};
/** Somebody is there as long as they ask at least this often. */
const attentionMs = 5000;

/** What is known about a camera's health. */
export interface CameraHealth {
  readonly reference: {
    readonly madeAt: number;
    readonly thumbnails: number;
    /** What the reference cannot tell, a sentence each. */
    readonly weaknesses: readonly string[];
  } | null;
  readonly raised: readonly { readonly condition: Condition; readonly since: number }[];
  /** Thumbnails taken for a new reference, and wanted. */
  readonly commissioning: { readonly taken: number; readonly wanted: number } | null;
  readonly lookedAt: number | null;
}

/** What a person sees who turns the lens. */
export interface FocusView extends FocusReading {
  /** Mean grey level, 0 to 255. */
  readonly brightness: number;
  readonly lookedAt: number;
}

interface Commissioning {
  readonly wanted: number;
  readonly spacingMs: number;
  readonly taken: Thumbnail[];
}

export class CameraWatch {
  readonly #options: CameraWatchOptions;
  readonly #pace: WatchPace;
  readonly #now: () => number;
  #state: HealthState = initialHealthState();
  #commissioned: Commissioned | undefined;
  #commissioning: Commissioning | undefined;
  #last: { readonly thumbnail: Thumbnail; readonly features: HealthFeatures } | undefined;
  #lookedAt: number | null = null;
  #wishedAt = 0;
  #fault = "";
  /** Monotonic times. */
  #due = 0;
  #judgeDue = 0;
  #registerDue = 0;
  #attentionUntil = 0;
  #looking: Promise<void> | undefined;

  constructor(options: CameraWatchOptions) {
    this.#options = options;
    this.#pace = options.pace ?? defaultPace;
    this.#now = options.now ?? Date.now;
  }

  /** Takes up what was known before. */
  async open(): Promise<void> {
    const { store, onFault } = this.#options;
    const known = await store.load(onFault);
    this.#state = known.state ?? this.#state;
    this.#commissioned = known.commissioned;
    this.#wishedAt = known.commissioned?.wishedAt ?? 0;
  }

  /** Finishes the look under way and keeps what is known. */
  async close(): Promise<void> {
    this.#due = Number.POSITIVE_INFINITY;
    await this.settled();
    await this.#save();
  }

  /** Settles when no look is under way. */
  async settled(): Promise<void> {
    await this.#looking;
  }

  /** A sink that hands everything on and looks at a frame when one is due. */
  sink(inner: FrameSink): FrameSink {
    return {
      dropped: (id, cause) => inner.dropped(id, cause),
      failed: (id, error) => inner.failed(id, error),
      frame: (frame) => {
        this.#see(frame);
        return inner.frame(frame);
      },
    };
  }

  health(): CameraHealth {
    const known = this.#commissioned;
    return {
      reference: known
        ? {
            madeAt: known.madeAt,
            thumbnails: known.reference.thumbnails,
            weaknesses: weaknessesOf(known.reference),
          }
        : null,
      raised: raisedConditions(this.#state).map((condition) => ({
        condition,
        since: this.#state.conditions[condition].raisedSince ?? 0,
      })),
      commissioning: this.#commissioning
        ? { taken: this.#commissioning.taken.length, wanted: this.#commissioning.wanted }
        : null,
      lookedAt: this.#lookedAt,
    };
  }

  /**
   * Makes a new reference from the next frames; what stands against the old one is cleared.
   * @param thumbnails how many, 10 to 512; thirty over half a minute leave out what moves
   */
  commission({ thumbnails = 30, spacingMs = this.#pace.commissionMs } = {}): void {
    this.#commissioning = { wanted: thumbnails, spacingMs, taken: [] };
    this.#due = 0;
    this.#options.onCommissioning?.();
  }

  /**
   * Makes a new reference for a wish that has not been fulfilled yet.
   * @param wishedAt the cloud's time: wishes are only compared with each other
   */
  commissionFor(wishedAt: number): void {
    if (wishedAt <= this.#wishedAt) return;
    this.#wishedAt = wishedAt;
    this.commission();
  }

  /** @param peak of the last answer; 0 at the start. `undefined` before the first frame. */
  focus(peak: number): FocusView | undefined {
    const seen = this.sharpness();
    if (seen === undefined || this.#lookedAt === null) return undefined;
    return {
      ...focusMeter(seen, peak),
      brightness: seen.tone.mean,
      lookedAt: this.#lookedAt,
    };
  }

  /** What the focus meter needs of the last look; frames are looked at more often for a while. */
  sharpness(): Pick<HealthFeatures, "focus" | "tone"> | undefined {
    this.#attentionUntil = performance.now() + attentionMs;
    this.#due = Math.min(this.#due, performance.now() + this.#pace.focusMs);
    return this.#last && { focus: this.#last.features.focus, tone: this.#last.features.tone };
  }

  /** JPEG of the picture the camera is held against: small and grey. */
  async referenceJpeg(bytesMax: number): Promise<Uint8Array | undefined> {
    const reference = this.#commissioned?.reference;
    if (reference === undefined) return undefined;
    const { width, height } = reference;
    const luma = sceneOf(reference);
    const data = new Uint8Array(3 * luma.length);
    luma.forEach((value, i) => {
      data.fill(value, 3 * i, 3 * i + 3);
    });
    return await encodeJpeg({ kind: "raw", data, width, height }, { widthMax: width, bytesMax });
  }

  #see(frame: Frame): void {
    const at = performance.now();
    if (at < this.#due || this.#looking !== undefined) return;
    const isWatched = at < this.#attentionUntil;
    const waitMs = this.#commissioning?.spacingMs ?? this.#pace.lookMs;
    this.#due = at + (isWatched ? Math.min(this.#pace.focusMs, waitMs) : waitMs);
    this.#looking = this.#look(frame, at)
      .then(
        () => {
          this.#fault = "";
        },
        (error) => this.#failed(messageOf(error)),
      )
      .finally(() => {
        this.#looking = undefined;
      });
  }

  /** Told once, and not with every frame. */
  #failed(reason: string): void {
    if (reason === this.#fault) return;
    this.#fault = reason;
    this.#options.onFault(`the camera ${this.#options.name} could not be looked at: ${reason}`);
  }

  async #look({ image }: Frame, at: number): Promise<void> {
    const small = await loadSmall(image, thumbnailLimits.longSidePixels);
    const thumbnail = thumbnailOf(small, small.frame);
    const reference = this.#commissioned?.reference;
    const features = measure(thumbnail, this.#last?.thumbnail, reference);
    this.#last = { thumbnail, features };
    this.#lookedAt = this.#now();
    if (this.#commissioning !== undefined) await this.#collect(this.#commissioning, thumbnail);
    else if (at >= this.#judgeDue) await this.#judge(thumbnail, features, at);
  }

  async #judge(thumbnail: Thumbnail, features: HealthFeatures, at: number): Promise<void> {
    const { settings } = this.#options;
    const { lookMs, registerMs } = this.#pace;
    this.#judgeDue = at + 0.9 * lookMs;
    const reference = this.#commissioned?.reference;
    const isDue = at >= this.#registerDue && reference !== undefined;
    const registers = isDue && isWorthRegistering(features);
    if (registers) this.#registerDue = at + registerMs;
    const registration = registers ? register(thumbnail, reference, features.noise) : undefined;
    const next = advance(this.#state, { ...features, registration }, this.#now(), settings);
    this.#state = next.state;
    for (const event of next.events) this.#options.onEvent(event);
    if (next.events.length > 0) await this.#save();
  }

  async #collect(commissioning: Commissioning, thumbnail: Thumbnail): Promise<void> {
    const { settings, onEvent } = this.#options;
    commissioning.taken.push(thumbnail);
    if (commissioning.taken.length < commissioning.wanted) return;
    this.#commissioning = undefined;
    this.#options.onCommissioning?.(); // ended, whatever comes of it
    this.#commissioned = {
      madeAt: this.#now(),
      wishedAt: this.#wishedAt,
      reference: referenceOf(commissioning.taken),
    };
    const { state, events } = recommissioned(this.#state, settings);
    this.#state = state;
    this.#registerDue = 0;
    for (const event of events) onEvent(event);
    await this.#options.store.saveReference(this.#commissioned);
    await this.#save();
  }

  async #save(): Promise<void> {
    try {
      await this.#options.store.saveState(this.#state);
    } catch (error) {
      this.#options.onFault(messageOf(error));
    }
  }
}
