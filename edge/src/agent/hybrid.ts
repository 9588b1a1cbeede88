/**
 * Hybrid inference as the agent holds it: a router for the model that runs, the cloud behind it, and
 * the way of every result through it. Where nothing is asked, results pass as they come. The router
 * could ask while the local model runs (cloud-first); here it is asked with the local answer in hand.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "@fieldloop/shared/errors";
import { taskOf } from "@fieldloop/shared/manifest/model";
import {
  effectiveRouting,
  type RoutingOverride,
  type RoutingParameters,
  routingOverride,
  routingProblems,
} from "@fieldloop/shared/manifest/routing";
import type { ReportedState } from "@fieldloop/shared/messages/twin";
import { quantile } from "@fieldloop/shared/sketches/histogram";
import { encodeJpeg } from "@fieldloop/shared-node/image";
import { OpenInferenceClient } from "@fieldloop/shared-node/wire/open-inference-client";
import type { FrameResult, Seen } from "../perception/pipeline.ts";
import type { Answer } from "../perception/routing/answer.ts";
import { openInferenceCloud } from "../perception/routing/cloud-client.ts";
import type { DetectionEvidence } from "../perception/routing/hardness.ts";
import { HybridRouter } from "../perception/routing/hybrid-router.ts";
import type { Connection } from "../perception/routing/link.ts";
import { writeAtomicSync } from "../platform/files.ts";
import type { Log } from "../platform/log.ts";
import { evidenceOf, type RoutedModel } from "./evidence.ts";
import type { CloudOpinion } from "./sampling.ts";

export interface HybridOptions {
  readonly cloud: { readonly url: string; readonly credential: string };
  /** Begins the idempotency key of every frame: device and boot. */
  readonly keyPrefix: string;
  readonly folder: string;
  readonly connection: () => Connection;
  /** What each object in front of a camera has been taken for, as `DetectionEvidence.tracks`. */
  readonly tracksOf: (camera: string) => DetectionEvidence["tracks"];
  /** What holds for a frame, at its deadline. */
  readonly onResult: (result: FrameResult) => void;
  /** What the cloud says later about a frame that was answered locally, as a result of its own. */
  readonly onCorrection: (result: FrameResult) => void;
  /** Whatever is known of a frame by now, once for each: the cloud's opinion too, where it has one. */
  readonly onKnown: (result: FrameResult, seen: Seen, cloud: CloudOpinion | null) => void;
  readonly onProblem: (message: string) => void;
  readonly log: Log;
}

interface Active {
  readonly model: RoutedModel;
  readonly settings: RoutingParameters;
  readonly cloudModel: string;
  readonly client: OpenInferenceClient;
  readonly router: HybridRouter;
}

/** A picture need not be much larger than the larger model's input. */
const pictureWidthMin = 320;
/**
 * What a picture may weigh for each pixel of a square of its width: more than photographs take at a
 * good quality. A loose bound would reserve budget, and refuse on slow lines, for bytes never sent.
 */
const bytesPerPixel = 1 / 3;

export class Hybrid {
  readonly #options: HybridOptions;
  #model: RoutedModel | undefined;
  #wished: RoutingOverride = {};
  #wishedText = "{}";
  #active: Active | undefined;
  /** Results whose late answers may still come, by frame. */
  readonly #told = new Map<string, { readonly result: FrameResult; readonly seen: Seen }>();
  /** The last frame of each camera that waits, at most until its deadline. */
  readonly #waiting = new Map<string, Promise<void>>();
  #count = 0;

  constructor(options: HybridOptions) {
    this.#options = options;
  }

  /** Another model runs from now on. */
  setModel(model: RoutedModel): void {
    this.#model = model;
    this.#reopen();
  }

