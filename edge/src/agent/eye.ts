/**
 * Perception as the agent holds it: cameras, pipeline and engine. Cameras start with the first model:
 * without one every frame would only be an error.
 */
import { join } from "node:path";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { DeviceProfile } from "@fieldloop/shared/manifest/profile";
import type { RunningModel } from "@fieldloop/shared/messages/twin";
import type { HealthEvent } from "@fieldloop/shared/vision/camera-health/events";
import { type ModelOptions, openModel } from "@fieldloop/shared-node/model";
import { Camera, type CameraStatus } from "../perception/camera/camera.ts";
import { type CameraHealth, CameraWatch } from "../perception/camera/camera-watch.ts";
import { HttpPushSource, type PushResult } from "../perception/camera/http-push.ts";
import { MotionGate } from "../perception/camera/motion-gate.ts";
import { defaultPolicyOf, openSource } from "../perception/camera/open-source.ts";
import { type CameraConfig, healthSettingsOf, regionOf } from "../perception/camera/settings.ts";
import type { FrameSource } from "../perception/camera/source.ts";
import { SyntheticSource } from "../perception/camera/synthetic.ts";
import { WatchStore } from "../perception/camera/watch-store.ts";
import { openChildSession } from "../perception/inference/child/child-session.ts";
import type { EngineSettings } from "../perception/inference/child/settings.ts";
import { checkMemory } from "../perception/inference/memory.ts";
import { OnnxEngine } from "../perception/inference/onnx-engine.ts";
import {
  type FrameDrop,
  type FrameError,
  type FrameResult,
  Pipeline,
  type Seen,
  type Snapshot,
} from "../perception/pipeline.ts";
import type { CameraStats } from "../perception/pipeline-stats.ts";
import type { Files } from "../platform/files.ts";
import type { Log } from "../platform/log.ts";
import type { ExceptionRule } from "../reporting/windows/choose.ts";
import type { ModelRuntime, SelfTest } from "../upkeep/models/ports.ts";
import type { Slot } from "../upkeep/models/slots.ts";
import type { RoutedModel } from "./evidence.ts";
import { ExternalCameras } from "./external-cameras.ts";

/** A camera as status and console show it. */
export type SeenCamera = CameraStatus & {
  readonly kind: CameraConfig["kind"];
  readonly health: CameraHealth | null;
};

export interface EyeOptions {
  readonly cameras: readonly CameraConfig[];
  readonly profile: DeviceProfile;
  readonly intraOpThreads: number;
  readonly engine: EngineSettings;
  readonly log: Log;
  readonly frameBytesMax: number;
  /** Seeds synthetic cameras. */
  readonly deviceId: string;
  readonly onResult: (result: FrameResult, seen?: Seen) => void;
  readonly onDrop: (drop: FrameDrop) => void;
  readonly onError: (error: FrameError) => void;
  readonly onFault: (error: unknown) => void;
  readonly onSceneRefused: (message: string) => void;
  readonly onCamera: (camera: string, state: string, reason: string | null) => void;
  readonly onHealth: (camera: string, event: HealthEvent) => void;
  /** A camera could not be looked at, or its reference not be made. */
  readonly onWatchFault: (camera: string, message: string) => void;
  /** A camera's reference is being made, or has been. */
  readonly onCommissioning: () => void;
  readonly watches: WatchPlace;
  /** Another model runs from now on. */
  readonly onModel: (model: RunningModel, rule: ExceptionRule, routed: RoutedModel) => void;
}

/** Where reference and state of the cameras are kept. */
export interface WatchPlace {
  readonly files: Files;
  readonly folder: string;
}

interface Mounted {
  readonly config: CameraConfig;
  readonly source: FrameSource;
  readonly camera: Camera;
  /** `undefined` where the camera's health is not watched. */
  readonly watch: CameraWatch | undefined;
  /** Whether it has shown a frame: only then can a scene say what it does not know. */
  opened: boolean;
}

export class Eye implements ModelRuntime {
  readonly #options: EyeOptions;
  readonly #engine: OnnxEngine;
  readonly #pipeline: Pipeline;
  /** Cameras that other programs look through. */
  readonly external: ExternalCameras;
  readonly #mounted: readonly Mounted[];
  #running: RunningModel | null = null;
  #wantedScene: Readonly<Record<string, string>> = {};
  #scene: Readonly<Record<string, string>> = {};
  #started = false;

