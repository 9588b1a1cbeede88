/**
 * Puts the agent together. The wings know nothing of each other; whatever one must tell another
 * passes through here, as a function.
 *
 *   eye ──results──> reporter ──rows──> outbox ──batches──> link ──> cloud
 *    ^ └─ok/failed──> updater <──target── desired <──notice──┘
 *    └──────load────────┘
 */
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deviceApi } from "@fieldloop/shared/contract/device-api";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { DeviceProfile } from "@fieldloop/shared/manifest/profile";
import {
  type DesiredDocument,
  defaultSettings,
  type RemoteSettings,
} from "@fieldloop/shared/messages/twin";
import type { HealthEvent } from "@fieldloop/shared/vision/camera-health/events";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import type { AgentConfig } from "../config.ts";
import { LocalApi } from "../local-api/server.ts";
import type { FrigateInput } from "../perception/observations/frigate-input.ts";
import type { FrameError, FrameResult, Seen } from "../perception/pipeline.ts";
import { systemClock } from "../platform/clock.ts";
import { realFiles } from "../platform/files.ts";
import type { Log } from "../platform/log.ts";
import { eventOfCamera, eventOfResult } from "../reporting/outputs/event.ts";
import type { Outputs } from "../reporting/outputs/outputs.ts";
import { Reporter } from "../reporting/windows/reporter.ts";
import { Benchmarks } from "../upkeep/benchmarks/benchmarks.ts";
import { readVitals } from "../upkeep/health/vitals.ts";
import type { Outcome } from "../upkeep/models/ports.ts";
import { defaultUpdaterLimits } from "../upkeep/models/ports.ts";
import { Updater } from "../upkeep/models/updater.ts";
import type { Identity } from "../upkeep/provisioning/identity.ts";
import { CameraNews } from "./camera-news.ts";
import { commissioningView } from "./commissioning-view.ts";
import { Eye } from "./eye.ts";
import type { Facts } from "./facts.ts";
import type { Hybrid } from "./hybrid.ts";
import { localHandlers } from "./local-handlers.ts";
import { openFacts, openFrigate, openHybrid, openOutputs } from "./open.ts";
import { ownSettings } from "./own-settings.ts";
import { Preview } from "./preview.ts";
import { RecentResults } from "./recent.ts";
import { Sampling } from "./sampling.ts";
import { reportedStateOf } from "./status.ts";
import { openTelling, type Telling } from "./telling.ts";

/** Who the agent works for; `null` where it works for itself. */
export interface CloudTies {
  readonly url: string;
  readonly identity: Identity;
}

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly cloud: CloudTies | null;
  readonly profile: DeviceProfile;
  readonly agentVersion: string;
  readonly log: Log;
}

export class Agent {
  readonly options: AgentOptions;
  readonly boot = randomUUID();
  readonly recent = new RecentResults();
  readonly eye: Eye;
  readonly updater: Updater;
  readonly #reporter: Reporter;
  readonly #api: LocalApi;
  readonly #news: CameraNews;
  readonly #preview: Preview | undefined;
  readonly #benchmarks: Benchmarks | undefined;
  readonly #frigate: FrigateInput | undefined;
  readonly outputs: Outputs;
  readonly facts: Facts;
  readonly sampling: Sampling;
  /** `undefined` where there is no cloud to ask. */
  readonly hybrid: Hybrid | undefined;
  #telling: Telling | undefined;
  #settings: RemoteSettings;

