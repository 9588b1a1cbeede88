/**
 * Watches over one camera: looks at a frame now and then, beside the pipeline, and tells what is wrong
 * with the camera itself. What it knows outlives the process.
 */
import { messageOf } from "@fieldloop/shared/errors";
import { advance, recommissioned } from "@fieldloop/shared/vision/camera-health/advance";
import type { HealthEvent } from "@fieldloop/shared/vision/camera-health/events";
import { focusMeter } from "@fieldloop/shared/vision/camera-health/focus-meter";
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
import { loadSmall } from "@fieldloop/shared-node/image";
import type { Frame, FrameSink } from "./source.ts";
import type { Commissioned, WatchStore } from "./watch-store.ts";

export interface CameraWatchOptions {
  readonly name: string;
  readonly store: WatchStore;
  readonly settings: HealthSettings;
  readonly onEvent: (event: HealthEvent) => void;
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
}

const defaultPace: WatchPace = { lookMs: 20_000, focusMs: 200, registerMs: 300_000 };
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
export interface FocusView {
  readonly percent: number;
  /** To be handed in with the next question. */
  readonly peak: number;
  readonly kind: "unclear" | "below-peak" | "at-peak";
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
  commission({ thumbnails = 30, spacingMs = 1000 } = {}): void {
    this.#commissioning = { wanted: thumbnails, spacingMs, taken: [] };
    this.#due = 0;
  }

  /** @param peak of the last answer; 0 at the start. `undefined` before the first frame. */
  focus(peak: number): FocusView | undefined {
    const last = this.#last;
    this.#attentionUntil = performance.now() + attentionMs;
    this.#due = Math.min(this.#due, performance.now() + this.#pace.focusMs);
    if (last === undefined || this.#lookedAt === null) return undefined;
    const { features } = last;
    return {
      ...focusMeter(features, peak),
      brightness: features.tone.mean,
      lookedAt: this.#lookedAt,
    };
  }

  /** The picture the camera is held against: grey, row by row. */
  referencePicture():
    | { readonly luma: Uint8Array; readonly width: number; readonly height: number }
    | undefined {
    const known = this.#commissioned?.reference;
    return known && { luma: sceneOf(known), width: known.width, height: known.height };
  }

  #see(frame: Frame): void {
    const at = performance.now();
    if (at < this.#due || this.#looking !== undefined) return;
    const isWatched = at < this.#attentionUntil;
    const waitMs = this.#commissioning?.spacingMs ?? this.#pace.lookMs;
    this.#due = at + (isWatched ? Math.min(this.#pace.focusMs, waitMs) : waitMs);
    this.#looking = this.#look(frame, at)
      .catch((error) => {
        const { name, onFault } = this.#options;
        onFault(`the camera ${name} could not be looked at: ${messageOf(error)}`);
      })
      .finally(() => {
        this.#looking = undefined;
      });
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
    this.#commissioned = { madeAt: this.#now(), reference: referenceOf(commissioning.taken) };
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
