/**
 * A camera, as the pipeline sees it. A source hands frames to a sink until it is told to stop;
 * `camera.ts` supervises it, so a source may simply throw when its device is gone.
 */
import { AppError } from "@fieldloop/shared/errors";
import type { DropCause } from "@fieldloop/shared/messages/telemetry";
import type { ImageInput } from "@fieldloop/shared-node/image";

/** One picture. The bytes belong to whoever receives the frame: a source never writes to them again. */
export interface Frame {
  /** The source's own name for the frame, at most 128 characters. */
  readonly id: string;
  /** Unix time in milliseconds at which the picture was there. */
  readonly capturedAt: number;
  readonly image: ImageInput;
  /** Share of the picture that moved, 0 to 1; absent where nobody looked. */
  readonly motionShare?: number;
}

/** What became of a frame that was handed over. */
export type Offer =
  | { readonly kind: "accepted" }
  | { readonly kind: "dropped"; readonly cause: DropCause };

/** Where a source's frames go. */
export interface FrameSink {
  /** Hands a frame over. Under the policy `wait` it settles when there is room: await it. */
  frame(frame: Frame): Promise<Offer>;
  /** Counts a frame the source had to leave, for example a file that is too large to read. */
  dropped(frameId: string, cause: DropCause): void;
  /** Notes that the camera is alive, without a frame: its frames go another way. */
  heard?(): void;
  /** Counts a frame the source could not get, for example a file that cannot be read. */
  failed(frameId: string, error: AppError): void;
}

/** A source of frames. */
export interface FrameSource {
  /**
   * Hands over frames until `signal` aborts, then returns.
   * @throws AppError when the source cannot go on; it is started again later
   */
  run(sink: FrameSink, signal: AbortSignal): Promise<void>;
  /**
   * How long without a frame counts as a stall, after which the source is started again; `null`
   * where silence is normal, as in a folder.
   */
  readonly stallMsMax: number | null;
}

/**
 * `stalled` is silence that was noticed, `backing-off` the wait before another try, and `failed` the
 * same wait after several lives without a picture.
 */
export const sourceStates = [
  "starting",
  "streaming",
  "stalled",
  "backing-off",
  "failed",
  "stopped",
] as const;
export type SourceState = (typeof sourceStates)[number];

/** Frame ids travel in telemetry, which allows this many characters. */
export const frameIdCharsMax = 128;

/** Why a source cannot go on; it is started again later. */
export function sourceFailed(message: string, cause?: unknown): AppError {
  return new AppError({ code: "source-failed", message, retryable: true, cause });
}