  /**
   * What the device's settings say, over the model's manifest.
   * @param wished a `routingOverride`; one that is none is told and left out
   */
  configure(wished: Readonly<Record<string, unknown>> | undefined): void {
    const text = JSON.stringify(wished ?? {});
    if (text === this.#wishedText) return;
    this.#wishedText = text;
    const read = routingOverride.safeParse(wished ?? {});
    if (!read.success) {
      const reason = read.error.issues[0]?.message ?? "invalid";
      this.#options.onProblem(`the settings for asking the cloud are left out: ${reason}`);
    }
    this.#wished = read.data ?? {};
    this.#reopen();
  }

  /**
   * Takes a result of the local model; tells what holds, now or by its deadline. A camera's results are
   * told in the order of their frames, so one may wait for the frame before it.
   */
  take(result: FrameResult, seen: Seen | undefined): void {
    const active = this.#active;
    const before = this.#waiting.get(result.camera);
    if (active === undefined && seen !== undefined) this.#options.onKnown(result, seen, null);
    if (before === undefined && (active === undefined || seen === undefined)) {
      this.#options.onResult(result);
      return;
    }
    const told =
      active === undefined || seen === undefined
        ? Promise.resolve(result)
        : this.#route(active, result, seen);
    const waiting = Promise.all([told, before]).then(([answered]) => {
      if (this.#waiting.get(result.camera) === waiting) this.#waiting.delete(result.camera);
      this.#options.onResult(answered);
    });
    waiting.catch((error) =>
      this.#options.log.error({ reason: messageOf(error) }, "telling threw"),
    );
    this.#waiting.set(result.camera, waiting);
  }

  report(): ReportedState["routing"] {
    if (this.#active === undefined) return null;
    const { router, settings, cloudModel } = this.#active;
    const {
      callMs,
      localAnswerMs: _,
      cloudAnswerMs: __,
      callBytes: ___,
      ...report
    } = router.report();
    const [p50, p95] = [quantile(callMs, 0.5), quantile(callMs, 0.95)];
    return {
      mode: settings.mode,
      cloudModel,
      breaker: router.breaker,
      frames: report.frames,
      offloaded: report.offloaded,
      local: withoutZeros(report.local),
      offload: withoutZeros(report.offload),
      calls: withoutZeros(report.calls),
      compared: report.compared,
      agreed: report.agreed,
      bytesSent: report.bytesSent,
      bytesReceived: report.bytesReceived,
      callMs: p50 === undefined || p95 === undefined ? null : { p50, p95 },
      bins: report.bins.map(({ frames, offloaded, compared, agreed }) => {
        return { frames, offloaded, compared, agreed };
      }),
    };
  }

  /** Frames that wait are answered locally, and told; no late answer is told any more. */
  async stop(): Promise<void> {
    this.#close();
    await Promise.allSettled(this.#waiting.values());
  }

  #close(): void {
    this.#active?.router.stop();
    this.#active?.client.close();
    this.#active = undefined;
  }

  #reopen(): void {
    this.#close();
    const model = this.#model;
    if (model === undefined) return;
    const settings = effectiveRouting(model.manifest.routing, this.#wished);
    if (settings.mode === "edge-only") return;
    const [problem] = routingProblems(settings, model.manifest);
    if (problem !== undefined) {
      this.#options.onProblem(`the cloud is not asked about hard frames: ${problem}`);
      return;
    }
    this.#active = this.#open(model, settings);
  }

  #open(model: RoutedModel, settings: RoutingParameters): Active {
    const { cloud, connection, onProblem, log } = this.#options;
    const client = new OpenInferenceClient({
      url: cloud.url,
      headers: { authorization: `Bearer ${cloud.credential}` },
    });
    const cloudModel = settings.cloudModel ?? model.manifest.name;
    const task = taskOf(model.manifest.output);
    const router = new HybridRouter({
      settings,
      cloud: openInferenceCloud({ client, model: cloudModel, task }),
      connection,
      monotonicMs: () => performance.now(),
      random: Math.random,
      savedBudget: this.#savedBudget(),
      saveBudget: (saved) => {
        try {
          writeAtomicSync(this.#budgetFile, JSON.stringify(saved));
        } catch (error) {
          onProblem(`the budget for asking the cloud cannot be kept: ${messageOf(error)}`);
        }
      },
      onCorrection: ({ frame, cloud: decision, proposed, afterMs }) => {
        const told = this.#told.get(frame);
        this.#told.delete(frame);
        if (told === undefined) return;
        const { result, seen } = told;
        const latencyMs = result.latencyMs + afterMs;
        this.#options.onCorrection({ ...result, decision, model: proposed.by, latencyMs });
        this.#options.onKnown(result, seen, { model: proposed.by, decision });
      },
      onFault: (error) => log.error({ reason: messageOf(error) }, "routing threw"),
    });
    return { model, settings, cloudModel, client, router };
  }

  /** The result that holds by the deadline. Never rejects. */
  async #route(active: Active, result: FrameResult, seen: Seen): Promise<FrameResult> {
    const { settings, router, model } = active;
    const { frame, region } = seen;
    const takenIn = performance.now() - result.stagesMs.total;
    const id = `${this.#options.keyPrefix}:${this.#count++}`;
    const widthMax = Math.max(pictureWidthMin, 2 * model.variant.input.width);
    const bytesMax = Math.min(
      settings.cropBytesMax,
      Math.ceil(widthMax * widthMax * bytesPerPixel),
    );
    const asked = {
      id,
      key: id,
      cropBytesMax: bytesMax,
      ...(region && { region }),
      encode: () => encodeJpeg(frame.image, { widthMax, bytesMax, region }),
    };
    const tracks = this.#options.tracksOf(result.camera);
    const local = { decision: result.decision, evidence: evidenceOf(model, result, seen, tracks) };
    try {
      const answer = await router.answer(asked, local, takenIn + settings.deadlineMs);
      this.#remember(answer, result, seen, settings);
      return toResult(answer, result, performance.now() - takenIn);
    } catch (error) {
      this.#options.log.error({ reason: messageOf(error) }, "routing threw");
      return result; // the local answer holds whatever happens
    }
  }

  /** Keeps what a late answer will need, for as many frames as calls may be under way. */
  #remember(
    { frame, route, source, cloud }: Answer,
    result: FrameResult,
    seen: Seen,
    settings: RoutingParameters,
  ): void {
    if (route.kind !== "offload" || source === "cloud") {
      this.#options.onKnown(result, seen, cloud);
      return;
    }
    this.#told.set(frame, { result, seen });
    for (const [oldest, told] of this.#told) {
      if (this.#told.size <= 2 * settings.inFlightMax) break;
      this.#told.delete(oldest);
      this.#options.onKnown(told.result, told.seen, null);
    }
  }

  get #budgetFile(): string {
    return join(this.#options.folder, "routing-budget.json");
  }

  /** `undefined` on a first start; anything unreadable counts as spent. */
  #savedBudget(): unknown {
    try {
      return JSON.parse(readFileSync(this.#budgetFile, "utf8"));
    } catch (error) {
      const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
      return missing ? undefined : null;
    }
  }
}

/** The result that holds: the local one, or the cloud's in its place. */
function toResult(answer: Answer, result: FrameResult, tookMs: number): FrameResult {
  if (answer.source === "local" || answer.cloud === null) return result;
  const waitedMs = Math.max(0, tookMs - result.stagesMs.total);
  return {
    ...result,
    decision: answer.cloud.decision,
    model: answer.cloud.model,
    stagesMs: { ...result.stagesMs, total: tookMs },
    latencyMs: result.latencyMs + waitedMs,
  };
}

function withoutZeros(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0));
}