  constructor(options: EyeOptions) {
    this.#options = options;
    this.#engine = openEngine(options);
    this.#pipeline = new Pipeline({
      engine: this.#engine,
      cameras: options.cameras.map((camera) => ({
        ...camera,
        policy: camera.policy ?? defaultPolicyOf(camera.kind),
        region: regionOf(camera),
      })),
      frameBytesMax: options.frameBytesMax,
      onResult: options.onResult,
      onDrop: options.onDrop,
      onError: options.onError,
      onFault: options.onFault,
    });
    this.#mounted = options.cameras.map((config) => this.#mount(config));
    this.external = new ExternalCameras(this.#mounted, this.#pipeline);
  }

  /** Takes up what was known of the cameras; before anything is loaded. */
  async open(): Promise<void> {
    await Promise.all(this.#mounted.map(({ watch }) => watch?.open()));
    // Whoever looks through these brings a model of their own.
    for (const { config, camera } of this.#mounted) if (config.kind === "external") camera.start();
  }

  /** Whether any camera needs a model of ours. */
  get needsModel(): boolean {
    return this.#options.cameras.some(({ kind }) => kind !== "external");
  }

  /** The model that runs. */
  get model(): RunningModel | null {
    return this.#running;
  }

  /** `name@version` for counting; `none` before the first model. */
  get modelId(): string {
    return this.#engine.model ?? "none";
  }

  /** Settings of the synthetic cameras' scenes: what was configured, and over it what was wished. */
  get scene(): Readonly<Record<string, string>> {
    const configured = this.#options.cameras.flatMap((camera) =>
      camera.kind === "synthetic" ? [camera.synthetic.settings] : [],
    );
    return Object.assign({}, ...configured, this.#scene);
  }

  async load(
    slot: Slot,
    accept: (selfTest: () => Promise<SelfTest>) => Promise<void>,
  ): Promise<void> {
    const { manifest, variant, digest, modelPath, readGolden } = slot;
    const model = { kind: "file", path: modelPath } as const;
    await this.#engine.load({ ...this.#runOptions(), manifest, variant, model }, (opened) => {
      checkMemory(process.memoryUsage.rss(), this.#options.profile);
      return accept(() => opened.checkGoldens(readGolden));
    });
    this.#switched(
      { manifest: digest, digest: variant.digest, variant: variant.kind, ...manifest },
      ruleOf(manifest.confidenceMin, manifest.output),
      { manifest, variant },
    );
  }

  /** Runs a model given by file, without slots or self-test. */
  async loadFile(
    options: Pick<ModelOptions, "manifest" | "variant" | "model">,
    described: {
      readonly confidenceMin: number;
      readonly variant: string;
      readonly digest: string;
    },
  ): Promise<void> {
    await this.#engine.load({ ...this.#runOptions(), ...options });
    const { name, version, output } = options.manifest;
    const { variant, digest, confidenceMin } = described;
    this.#switched(
      { name, version, manifest: null, variant, digest },
      ruleOf(confidenceMin, output),
      { manifest: options.manifest, variant: options.variant },
    );
  }

  /**
   * Changes what synthetic cameras show; one that has not shown anything yet follows with its first
   * frame, so that a setting it does not know never keeps it from starting.
   */
  configureScene(settings: Readonly<Record<string, string>>): void {
    this.#wantedScene = settings;
    const accepted = this.#mounted.map((mounted) => !mounted.opened || this.#applyScene(mounted));
    if (accepted.every(Boolean)) this.#scene = settings;
  }

  #applyScene({ config, source }: Mounted): boolean {
    if (config.kind !== "synthetic" || !(source instanceof SyntheticSource)) return true;
    try {
      source.configure({ ...config.synthetic.settings, ...this.#wantedScene });
      return true;
    } catch (error) {
      const message = `the camera ${config.name} refuses the scene: ${messageOf(error)}`;
      this.#options.onSceneRefused(message);
      return false;
    }
  }

  cameras(): readonly SeenCamera[] {
    return this.#mounted.map(({ config, camera, watch }) => ({
      ...camera.status(),
      kind: config.kind,
      health: watch?.health() ?? null,
    }));
  }

  /** Has cameras make new references where the wish is younger than what they have. */
  commission(wishes: Readonly<Record<string, number>>): void {
    for (const { config, watch } of this.#mounted) watch?.commissionFor(wishes[config.name] ?? 0);
  }

  /** The watch of a camera. @throws AppError `not-watched` */
  watchOf(camera: string): CameraWatch {
    const watch = this.#mounted.find(({ config }) => config.name === camera)?.watch;
    if (watch !== undefined) return watch;
    throw new AppError({
      code: "not-watched",
      status: 409,
      message: `the health of the camera ${camera} is not watched; set its health.enabled to true`,
    });
  }

  stats(camera: string): CameraStats {
    return this.#pipeline.stats(camera);
  }

  snapshot(
    camera: string,
    size: { readonly widthMax: number; readonly bytesMax: number },
  ): Promise<Snapshot | undefined> {
    return this.#pipeline.snapshot(camera, size);
  }

  /** Runs one picture through the active model, beside the cameras. */
  async infer(bytes: Uint8Array): Promise<object> {
    const from = performance.now();
    const prepared = await this.#engine.prepare({ kind: "encoded", bytes }, "the image");
    const decode = performance.now() - from;
    const { decision, stagesMs } = await prepared.infer();
    return { model: prepared.model, ...decision, stagesMs: { decode, ...stagesMs } };
  }

  /** Hands a frame to a camera of kind `http`. */
  async push(camera: string, bytes: Uint8Array, id: string | undefined): Promise<PushResult> {
    const mounted = this.#mounted.find(({ config }) => config.name === camera);
    if (mounted?.source instanceof HttpPushSource) return mounted.source.push(bytes, id);
    const kind = mounted?.config.kind ?? "missing";
    return { kind: "refused", reason: `the camera ${camera} is ${kind}; frames go to kind http` };
  }

  /** Stops the cameras, finishes the frames under way, closes the model. */
  async stop(): Promise<void> {
    await Promise.all(this.#mounted.map(({ camera }) => camera.stop()));
    await Promise.all(this.#mounted.map(({ watch }) => watch?.close()));
    await this.#pipeline.stop();
    await this.#engine.close();
  }

  #runOptions() {
    const { profile, intraOpThreads } = this.#options;
    return { providers: profile.providers, intraOpThreads, arena: profile.arena };
  }

  #switched(
    model: Omit<RunningModel, "provider"> & { readonly name: string; readonly version: string },
    rule: ExceptionRule,
    routed: RoutedModel,
  ): void {
    const { name, version, manifest, variant, digest } = model;
    const provider = this.#engine.provider?.effective ?? "unknown";
    this.#running = { name, version, manifest, variant, digest, provider };
    this.#options.onModel(this.#running, rule, routed);
    if (this.#started) return;
    this.#started = true;
    this.#pipeline.start();
    for (const { camera } of this.#mounted) camera.start();
  }

  #mount(config: CameraConfig): Mounted {
    const { cameras, deviceId, frameBytesMax, profile } = this.#options;
    const alone = cameras.filter(({ kind }) => kind === "synthetic").length === 1;
    const seed = alone ? deviceId : `${deviceId}/${config.name}`;
    const source = openSource(config, { frameBytesMax, video: profile.video, seed });
    const pipeline = this.#pipeline.sink(config.name);
    const region = regionOf(config);
    const sink =
      config.motion === undefined
        ? pipeline
        : new MotionGate({ sink: pipeline, settings: config.motion, region });
    const watch = this.#watch(config);
    const camera = new Camera({
      name: config.name,
      source,
      sink: watch?.sink(sink) ?? sink,
      onState: (state, reason) => {
        if (state === "streaming" && !mounted.opened) {
          mounted.opened = true;
          if (!this.#applyScene(mounted)) this.#scene = {};
        }
        this.#options.onCamera(config.name, state, reason);
      },
    });
    const mounted: Mounted = { config, source, camera, watch, opened: false };
    return mounted;
  }

  #watch(config: CameraConfig): CameraWatch | undefined {
    const { watches, onHealth, onWatchFault, onCommissioning } = this.#options;
    const settings = healthSettingsOf(config);
    if (settings === null) return undefined;
    const { name } = config;
    return new CameraWatch({
      name,
      settings,
      store: new WatchStore(watches.files, join(watches.folder, name)),
      onEvent: (event) => onHealth(name, event),
      onFault: (message) => onWatchFault(name, message),
      onCommissioning,
    });
  }
}

/** ONNX Runtime in this process, or the program that the configuration names. */
function openEngine({ engine, log }: Pick<EyeOptions, "engine" | "log">): OnnxEngine {
  if (engine.kind === "onnxruntime") return new OnnxEngine();
  const openSession: NonNullable<ModelOptions["openSession"]> = (options) =>
    openChildSession(options, { settings: engine, log });
  return new OnnxEngine({ open: (options) => openModel({ ...options, openSession }) });
}

function ruleOf(confidenceMin: number, output: ModelOptions["manifest"]["output"]): ExceptionRule {
  const scoreMin = "scoreMin" in output ? output.scoreMin : null;
  return { confidenceMin, scoreMin };
}