  constructor(options: AgentOptions) {
    const { config, log } = options;
    this.options = options;
    this.#settings = { ...defaultSettings, ...ownSettings(config) };
    this.#reporter = new Reporter({
      clock: systemClock,
      settings: this.#settings,
      append: (report) => this.#telling?.append(report),
    });
    this.#news = new CameraNews((...event) => this.#reporter.event(...event));
    this.outputs = openOutputs(options, this.#reporter);
    this.facts = openFacts(options, this.#reporter, this.outputs);
    this.sampling = new Sampling({ agent: options, reporter: this.#reporter });
    this.sampling.configure(this.#settings.samples);
    this.hybrid = openHybrid({
      agent: options,
      boot: this.boot,
      reporter: this.#reporter,
      isOnline: () => this.#telling?.link.state === "online",
      onResult: (result) => this.#heard(result),
      facts: this.facts,
      sampling: this.sampling,
    });
    this.hybrid?.configure(this.#settings.routing);
    this.eye = this.#openEye();
    this.updater = this.#openUpdater();
    this.#frigate = openFrigate(options, this.eye, this.#reporter);
    this.#preview = this.#openPreview();
    this.#benchmarks = this.#openBenchmarks();
    this.#api = this.#openApi();
    log.debug({ boot: this.boot }, "agent put together");
  }

  /** Address of the local interface. */
  get url(): string {
    return this.#api.url;
  }

  get telling(): Telling | undefined {
    return this.#telling;
  }

  get settings(): RemoteSettings {
    return this.#settings;
  }

  /** @throws AppError where the agent cannot do its work at all: port, data folder, model file */
  async start(): Promise<void> {
    const { config, cloud, log, agentVersion } = this.options;
    await this.#api.start();
    await this.eye.open();
    await this.facts.open();
    await this.sampling.open();
    this.outputs.start();
    if (cloud !== null) this.#telling = await this.#openTelling(cloud);
    this.#reporter.start();
    this.#reporter.event("agent-started", "info", `agent ${agentVersion} started`, {
      boot: this.boot,
    });
    await this.#telling?.start();
    await this.updater.start();
    this.#frigate?.start();
    if (config.model !== undefined && this.eye.model === null) await this.#loadFile(config.model);
    await writeFile(join(config.dataDir, "local-api.url"), `${this.url}\n`);
    log.info({ url: this.url, cameras: config.cameras.length }, "agent is up");
  }

  /** Cameras, pipeline, window, outbox, goodbye: nothing that was seen is lost. */
  async stop(): Promise<void> {
    this.#preview?.stop();
    await this.#frigate?.stop();
    await this.#benchmarks?.stop();
    await this.updater.stop();
    await this.eye.stop();
    await this.hybrid?.stop();
    await this.facts.stop();
    await this.outputs.stop();
    await this.sampling.stop();
    this.#reporter.stop();
    await this.#telling?.stop();
    await this.#api.stop();
    this.options.log.info("agent has stopped");
  }

  #openEye(): Eye {
    const { config, profile, cloud } = this.options;
    return new Eye({
      cameras: config.cameras,
      profile,
      intraOpThreads: config.threads ?? profile.intraOpThreads,
      engine: config.engine,
      log: this.options.log,
      frameBytesMax: config.frameBytesMax,
      deviceId: cloud?.identity.deviceId ?? config.device.name ?? "device",
      onResult: (result, seen) => {
        // The local model has run, whoever answers in the end.
        if (result.model === modelIdOf(this.updater)) this.updater.live(true);
        this.#seen(result, seen);
      },
      onDrop: ({ camera, cause }) => this.#reporter.dropped(camera, this.eye.modelId, cause),
      onError: (error) => this.#failed(error),
      onFault: (error) => this.options.log.error({ reason: messageOf(error) }, "a callback threw"),
      onSceneRefused: (message) => this.#reporter.event("scene-refused", "warning", message),
      onCamera: (camera, state, reason) => {
        const now = Date.now();
        this.#news.changed(camera, state, reason, now);
        const words = reason === null ? state : `${state}: ${reason}`;
        this.outputs.offer(eventOfCamera("camera-state", camera, state, words, now));
        this.#telling?.reported.changed();
      },
      onHealth: (camera, event) => this.#healthChanged(camera, event),
      onWatchFault: (camera, message) => {
        this.options.log.warn({ camera }, message);
        this.#reporter.event("camera-watch-failed", "warning", message, { camera });
      },
      onCommissioning: () => this.#telling?.reported.changed(),
      watches: { files: realFiles, folder: join(config.dataDir, "cameras") },
      onModel: (model, rule, routed) => {
        this.hybrid?.setModel(routed);
        this.sampling.setModel(routed);
        this.#reporter.judgeBy(rule);
        this.options.log.info({ model }, "model is active");
        this.#telling?.reported.changed();
      },
    });
  }

  #healthChanged(camera: string, { kind, message, ...detail }: HealthEvent): void {
    const severity = detail.phase === "raised" ? "warning" : "info";
    this.sampling.cameraChanged(camera);
    this.outputs.offer(
      eventOfCamera("camera-health", camera, detail.condition, message, Date.now()),
    );
    this.#reporter.event(kind, severity, `the camera ${camera}: ${message}`, { camera, ...detail });
    this.#telling?.reported.changed();
  }

  /** Frames of our own model may be asked about in the cloud first. */
  #seen(result: FrameResult, seen: Seen | undefined): void {
    if (this.hybrid !== undefined && seen?.isExternal !== true) this.hybrid.take(result, seen);
    else {
      if (seen !== undefined) this.sampling.consider(result, seen, null);
      this.#heard(result);
    }
  }

  #heard(result: FrameResult): void {
    const { decision, ...frame } = result;
    this.recent.add(result);
    this.#reporter.result({ ...frame, ...decision });
    this.facts.take(result);
    if (this.outputs.wants("result")) this.outputs.offer(eventOfResult(result));
  }

  #failed({ camera, frame, cause, error }: FrameError): void {
    this.#reporter.failed(camera, this.eye.modelId, cause);
    this.options.log.debug({ camera, frame, cause, reason: error.message }, "frame failed");
    const isWaiting = error.code === "no-model" || error.code === "engine-down";
    if (cause === "inference" && !isWaiting) this.updater.live(false);
  }

  #openUpdater(): Updater {
    const { config, cloud, profile, log } = this.options;
    return new Updater({
      files: realFiles,
      folder: join(config.dataDir, "models"),
      profile,
      runtime: this.eye,
      source: cloud && {
        urlOf: blobUrls(cloud.url),
        credential: cloud.identity.credential,
      },
      clock: systemClock,
      random: Math.random,
      log,
      onProgress: (message) => {
        this.#telling?.progress(message);
        this.#telling?.reported.changed();
      },
      onOutcome: (outcome) => this.#updated(outcome),
      limits: defaultUpdaterLimits,
    });
  }

  #updated({ kind, message, model }: Outcome): void {
    const severity = kind === "model-active" ? "info" : "warning";
    this.options.log[severity === "info" ? "info" : "warn"]({ model }, message);
    this.#reporter.event(kind, severity, message, { model });
    this.#telling?.reported.changed();
  }

  #openPreview(): Preview | undefined {
    const { cloud, config, log } = this.options;
    if (cloud === null) return undefined;
    return new Preview({
      cloudUrl: cloud.url,
      credential: cloud.identity.credential,
      cameras: config.cameras.map(({ name }) => name),
      snapshot: (camera, size) => this.eye.snapshot(camera, size),
      commissioning: (camera, withReference) => commissioningView(this.eye, camera, withReference),
      now: () => Date.now(),
      log,
    });
  }

  #openBenchmarks(): Benchmarks | undefined {
    const { cloud, config, profile, log } = this.options;
    if (cloud === null) return undefined;
    const { dataDir } = config;
    return new Benchmarks({
      files: realFiles,
      folder: join(dataDir, "benchmarks"),
      profile,
      threads: config.threads ?? profile.intraOpThreads,
      cloud: { url: cloud.url, credential: cloud.identity.credential },
      urlOf: blobUrls(cloud.url),
      vitals: () => readVitals({ dataDir, thermalFiles: profile.thermalFiles }),
      random: Math.random,
      log,
    });
  }

  #openTelling({ url, identity }: CloudTies): Promise<Telling> {
    const { config, agentVersion, log } = this.options;
    return openTelling({
      config,
      cloudUrl: url,
      identity,
      boot: this.boot,
      agentVersion,
      files: realFiles,
      clock: systemClock,
      log,
      apply: (document) => this.#apply(document),
      collect: () => reportedStateOf(this),
      flush: () => this.#reporter.flush(),
      lookForBenchmarks: () => this.#benchmarks?.look(),
    });
  }

  /** What of a document fails is told as an event; the rest of it still holds. */
  async #apply(document: DesiredDocument): Promise<void> {
    this.options.log.info({ version: document.version }, "applying the desired document");
    this.#settings = document.settings;
    this.#reporter.configure(document.settings);
    this.hybrid?.configure(document.settings.routing);
    this.sampling.configure(document.settings.samples);
    this.#telling?.reported.changed();
    this.eye.configureScene(document.scene);
    this.eye.commission(document.commissions);
    this.#preview?.watch(document.preview?.until ?? null);
    this.updater.setTarget(document.model);
  }

  async #loadFile(model: NonNullable<AgentConfig["model"]>): Promise<void> {
    // Loaded late: reading ONNX files costs memory that an agent fed by a cloud never needs.
    const { loadModelFiles } = await import("../infer/load.ts");
    const { options, warnings } = await loadModelFiles(model.path, model.manifest);
    for (const warning of warnings) this.options.log.warn(warning);
    if (options.model.kind !== "bytes") throw new Error("a model by file is read into memory");
    await this.eye.loadFile(options, {
      confidenceMin: confidenceMinOf(options.manifest),
      variant: "file",
      digest: sha256Of(options.model.bytes),
    });
  }

  #openApi(): LocalApi {
    const { config, log } = this.options;
    return new LocalApi({
      host: config.http.host,
      port: config.http.port,
      bodyBytesMax: config.frameBytesMax,
      log,
      handlers: localHandlers(this),
    });
  }
}

function blobUrls(cloudUrl: string): (digest: string) => string {
  const { path } = deviceApi.blob;
  return (digest) => `${cloudUrl}${path.replace(":digest", digest)}`;
}

function modelIdOf(updater: Updater): string | undefined {
  const manifest = updater.active?.manifest;
  return manifest && `${manifest.name}@${manifest.version}`;
}

function confidenceMinOf(manifest: object): number {
  return "confidenceMin" in manifest && typeof manifest.confidenceMin === "number"
    ? manifest.confidenceMin
    : 0;
}

/** A station reports the truth, and this program does not: said before anything starts. */
export function checkRole(config: AgentConfig): void {
  if (config.device.role === "camera") return;
  throw new AppError({
    code: "role",
    message: `device.role is "${config.device.role}": this agent runs devices of role camera; a station is a program of its own`,
  });
}
