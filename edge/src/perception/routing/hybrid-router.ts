/**
 * Hybrid inference for one model: every frame gets an answer by its deadline, the local model's
 * unless the cloud's was there in time. What the cloud says later becomes a correction.
 *
 * INVARIANTS: `answer` waits for the cloud at most until the deadline. A call is tried once. A frame's
 * late answer is told at most once, after its local one, and nothing is told after `stop`. Calls under way are bounded.
 */
import type { RoutingParameters } from "@fieldloop/shared/manifest/routing";
import { agree } from "./agreement.ts";
import {
  type Answer,
  type Correction,
  cloudAnswer,
  correctionOf,
  type Judged,
  type LocalAnswer,
  localAnswer,
} from "./answer.ts";
import type { CallEnd } from "./call-end.ts";
import { type Call, type CallsOptions, CloudCalls } from "./calls.ts";
import type { CloudReply, RoutedFrame } from "./cloud.ts";
import { decideRoute, type Route } from "./decide-route.ts";
import { hardnessOf } from "./hardness.ts";
import { RoutingCounters, type RoutingReport } from "./report.ts";

export interface HybridRouterOptions
  extends Omit<CallsOptions, "counters" | "budgetLimits" | "onFault"> {
  readonly settings: RoutingParameters;
  readonly onCorrection: (correction: Correction) => void;
  /** A callback or a frame's encoder threw: a bug, which costs its one call and no answer. */
  readonly onFault: (error: unknown) => void;
}

/** A longer timer would fire at once (2³¹ ms); every call has ended long before. */
const timerMsMax = 3_600_000;

export class HybridRouter {
  readonly #options: HybridRouterOptions;
  readonly #calls: CloudCalls;
  #settings: RoutingParameters;
  #counters = new RoutingCounters();
  #stopped = false;

