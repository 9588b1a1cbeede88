/**
 * The one hot loop: frames of all cameras → decisions. Each camera has a bounded queue; cameras take
 * turns. While one frame runs, the next is decoded, and no further: what lies beyond waits in its
 * queue, where the drop policy still applies.
 *
 * INVARIANT, per camera: frames = results + dropped + errors + under way.
 */
import { AppError, assert, messageOf } from "@fieldloop/shared/errors";
import type { DropCause, ErrorCause } from "@fieldloop/shared/messages/telemetry";
import type { Decision } from "@fieldloop/shared/vision/decide";
import type { Box } from "@fieldloop/shared/vision/fit";
import { defaultImageLimits, encodeJpeg } from "@fieldloop/shared-node/image";
import type { Frame, FrameSink, Offer } from "./camera/source.ts";
import { type DropPolicy, FrameQueue } from "./frame-queue.ts";
import type { Engine, Prepared } from "./inference/engine.ts";
import { LoadMeter } from "./load-meter.ts";
import { type CameraStats, Counters, type StagesMs } from "./pipeline-stats.ts";

export interface PipelineOptions {
  readonly engine: Engine;
  readonly cameras: readonly PipelineCamera[];
  /** @param seen what the result was taken from; absent for one from elsewhere without a picture */
  readonly onResult: (result: FrameResult, seen?: Seen) => void;
  readonly onDrop?: (drop: FrameDrop) => void;
  readonly onError?: (error: FrameError) => void;
  /** A callback above threw: a bug, which costs its one call and never the loop. */
  readonly onFault: (error: unknown) => void;
  readonly frameBytesMax?: number;
  readonly now?: () => number;
}

export interface PipelineCamera {
  readonly name: string;
  readonly policy: DropPolicy;
  /** Frames that may wait; those being decoded and inferred come on top. */
  readonly queueFramesMax: number;
  /** A frame older than this at its turn is dropped as `stale`; `null` keeps all. */
  readonly frameAgeMsMax: number | null;
  /** The part of the picture that the model sees; all of it where absent. */
  readonly region?: Box | undefined;
}

export interface FrameResult {
  readonly camera: string;
  /** The source's id of the frame. */
  readonly frame: string;
  readonly capturedAt: number;
  readonly decision: Decision;
  /** `name@version` */
  readonly model: string;
  readonly stagesMs: StagesMs;
  /** Capture to decision by the wall clock, at least 0. */
  readonly latencyMs: number;
}

/** The frame behind a result, and the scores behind its decision. */
export interface Seen {
  readonly frame: Frame;
  /** The part of the frame that the model saw. */
  readonly region: Box | undefined;
  readonly classScores: Float32Array | null;
  /** Another program's model has seen it. */
  readonly isExternal?: true;
}

/** A result from elsewhere. */
export interface Observed
  extends Pick<FrameResult, "frame" | "capturedAt" | "decision" | "model" | "latencyMs"> {
  readonly image?: Frame["image"] | undefined;
}

export interface FrameDrop {
  readonly camera: string;
  readonly frame: string;
  readonly cause: DropCause;
}

export interface FrameError {
  readonly camera: string;
  readonly frame: string;
  readonly cause: ErrorCause;
  readonly error: AppError;
}

/** A picture of what a camera last saw, with what was said about it. */
export interface Snapshot {
  readonly jpeg: Uint8Array;
  readonly result: FrameResult;
}

interface Lane {
  readonly camera: PipelineCamera;
  readonly queue: FrameQueue<Ticket>;
  readonly counters: Counters;
  readonly load: LoadMeter;
  last: { readonly frame: Frame; readonly result: FrameResult } | undefined;
}

/** A frame on its way. Times are of the monotonic clock. */
interface Ticket {
  readonly lane: Lane;
  readonly frame: Frame;
  readonly offeredAt: number;
}

