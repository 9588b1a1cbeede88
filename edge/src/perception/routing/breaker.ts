/**
 * Circuit breaker of the calls to the cloud, as a pure state machine (M. Nygard, "Release It!",
 * 2007, with a sliding window of the last calls).
 *
 *   closed ──failures──▶ open ──time──▶ half-open ──enough successes──▶ closed
 *                          ◀──one failure──┘
 *
 * INVARIANT: half-open has at most one probe out. Each change of state and each probe starts a new
 * epoch; what an earlier epoch's calls come to is ignored, so a burst of late time-outs can neither
 * open a breaker that has closed since, nor stand for a probe.
 */
import { backoffMs } from "@fieldloop/shared/backoff";
import type { BreakerLimits } from "@fieldloop/shared/manifest/routing";

/** A call that has come to an end; `at` in milliseconds of the monotonic clock. */
interface EndedCall {
  readonly at: number;
  readonly ok: boolean;
}

export type BreakerState =
  | { readonly kind: "closed"; readonly epoch: number; readonly calls: readonly EndedCall[] }
  | {
      readonly kind: "open";
      readonly epoch: number;
      readonly until: number;
      /** How often it has opened since it was last closed. */
      readonly openings: number;
    }
  | {
      readonly kind: "half-open";
      readonly epoch: number;
      readonly openings: number;
      readonly successes: number;
      readonly probing: boolean;
    };

/** Permission for one call; its outcome is due exactly once, whatever becomes of it. */
export interface BreakerTicket {
  readonly epoch: number;
  readonly probe: boolean;
}

export type BreakerOutcome =
  | { readonly kind: "success" }
  /** With the time the cloud asked to be left alone, where it did (`Retry-After`). */
  | { readonly kind: "failure"; readonly retryAfterMs?: number }
  /** Given up by this side: says nothing about the cloud. */
  | { readonly kind: "cancelled" };

export const closedBreaker: BreakerState = { kind: "closed", epoch: 0, calls: [] };

/** Whether a call may start now, without starting one. */
export function mayCall(state: BreakerState, now: number): "call" | "probe" | "no" {
  if (state.kind === "closed") return "call";
  if (state.kind === "open") return now >= state.until ? "probe" : "no";
  return state.probing ? "no" : "probe";
}

/** Starts a call where one may start. `ticket` is `undefined` where none may. */
export function admit(
  state: BreakerState,
  now: number,
): { readonly state: BreakerState; readonly ticket: BreakerTicket | undefined } {
  const may = mayCall(state, now);
  if (may === "no") return { state, ticket: undefined };
  if (state.kind === "closed") return { state, ticket: { epoch: state.epoch, probe: false } };
  const epoch = state.epoch + 1;
  const successes = state.kind === "half-open" ? state.successes : 0;
  return {
    state: { kind: "half-open", epoch, openings: state.openings, successes, probing: true },
    ticket: { epoch, probe: true },
  };
}

/**
 * What a call's outcome makes of the state.
 * @param random uniform in [0, 1), for the time it stays open
 */
export function settle(
  state: BreakerState,
  ticket: BreakerTicket,
  outcome: BreakerOutcome,
  now: number,
  random: number,
  limits: BreakerLimits,
): BreakerState {
  if (ticket.epoch !== state.epoch || state.kind === "open") return state;
  if (state.kind === "closed") {
    return ticket.probe ? state : settleClosed(state, outcome, now, random, limits);
  }
  if (!ticket.probe || !state.probing) return state;
  if (outcome.kind === "cancelled") return { ...state, probing: false };
  if (outcome.kind === "failure")
    return opened(state.epoch, state.openings, outcome, now, random, limits);
  const successes = state.successes + 1;
  return successes >= limits.successesMin
    ? { kind: "closed", epoch: state.epoch + 1, calls: [] }
    : { ...state, successes, probing: false };
}

function settleClosed(
  state: BreakerState & { readonly kind: "closed" },
  outcome: BreakerOutcome,
  now: number,
  random: number,
  limits: BreakerLimits,
): BreakerState {
  if (outcome.kind === "cancelled") return state;
  const recent = state.calls.filter(({ at }) => now - at < limits.windowMs);
  const calls = [...recent, { at: now, ok: outcome.kind === "success" }].slice(-limits.callsMax);
  const failures = calls.filter(({ ok }) => !ok).length;
  // A cloud that names a time is believed at once.
  const told = outcome.kind === "failure" && outcome.retryAfterMs !== undefined;
  const enough =
    calls.length >= Math.min(limits.callsMin, limits.callsMax) &&
    failures / calls.length >= limits.failureShareMin;
  return outcome.kind === "failure" && (told || enough)
    ? opened(state.epoch, 0, outcome, now, random, limits)
    : { ...state, calls };
}

/** Open for a jittered time whose ceiling doubles with each opening; a named time is a lower bound. */
function opened(
  epoch: number,
  openings: number,
  outcome: { readonly retryAfterMs?: number },
  now: number,
  random: number,
  limits: BreakerLimits,
): BreakerState {
  const { openMsMin, openMsMax } = limits;
  const own = backoffMs(openings, { delayMsMin: openMsMin, delayMsMax: openMsMax }, random);
  const asked = Math.min(openMsMax, Math.max(0, outcome.retryAfterMs ?? 0));
  const until = now + Math.max(own, Number.isNaN(asked) ? 0 : asked);
  return { kind: "open", epoch: epoch + 1, until, openings: openings + 1 };
}
