/** What a call costs and how it ends, for budget, breaker and report. Pure. */
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { RoutingParameters } from "@fieldloop/shared/manifest/routing";
import type { BreakerOutcome } from "./breaker.ts";
import type { Spending } from "./budget.ts";
import type { CloudReply, RoutedFrame, Traffic } from "./cloud.ts";
import type { CallOutcome } from "./report.ts";

/** How a call ended. */
export type CallEnd =
  | { readonly kind: "answered"; readonly reply: CloudReply; readonly ms: number }
  | { readonly kind: "failed"; readonly error: AppError }
  | { readonly kind: "unsent" }
  | { readonly kind: "gone" };

/**
 * Heads of request and answer and the answer itself, beside the picture: about 750 bytes for a
 * classifier over a kept connection. What weighs more, such as base64, is owed and paid off later.
 */
const overheadBytes = 2048;

/** Upper bound of what a call takes. */
export function spendingOf(frame: RoutedFrame, settings: RoutingParameters): Spending {
  return { bytes: frame.cropBytesMax + overheadBytes, cost: settings.budget.costPerCall, calls: 1 };
}

/** What a call took. Where nobody knows how far it came it counts in full. */
export function spent(end: CallEnd, reserved: Spending): Spending {
  if (end.kind === "unsent") return { bytes: 0, cost: 0, calls: 0 };
  const traffic = end.kind === "gone" ? undefined : knownTraffic(end);
  if (traffic === undefined) return reserved;
  const bytes = traffic.sent + traffic.received;
  return { bytes, cost: traffic.sent > 0 ? reserved.cost : 0, calls: 1 };
}

function knownTraffic(end: CallEnd & { kind: "answered" | "failed" }): Traffic | undefined {
  if (end.kind === "answered") return end.reply.traffic;
  const { sent, received } = end.error.detail ?? {};
  return typeof sent === "number" && typeof received === "number" ? { sent, received } : undefined;
}

/** Bytes for the report; 0 where nobody knows. */
export function trafficOf(end: CallEnd): Traffic {
  const none = { sent: 0, received: 0 };
  return end.kind === "answered" || end.kind === "failed" ? (knownTraffic(end) ?? none) : none;
}

/**
 * What the breaker hears.
 * @param overdue the frame had to be answered without it
 */
export function breakerOutcome(end: CallEnd, overdue: boolean): BreakerOutcome {
  if (end.kind === "gone" || end.kind === "unsent") return { kind: "cancelled" };
  if (end.kind === "answered") return { kind: overdue ? "failure" : "success" };
  const { retryAfterMs } = end.error.detail ?? {};
  return {
    kind: "failure",
    ...(typeof retryAfterMs === "number" && { retryAfterMs }),
  };
}

const outcomesByCode: Readonly<Record<string, CallOutcome>> = {
  "inference-timeout": "timeout",
  "inference-refused": "refused",
  "inference-dns": "refused",
  "inference-tls": "refused",
  "inference-overloaded": "overloaded",
  "inference-malformed": "malformed",
};

/** What the report counts. */
export function callOutcome(end: CallEnd, overdue: boolean): CallOutcome {
  if (end.kind === "answered") return overdue ? "late" : "answered";
  if (end.kind === "failed") return outcomesByCode[end.error.code] ?? "failed";
  return end.kind;
}

export function timedOut(callMsMax: number): AppError {
  return new AppError({
    code: "inference-timeout",
    message: `the cloud's model gave no answer within ${callMsMax} ms`,
    status: 504,
    retryable: true,
  });
}

export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const message = `the call to the cloud's model failed: ${messageOf(error)}`;
  return new AppError({ code: "inference-failed", message, retryable: true, cause: error });
}
