/** Hard samples as the agent holds them: what is known of a frame, and what the settings say. */
import { join } from "node:path";
import { effectiveRouting } from "@fieldloop/shared/manifest/routing";
import { defaultSampleSettings, sampleSettings } from "@fieldloop/shared/samples/settings";
import type { Decision } from "@fieldloop/shared/vision/decide";
import type { FrameResult, Seen } from "../perception/pipeline.ts";
import { agree } from "../perception/routing/agreement.ts";
import { hardnessOf } from "../perception/routing/hardness.ts";
import { type SampleStats, Samples } from "../perception/samples/samples.ts";
import { realFiles } from "../platform/files.ts";
import type { Reporter } from "../reporting/windows/reporter.ts";
import type { AgentOptions } from "./agent.ts";
import { evidenceOf, type RoutedModel } from "./evidence.ts";

/** What the cloud's larger model said. */
export interface CloudOpinion {
  readonly model: string;
  readonly decision: Decision;
}

export interface SamplingOptions {
  readonly agent: AgentOptions;
  readonly reporter: Pick<Reporter, "event">;
}

export class Sampling {
  readonly #samples: Samples;
  readonly #tell: (kind: string, message: string) => void;
  #model: RoutedModel | undefined;
  /** Cameras whose health has changed since their last frame. */
  readonly #changed = new Set<string>();

  constructor({ agent, reporter }: SamplingOptions) {
    const { config, cloud, log } = agent;
    this.#tell = (kind, message) => {
      log.warn(message);
      reporter.event(kind, "warning", message);
    };
    this.#samples = new Samples({
      files: realFiles,
      folder: config.dataDir,
      keyPath: config.deviceKeyFile ?? join(config.dataDir, "device.key"),
      settings: defaultSampleSettings,
      cloud: cloud && { url: cloud.url, credential: cloud.identity.credential },
      now: Date.now,
      random: Math.random,
      onEvent: this.#tell,
    });
  }

  open(): Promise<void> {
    return this.#samples.open();
  }

  stop(): Promise<void> {
    return this.#samples.stop();
  }

  stats(): SampleStats {
    return this.#samples.stats();
  }

  setModel(model: RoutedModel): void {
    this.#model = model;
  }

  cameraChanged(camera: string): void {
    this.#changed.add(camera);
  }

  /** @param wished `sampleSettings`; what is none is told, and nothing is changed */
  configure(wished: Readonly<Record<string, unknown>> | undefined): void {
    const read = sampleSettings.safeParse(wished ?? {});
    if (read.success) this.#samples.configure(read.data);
    else {
      const [issue] = read.error.issues;
      const where = issue?.path.join(".") ?? "";
      this.#tell(
        "samples-settings",
        `the settings of samples are left out: ${where}: ${issue?.message}`,
      );
    }
  }

  /** @param cloud `null` where it was not asked or has not answered */
  consider(result: FrameResult, seen: Seen, cloud: CloudOpinion | null): void {
    const { camera, frame, capturedAt, model, decision } = result;
    this.#samples.consider({
      camera,
      frame,
      capturedAt,
      image: seen.frame.image,
      modelWidth: this.#model?.variant.input.width ?? defaultSampleSettings.widthMax,
      local: { model, decision },
      cloud,
      hardness: seen.isExternal === true ? null : this.#hardnessOf(result, seen),
      differs: cloud && !agree(decision, cloud.decision),
      cameraEvent: this.#changed.delete(camera),
    });
  }

  #hardnessOf(result: FrameResult, seen: Seen): number | null {
    const model = this.#model;
    if (model === undefined) return null;
    const rules = effectiveRouting(model.manifest.routing, {});
    return hardnessOf(evidenceOf(model, result, seen, []), rules).level;
  }
}
