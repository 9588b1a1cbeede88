/** What a pipeline counts, per camera. */
import type { DropCause, ErrorCause } from "@fieldloop/shared/messages/telemetry";
import { bucketOf, type Histogram } from "@fieldloop/shared/sketches/histogram";

/**
 * Where a frame's time goes, in milliseconds: `wait` from the hand-over until its turn, `decode`
 * (with scaling), `tensor`, `infer` (ONNX Runtime), `post` (outputs to decision), and `total` from
 * the hand-over to the result, which also holds the wait between decode and infer.
 */
export const stages = ["wait", "decode", "tensor", "infer", "post", "total"] as const;
export type Stage = (typeof stages)[number];
export type StagesMs = Readonly<Record<Stage, number>>;

/** Invariant: frames = results + sum(dropped) + sum(errors) + underWay. */
export interface CameraCounts {
  readonly frames: number;
  readonly results: number;
  readonly dropped: Readonly<Partial<Record<DropCause, number>>>;
  readonly errors: Readonly<Partial<Record<ErrorCause, number>>>;
  readonly underWay: number;
}

export interface CameraStats extends CameraCounts {
  /** Frames that come by frames that can be taken; `null` before it is known. */
  readonly load: number | null;
  readonly stages: Readonly<Record<Stage, Histogram>>;
}

/** The mutable counters behind `CameraStats`. */
export class Counters {
  frames = 0;
  results = 0;
  readonly #dropped = new Map<DropCause, number>();
  readonly #errors = new Map<ErrorCause, number>();
  readonly #stages = new Map<Stage, Map<number, number>>();

  drop(cause: DropCause): void {
    this.#dropped.set(cause, (this.#dropped.get(cause) ?? 0) + 1);
  }

  fail(cause: ErrorCause): void {
    this.#errors.set(cause, (this.#errors.get(cause) ?? 0) + 1);
  }

  succeed(times: StagesMs): void {
    this.results++;
    for (const stage of stages) {
      const counts = this.#stages.get(stage) ?? new Map<number, number>();
      const bucket = bucketOf(times[stage]);
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
      this.#stages.set(stage, counts);
    }
  }

  snapshot(load: number | null): CameraStats {
    const done = this.results + sum(this.#dropped) + sum(this.#errors);
    const histogram = (stage: Stage): Histogram =>
      [...(this.#stages.get(stage) ?? [])].sort(([a], [b]) => a - b);
    return {
      frames: this.frames,
      results: this.results,
      dropped: Object.fromEntries(this.#dropped),
      errors: Object.fromEntries(this.#errors),
      underWay: this.frames - done,
      load,
      stages: {
        wait: histogram("wait"),
        decode: histogram("decode"),
        tensor: histogram("tensor"),
        infer: histogram("infer"),
        post: histogram("post"),
        total: histogram("total"),
      },
    };
  }
}

function sum(counts: ReadonlyMap<unknown, number>): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}
