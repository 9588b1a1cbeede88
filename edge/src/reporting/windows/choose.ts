/** Which single results are worth telling besides the windows. Pure. */
import type { Detection, ResultReason } from "@fieldloop/shared/messages/telemetry";
import type { RemoteSettings } from "@fieldloop/shared/messages/twin";
import { isSampled } from "@fieldloop/shared/sampling";

/** What of a model's manifest says when a result is an exception. */
export interface ExceptionRule {
  /** Below this confidence a classifier is unsure; 0 makes nothing an exception. */
  readonly confidenceMin: number;
  /** Below this score a detector reports nothing; `null` for a classifier. */
  readonly scoreMin: number | null;
}

/**
 * Is this a result somebody should look at? A classifier's is when it is unsure of its class. A
 * detector's is when any of its findings is: one that is hardly above the threshold may be nothing,
 * while an empty frame is an ordinary answer.
 */
export function isException(
  result: { readonly confidence: number; readonly detections: readonly Detection[] | null },
  rule: ExceptionRule,
): boolean {
  if (result.detections === null) return result.confidence < rule.confidenceMin;
  const sure = Math.max(rule.confidenceMin, rule.scoreMin ?? 0);
  return result.detections.some(({ score }) => score < sure);
}

/** Why a result is reported, or `undefined` where only its window counts it. */
export function reasonToReport(
  frame: string,
  exception: boolean,
  settings: Pick<RemoteSettings, "results" | "sampleShare">,
): ResultReason | undefined {
  if (settings.results === "all") return exception ? "exception" : "all";
  if (exception) return "exception";
  if (settings.results === "sampled" && isSampled(frame, settings.sampleShare)) return "sampled";
  return undefined;
}
