/** The cloud's larger model, as the router sees it, and the frames it may be asked about. */
import type { Decision } from "@fieldloop/shared/vision/decide";
import type { Box } from "@fieldloop/shared/vision/fit";

/** A frame that may be asked about. */
export interface RoutedFrame {
  /** The source's name for it. */
  readonly id: string;
  /** Idempotency key: device, boot and sequence number. */
  readonly key: string;
  /** Upper bound of the picture in bytes; its exact size where that is known. */
  readonly cropBytesMax: number;
  /** Which part of the frame the picture shows, as fractions; the whole where it is left out. */
  readonly region?: Box;
  /** The JPEG to send, made only when it is sent. */
  encode(): Promise<Uint8Array>;
}

/** One question. */
export interface CloudRequest {
  /** The frame's own name. */
  readonly frame: string;
  /** The same for every attempt at the same frame and no other: device, boot and sequence number. */
  readonly key: string;
  /** JPEG. */
  readonly picture: Uint8Array;
  /** Which part of the frame it shows. */
  readonly region?: Box;
  /** The call is given up after so many milliseconds. */
  readonly timeoutMs: number;
}

/** Bytes of a call, as the socket counted them. */
export interface Traffic {
  readonly sent: number;
  readonly received: number;
}

export interface CloudReply {
  /** Boxes are fractions of the whole frame. */
  readonly decision: Decision;
  /** `name@version` of the model that answered. */
  readonly model: string;
  readonly traffic: Traffic;
}

export interface CloudPort {
  /**
   * Asks once: no retry.
   * @throws AppError whose code is one of `inference-…` and whose detail may hold `sent`,
   *   `received` (bytes) and `retryAfterMs`; `signal` ends the call at once
   */
  ask(request: CloudRequest, signal: AbortSignal): Promise<CloudReply>;
}