  constructor(options: HybridRouterOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#calls = new CloudCalls({
      ...options,
      budgetLimits: options.settings.budget,
      counters: () => this.#counters,
    });
  }

  /** Calls under way, late ones included. */
  get inFlight(): number {
    return this.#calls.inFlight;
  }

  get breaker(): "closed" | "open" | "half-open" {
    return this.#calls.breaker;
  }

  /** Holds for frames from now on; calls under way end as they began. */
  configure(settings: RoutingParameters): void {
    this.#settings = settings;
  }

  /**
   * Answers one frame.
   * @param local the local model's answer, or the promise of it while the model is still at work
   * @param deadlineAt when the answer is due, in milliseconds of the monotonic clock. A local answer
   *   that itself comes later is given when it comes (cloud-first: unless the cloud's comes before it).
   * @throws what `local` rejects with, unless the cloud has answered
   */
  async answer(
    frame: RoutedFrame,
    local: LocalAnswer | Promise<LocalAnswer>,
    deadlineAt: number,
  ): Promise<Answer> {
    const settings = this.#settings;
    const startedAt = this.#options.monotonicMs();
    const judging = this.#judge(local, settings);
    const early =
      settings.mode === "cloud-first" && settings.labels.never.length === 0
        ? this.#route(frame, null, deadlineAt, settings)
        : undefined;
    if (early?.call !== undefined)
      return this.#answerCloudFirst(frame, judging, early.route, early.call, startedAt, deadlineAt);
    const judged = await judging;
    const { route, call } = early ?? this.#route(frame, judged, deadlineAt, settings);
    this.#counters.judged(judged.hardness.level, call !== undefined);
    if (call !== undefined) {
      const end = settings.mode === "async" ? undefined : await this.#within(call, deadlineAt);
      if (end?.kind === "answered") {
        this.#compare(judged, end.reply);
        return this.#answered(cloudAnswer(frame.id, judged, route, end.reply), startedAt);
      }
      if (settings.mode !== "async" && end === undefined) call.overdue();
      if (end === undefined) this.#follow(frame, judged, call);
    }
    return this.#answered(localAnswer(frame.id, judged, route), startedAt);
  }

  /** The truth about a frame that both models have answered; `level` is its hardness level. */
  labelled(level: number, right: { readonly local: boolean; readonly cloud: boolean }): void {
    this.#counters.labelled(level, right);
  }

  /** What has happened since the last `take`. */
  report(): RoutingReport {
    return this.#counters.snapshot();
  }

  /** The same, and begins anew. */
  take(): RoutingReport {
    const report = this.report();
    this.#counters = new RoutingCounters();
    return report;
  }

  /** Gives up all calls; frames that wait are answered locally, and no correction is told any more. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#calls.stop(this.#settings);
  }

  async #answerCloudFirst(
    frame: RoutedFrame,
    judging: Promise<Judged>,
    route: Route,
    call: Call,
    startedAt: number,
    deadlineAt: number,
  ): Promise<Answer> {
    let known: Judged | undefined;
    const judgedOrNot = judging.then(
      (judged) => {
        known = judged;
        this.#counters.judged(judged.hardness.level, true);
      },
      () => {}, // awaited below where the local answer is needed
    );
    let end = await this.#within(call, deadlineAt);
    if (end === undefined) {
      call.overdue();
      // Past the deadline with nothing to say yet: whoever comes first.
      if (known === undefined)
        end = await Promise.race([call.done, judgedOrNot.then(() => undefined)]);
    }
    if (end?.kind === "answered") {
      void judgedOrNot.then(() => known && this.#compare(known, end.reply));
      return this.#answered(cloudAnswer(frame.id, known, route, end.reply), startedAt);
    }
    const judged = await judging;
    if (end === undefined) this.#follow(frame, judged, call);
    return this.#answered(localAnswer(frame.id, judged, route), startedAt);
  }

  #judge(local: LocalAnswer | Promise<LocalAnswer>, settings: RoutingParameters): Promise<Judged> {
    const judging = Promise.resolve(local).then((answer) => ({
      ...answer,
      hardness: hardnessOf(answer.evidence, settings),
    }));
    judging.catch(() => {}); // whoever needs it awaits it again
    return judging;
  }

  #route(
    frame: RoutedFrame,
    local: Judged | null,
    deadlineAt: number,
    settings: RoutingParameters,
  ): { readonly route: Route; readonly call?: Call } {
    const route: Route = this.#stopped
      ? { kind: "local", because: "stopped" }
      : decideRoute({
          settings,
          local,
          deadlineLeftMs: deadlineAt - this.#options.monotonicMs(),
          random: this.#options.random(),
          ...this.#calls.look(frame, settings),
        });
    this.#counters.routed(route);
    return route.kind === "local" ? { route } : { route, call: this.#calls.start(frame, settings) };
  }

  /** The call's end, or `undefined` where the deadline comes first. */
  async #within(call: Call, deadlineAt: number): Promise<CallEnd | undefined> {
    // Whole milliseconds, rounded down: rather a little early than late.
    const leftMs = Math.floor(deadlineAt - this.#options.monotonicMs());
    if (!(leftMs > 0)) return undefined;
    let timer: NodeJS.Timeout | undefined;
    const due = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, Math.min(leftMs, timerMsMax), undefined);
    });
    try {
      return await Promise.race([call.done, due]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Tells the late answer of a frame that is answered locally, should one come. */
  #follow(frame: RoutedFrame, judged: Judged, call: Call): void {
    const answeredAt = this.#options.monotonicMs();
    void call.done.then((end) => {
      if (end.kind !== "answered") return;
      const afterMs = Math.max(0, this.#options.monotonicMs() - answeredAt);
      const correction = correctionOf(frame.id, judged, end.reply, afterMs);
      // In a turn of its own, so that whoever awaits the answer has it before the correction.
      setImmediate(() => this.#tell(correction));
      this.#compare(judged, end.reply);
    });
  }

  #tell(correction: Correction): void {
    if (this.#stopped) return;
    try {
      this.#options.onCorrection(correction);
    } catch (error) {
      this.#options.onFault(error);
    }
  }

  #compare({ decision, hardness }: Judged, reply: CloudReply): void {
    this.#counters.compared(hardness.level, agree(decision, reply.decision));
  }

  #answered(answer: Answer, startedAt: number): Answer {
    this.#counters.answered(answer.source, this.#options.monotonicMs() - startedAt);
    return answer;
  }
}
