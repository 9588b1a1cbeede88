/**
 * Leaves out frames in which nothing moves, before they wait or are inferred: an empty belt costs a
 * look at a few thousand pixels. Now and then one is let through all the same, so that what does not
 * move is seen too.
 */
import type { Box } from "@fieldloop/shared/vision/fit";
import { advanceMotion, lumaGridOf, type MotionState } from "@fieldloop/shared/vision/motion";
import { loadSmall } from "@fieldloop/shared-node/image";
import type { MotionGateSettings } from "./settings.ts";
import type { Frame, FrameSink, Offer } from "./source.ts";

export interface MotionGateOptions {
  readonly sink: FrameSink;
  readonly settings: MotionGateSettings;
  readonly region: Box | undefined;
  /** Monotonic, in milliseconds. */
  readonly clock?: () => number;
}

/** What a look at a frame says. */
interface Look {
  readonly isWanted: boolean;
  /** `undefined` where it cannot be decoded. */
  readonly motionShare: number | undefined;
}

/** Encoded frames are decoded at this size for a look, which is much less work than in full. */
const lookPixels = 128;

/** A sink that hands on what is wanted. */
export class MotionGate implements FrameSink {
  readonly #options: MotionGateOptions;
  readonly #clock: () => number;
  #state: MotionState | undefined;
  #openUntilMs = Number.NEGATIVE_INFINITY;
  #passedMs = Number.NEGATIVE_INFINITY;
  /** Looks happen one after another: each needs what the one before has learned. */
  #looking: Promise<unknown> = Promise.resolve();

  constructor(options: MotionGateOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
  }

  async frame(frame: Frame): Promise<Offer> {
    const { sink } = this.#options;
    const looking = this.#looking.then(() => this.#look(frame));
    this.#looking = looking;
    const { isWanted, motionShare } = await looking;
    if (isWanted)
      return await sink.frame(motionShare === undefined ? frame : { ...frame, motionShare });
    sink.dropped(frame.id, "still");
    return { kind: "dropped", cause: "still" };
  }

  dropped(...drop: Parameters<FrameSink["dropped"]>): void {
    this.#options.sink.dropped(...drop);
  }

  failed(...failure: Parameters<FrameSink["failed"]>): void {
    this.#options.sink.failed(...failure);
  }

  async #look({ image }: Frame): Promise<Look> {
    const { settings, region } = this.#options;
    const atMs = this.#clock();
    const picture = image.kind === "raw" ? image : await small(image);
    // What cannot be decoded is the pipeline's to tell.
    if (picture === undefined) return { isWanted: true, motionShare: undefined };
    const next = advanceMotion(this.#state, lumaGridOf(picture, region), atMs, settings);
    this.#state = next.state;
    if (next.moves) this.#openUntilMs = atMs + settings.holdMs;
    const isWanted = atMs <= this.#openUntilMs || atMs >= this.#passedMs + settings.idleMs;
    if (isWanted) this.#passedMs = atMs;
    return { isWanted, motionShare: next.share };
  }
}

async function small(image: Frame["image"]) {
  try {
    return await loadSmall(image, lookPixels);
  } catch {
    return undefined;
  }
}