interface Ready {
  readonly ticket: Ticket;
  readonly prepared: Prepared;
  readonly waitMs: number;
  readonly decodeMs: number;
}

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #lanes: readonly Lane[];
  readonly #now: () => number;
  /** Lane to look at first, so that no camera starves another. */
  #turn = 0;
  #wake: (() => void) | undefined;
  #state: "idle" | "running" | "stopping" = "idle";
  #loop: Promise<void> = Promise.resolve();

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#lanes = options.cameras.map((camera) => ({
      camera,
      queue: new FrameQueue({ framesMax: camera.queueFramesMax, policy: camera.policy }),
      counters: new Counters(),
      load: new LoadMeter(),
      last: undefined,
    }));
  }

  start(): void {
    if (this.#state !== "idle") return;
    this.#state = "running";
    this.#loop = this.#run();
  }

  /** Finishes the frames under way, drops those in the queues as `stopping`, then returns. */
  async stop(): Promise<void> {
    if (this.#state === "running") {
      this.#state = "stopping";
      for (const lane of this.#lanes) {
        for (const { frame } of lane.queue.clear()) this.#drop(lane, frame.id, "stopping");
      }
      this.#wake?.();
    }
    await this.#loop;
    this.#state = "idle";
  }

  /** Where a camera's source hands its frames. */
  sink(camera: string): FrameSink {
    const lane = this.#lane(camera);
    return {
      frame: (frame) => this.#offer(lane, frame),
      dropped: (frameId, cause) => {
        lane.counters.frames++;
        this.#drop(lane, frameId, cause);
      },
      failed: (frameId, error) => {
        lane.counters.frames++;
        this.#fail(lane, frameId, "source", error);
      },
    };
  }

  /**
   * Takes in what another program has seen: it counts, and is told, as a result of our own.
   * @param observed.image a picture of the frame where there is one, for snapshots
   */
  observe(camera: string, observed: Observed): FrameResult {
    const lane = this.#lane(camera);
    const { frame, capturedAt, decision, model, latencyMs, image } = observed;
    const none = { wait: 0, decode: 0, tensor: 0, post: 0 };
    const stagesMs = { ...none, infer: latencyMs, total: latencyMs };
    const result = { camera, frame, capturedAt, decision, model, stagesMs, latencyMs };
    lane.counters.frames++;
    lane.counters.succeed(stagesMs);
    const shown = image && { id: frame, capturedAt, image };
    if (shown !== undefined) lane.last = { frame: shown, result };
    const seen: Seen | undefined = shown && {
      frame: shown,
      region: undefined,
      classScores: null,
      isExternal: true,
    };
    this.#tell(() => this.#options.onResult(result, seen));
    return result;
  }

  stats(camera: string): CameraStats {
    const { counters, load } = this.#lane(camera);
    return counters.snapshot(load.load);
  }

  /** Small JPEG of the last frame with a result, or `undefined` before the first. Costs only when asked. */
  async snapshot(
    camera: string,
    size: { readonly widthMax: number; readonly bytesMax: number },
  ): Promise<Snapshot | undefined> {
    const { last } = this.#lane(camera);
    if (last === undefined) return undefined;
    return { jpeg: await encodeJpeg(last.frame.image, size), result: last.result };
  }

  #lane(camera: string): Lane {
    const lane = this.#lanes.find((one) => one.camera.name === camera);
    assert(lane !== undefined, `no camera "${camera}" in this pipeline`);
    return lane;
  }

  async #offer(lane: Lane, frame: Frame): Promise<Offer> {
    lane.counters.frames++;
    if (this.#state !== "running") return this.#drop(lane, frame.id, "stopping");
    const { image } = frame;
    const bytes = image.kind === "encoded" ? image.bytes.byteLength : image.data.byteLength;
    if (bytes > (this.#options.frameBytesMax ?? defaultImageLimits.frameBytesMax)) {
      return this.#drop(lane, frame.id, "oversized");
    }
    const offeredAt = performance.now();
    lane.load.arrived(offeredAt);
    const put = lane.queue.put({ lane, frame, offeredAt }, lane.load.isOverloaded);
    if (put.kind === "refused") return this.#drop(lane, frame.id, "busy");
    if (put.kind === "displaced")
      for (const old of put.items) this.#drop(lane, old.frame.id, "busy");
    this.#wake?.();
    if (put.kind === "waiting" && !(await put.queued)) {
      return this.#drop(lane, frame.id, "stopping");
    }
    return { kind: "accepted" };
  }

  async #run(): Promise<void> {
    let next = this.#prepareNext();
    for (;;) {
      const ready = await next;
      if (ready === undefined) return;
      next = this.#prepareNext(); // decodes beside the run below
      await this.#infer(ready);
    }
  }

  /** Waits for a frame and decodes it; `undefined` when the pipeline stops. Never rejects. */
  async #prepareNext(): Promise<Ready | undefined> {
    for (;;) {
      const ticket = await this.#takeNext();
      if (ticket === undefined) return undefined;
      const { lane, frame, offeredAt } = ticket;
      const { frameAgeMsMax } = lane.camera;
      if (frameAgeMsMax !== null && this.#now() - frame.capturedAt > frameAgeMsMax) {
        this.#drop(lane, frame.id, "stale");
        continue;
      }
      const from = performance.now();
      try {
        const what = `frame ${frame.id}`;
        const prepared = await this.#options.engine.prepare(frame.image, what, lane.camera.region);
        const decodeMs = performance.now() - from;
        return { ticket, prepared, waitMs: from - offeredAt, decodeMs };
      } catch (error) {
        const cause =
          error instanceof AppError && error.code === "no-model" ? "inference" : "decode";
        this.#fail(lane, frame.id, cause, error);
      }
    }
  }

  async #takeNext(): Promise<Ticket | undefined> {
    while (this.#state === "running") {
      const ticket = this.#takeInTurn();
      if (ticket !== undefined) return ticket;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    return undefined;
  }

  #takeInTurn(): Ticket | undefined {
    for (let i = 0; i < this.#lanes.length; i++) {
      const index = (this.#turn + i) % this.#lanes.length;
      const ticket = this.#lanes[index]?.queue.take();
      if (ticket === undefined) continue;
      this.#turn = index + 1;
      return ticket;
    }
    return undefined;
  }

  async #infer({ ticket, prepared, waitMs, decodeMs }: Ready): Promise<void> {
    const { lane, frame, offeredAt } = ticket;
    try {
      const { decision, stagesMs, classScores } = await prepared.infer();
      const { tensor, run, post } = stagesMs;
      const total = performance.now() - offeredAt;
      const result: FrameResult = {
        camera: lane.camera.name,
        frame: frame.id,
        capturedAt: frame.capturedAt,
        decision,
        model: prepared.model,
        stagesMs: { wait: waitMs, decode: decodeMs, tensor, infer: run, post, total },
        latencyMs: Math.max(0, this.#now() - frame.capturedAt),
      };
      lane.counters.succeed(result.stagesMs);
      lane.last = { frame, result };
      const seen = { frame, region: lane.camera.region, classScores };
      this.#tell(() => this.#options.onResult(result, seen));
    } catch (error) {
      this.#fail(lane, frame.id, "inference", error);
    } finally {
      lane.load.finished(lane.queue.size > 0, performance.now());
    }
  }

  #drop(lane: Lane, frame: string, cause: DropCause): Offer {
    lane.counters.drop(cause);
    this.#tell(() => this.#options.onDrop?.({ camera: lane.camera.name, frame, cause }));
    return { kind: "dropped", cause };
  }

  #fail(lane: Lane, frame: string, cause: ErrorCause, thrown: unknown): void {
    lane.counters.fail(cause);
    const error =
      thrown instanceof AppError
        ? thrown
        : new AppError({ code: "frame-failed", message: messageOf(thrown), cause: thrown });
    this.#tell(() => this.#options.onError?.({ camera: lane.camera.name, frame, cause, error }));
  }

  #tell(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#options.onFault(error);
    }
  }
}
