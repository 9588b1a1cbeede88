/** Cameras that other programs look through: what they tell goes the way of our own results. */
import { AppError } from "@fieldloop/shared/errors";
import { ExternalSource } from "../perception/camera/external.ts";
import type { CameraConfig } from "../perception/camera/settings.ts";
import type { FrameSource } from "../perception/camera/source.ts";
import { decisionOf, type Observation } from "../perception/observations/observation.ts";
import type { Pipeline } from "../perception/pipeline.ts";

interface Mounted {
  readonly config: CameraConfig;
  readonly source: FrameSource;
}

interface ExternalCamera {
  readonly name: string;
  /** `name@version` where an observation names none. */
  readonly model: string;
  readonly source: ExternalSource;
}

export class ExternalCameras {
  readonly #cameras: readonly ExternalCamera[];
  readonly #pipeline: Pipeline;
  #count = 0;

  constructor(mounted: readonly Mounted[], pipeline: Pipeline) {
    this.#pipeline = pipeline;
    this.#cameras = mounted.flatMap(({ config, source }) =>
      config.kind === "external" && source instanceof ExternalSource
        ? [{ name: config.name, model: config.external.model, source }]
        : [],
    );
  }

  /**
   * Takes in what was seen: all of it, or nothing where a camera is not known.
   * @returns the id of each frame
   * @throws AppError `camera-unknown`
   */
  observe(seen: readonly Observation[]): readonly { camera: string; frame: string }[] {
    const meant = seen.map((one) => ({ one, camera: this.#find(one.camera) }));
    return meant.map(({ one, camera }) => this.#observe(one, camera));
  }

  #observe(seen: Observation, { source, model }: ExternalCamera) {
    const now = Date.now();
    const { camera, thumbnail, frame = `${now}-${this.#count++}` } = seen;
    source.heard();
    this.#pipeline.observe(camera, {
      frame,
      capturedAt: seen.at ?? now,
      decision: decisionOf(seen),
      model: seen.model ?? model,
      latencyMs: seen.latencyMs,
      image: thumbnail ? { kind: "encoded", bytes: Buffer.from(thumbnail, "base64") } : undefined,
    });
    return { camera, frame };
  }

  #find(name: string): ExternalCamera {
    const found = this.#cameras.find((camera) => camera.name === name);
    if (found !== undefined) return found;
    const list = this.#cameras.map((camera) => camera.name).join(", ") || "none";
    const message = `there is no camera "${name}" of kind external; configured are ${list}`;
    throw new AppError({ code: "camera-unknown", status: 404, message });
  }
}
