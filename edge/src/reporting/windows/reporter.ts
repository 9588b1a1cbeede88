/** Turns what the pipeline says into outbox rows: windows, exceptions, samples and events. */
import type {
  DropCause,
  ErrorCause,
  ResultReason,
  Severity,
} from "@fieldloop/shared/messages/telemetry";
import { batchLimits } from "@fieldloop/shared/messages/telemetry";
import type { RemoteSettings } from "@fieldloop/shared/messages/twin";
import type { Clock } from "../../platform/clock.ts";
import type { Report } from "../outbox/batch.ts";
import { type CountedResult, WindowAccumulator } from "./accumulator.ts";
import { type ExceptionRule, isException, reasonToReport } from "./choose.ts";

/** A result as the pipeline gives it. */
export interface ReportedResult extends CountedResult {
  readonly frame: string;
  readonly capturedAt: number;
}

export interface ReporterOptions {
  readonly clock: Clock;
  readonly append: (report: Report) => void;
  readonly settings: RemoteSettings;
}

const messageCharsMax = 1000;
const noRule: ExceptionRule = { confidenceMin: 0, scoreMin: null };

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #windows: WindowAccumulator;
  #settings: RemoteSettings;
  #rule: ExceptionRule = noRule;
  #timer: NodeJS.Timeout | undefined;
  #running = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#windows = new WindowAccumulator(options.clock.now());
  }

  start(): void {
    this.#running = true;
    this.#schedule();
  }

  /** Ends the window under way. */
  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
    this.flush();
  }

  /** Changes what is reported; the window under way ends here where its length changes. */
  configure(settings: RemoteSettings): void {
    const windowChanged = settings.windowMs !== this.#settings.windowMs;
    this.#settings = settings;
    if (!windowChanged || !this.#running) return;
    this.flush();
    this.#schedule();
  }

  /** Says what counts as an exception with the model that runs from now on. */
  judgeBy(rule: ExceptionRule): void {
    this.#rule = rule;
  }

  result(result: ReportedResult): void {
    this.#windows.result(result);
    const reason = reasonToReport(result.frame, isException(result, this.#rule), this.#settings);
    if (reason !== undefined) this.#append(result, reason);
  }

  /** What a larger model said later about a frame that has been counted already. */
  correction(result: ReportedResult): void {
    this.#append(result, "correction");
  }

  #append(result: ReportedResult, reason: ResultReason): void {
    const { camera, frame, model, label, confidence } = result;
    this.#options.append({
      kind: "result",
      row: {
        at: Math.max(0, Math.round(result.capturedAt)),
        camera,
        frame,
        model,
        reason,
        label,
        confidence,
        latencyMs: Math.max(0, Math.round(result.latencyMs * 100) / 100),
        detections: result.detections?.slice(0, batchLimits.detectionsMax) ?? null,
      },
    });
  }

  /** Counts what happened in front of a camera; see `vision/tracking/tally.ts` for keys. */
  fact(camera: string, model: string, key: string, by: 1 | -1): void {
    this.#windows.fact(camera, model, key, by);
  }

  dropped(camera: string, model: string, cause: DropCause): void {
    this.#windows.dropped(camera, model, cause);
  }

  failed(camera: string, model: string, cause: ErrorCause): void {
    this.#windows.failed(camera, model, cause);
  }

  /** Reports something that happened once, as a sentence. */
  event(
    kind: string,
    severity: Severity,
    message: string,
    detail: Readonly<Record<string, unknown>> = {},
  ): void {
    const at = Math.max(0, this.#options.clock.now());
    const row = { at, kind, severity, message: message.slice(0, messageCharsMax), detail };
    this.#options.append({ kind: "event", row });
  }

  /** Ends the windows under way and records them. */
  flush(): void {
    for (const row of this.#windows.take(Math.max(0, this.#options.clock.now())))
      this.#options.append({ kind: "window", row });
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.flush();
      this.#schedule();
    }, this.#settings.windowMs);
  }
}
