/**
 * What runs models on this device. A frame is prepared (decoded for the model that is active then)
 * and inferred later; between the two the active model may change, and the frame still runs on the
 * model it was prepared for.
 */
import type { Box } from "@fieldloop/shared/vision/fit";
import type { ImageInput } from "@fieldloop/shared-node/image";
import type { RunResult } from "@fieldloop/shared-node/model";

/** A decoded frame with a claim on its model. Give it to `infer`, or release it. */
export interface Prepared {
  /** `name@version` of the model it was prepared for. */
  readonly model: string;
  infer(): Promise<RunResult>;
  /** Gives the claim back unused; harmless after `infer`. */
  release(): void;
}

export interface Engine {
  /** `name@version` of the active model, `null` before the first one. */
  readonly model: string | null;
  /**
   * Decodes a frame for the active model.
   * @param what names the frame in errors
   * @param region only this part of the picture
   * @throws AppError `no-model`, or as `loadPixels`
   */
  prepare(image: ImageInput, what: string, region?: Box): Promise<Prepared>;
  /** Closes the model after its last frame. */
  close(): Promise<void>;
}
