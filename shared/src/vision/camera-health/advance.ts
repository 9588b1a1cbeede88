/**
 * Features over time → events. Each condition lives for itself:
 *
 *   well ── median ≥ enter ──> pending ── for persistMs, unexplained ──> raised (event)
 *    ^ └──── median < enter ─────┘                                         │
 *    └─────────── (event) cleared <── for clearMs ── median < leave ───────┘
 *
 * What cannot be seen is neither raised nor cleared; what another condition explains is not raised.
 */
import { eventOf, type HealthEvent, type Movement } from "./events.ts";
import {
  type ConditionState,
  eachCondition,
  type HealthState,
  initialHealthState,
  raisedConditions,
  unknown,
} from "./health-state.ts";
import { type ConditionValue, explainersOf, isConfident, isDayAt, valuesOf } from "./judge.ts";
import type { HealthFeatures } from "./measure.ts";
import type { Condition, HealthSettings } from "./settings.ts";
import { median } from "./tone.ts";

/** Fewer measurements than this have no median to go by. */
const recentMin = 3;

/**
 * Takes in the features of one frame. Call it every 10 to 60 seconds; with `registration` in the
 * features at least every five minutes.
 * @param now Unix milliseconds; when the clock goes back, counting begins anew
 */
export function advance(
  state: HealthState,
  features: HealthFeatures,
  now: number,
  settings: HealthSettings,
): { readonly state: HealthState; readonly events: readonly HealthEvent[] } {
  const values = valuesOf(features, isDayAt(now, settings));
  const taken = eachCondition((condition) =>
    takenIn(state.conditions[condition], values[condition], now, settings),
  );
  const movements = movementsOf(state.movements, features, settings.medianCount);
  const movement = middleOf(movements);
  const coveredShare = median(taken.covered.recent);
  const events: HealthEvent[] = [];
  const next = eachCondition((condition) => {
    const before = taken[condition];
    const rule = settings.conditions[condition];
    if (values[condition] === undefined && rule.enabled) return before;
    const isExplained = explainersOf(condition, coveredShare).some((other) =>
      isSuspect(taken[other], other, settings),
    );
    const { condition: after, phase } = judged(before, condition, {
      now,
      settings,
      isExplained,
      isSeen: values[condition] !== null,
    });
    if (phase !== undefined) {
      events.push(
        eventOf(condition, {
          phase,
          since: (phase === "raised" ? after.raisedSince : before.raisedSince) ?? now,
          value: median(before.recent) ?? 0,
          threshold: phase === "raised" ? rule.enterShareMin : rule.leaveShareMax,
          movement,
        }),
      );
    }
    return after;
  });
  return { state: { v: 1, conditions: next, movements }, events };
}

/**
 * What to do when the camera gets a new reference: everything raised is cleared, since it was held
 * against the old one, and counting begins anew.
 */
export function recommissioned(
  state: HealthState,
  settings: HealthSettings,
): { readonly state: HealthState; readonly events: readonly HealthEvent[] } {
  const events = raisedConditions(state).map((condition) =>
    eventOf(condition, {
      phase: "cleared",
      since: state.conditions[condition].raisedSince ?? 0,
      value: median(state.conditions[condition].recent) ?? 0,
      threshold: settings.conditions[condition].leaveShareMax,
      movement: middleOf(state.movements),
    }),
  );
  return { state: initialHealthState(), events };
}

/** The new value put to the latest ones; what cannot be seen makes the count begin anew. */
function takenIn(
  state: ConditionState,
  value: ConditionValue,
  now: number,
  { medianCount, gapMsMax }: HealthSettings,
): ConditionState {
  if (value === undefined) return state;
  if (value === null) return { ...unknown, at: now, raisedSince: state.raisedSince };
  const isGap = state.at === null || now < state.at || now - state.at > gapMsMax;
  const kept = isGap ? { ...unknown, raisedSince: state.raisedSince } : state;
  return { ...kept, at: now, recent: [...kept.recent, value].slice(-medianCount) };
}

/** Whether a condition may hold: it is raised, or on its way, or its latest value says so. */
function isSuspect(state: ConditionState, condition: Condition, settings: HealthSettings): boolean {
  const { enabled, enterShareMin } = settings.conditions[condition];
  if (!enabled) return false;
  const latest = state.recent.at(-1) ?? 0;
  return state.raisedSince !== null || state.pendingSince !== null || latest >= enterShareMin;
}

function judged(
  state: ConditionState,
  condition: Condition,
  facts: {
    readonly now: number;
    readonly settings: HealthSettings;
    readonly isExplained: boolean;
    readonly isSeen: boolean;
  },
): { readonly condition: ConditionState; readonly phase?: "raised" | "cleared" } {
  const { now, settings } = facts;
  const rule = settings.conditions[condition];
  if (!rule.enabled) {
    return { condition: unknown, ...(state.raisedSince === null ? {} : { phase: "cleared" }) };
  }
  const level = median(state.recent);
  const waiting = { ...state, pendingSince: null, clearingSince: null };
  const isEnough = state.recent.length >= Math.min(recentMin, settings.medianCount);
  if (!facts.isSeen || level === undefined || !isEnough) return { condition: waiting };
  if (state.raisedSince === null) {
    if (facts.isExplained || level < rule.enterShareMin) return { condition: waiting };
    const pendingSince = state.pendingSince ?? now;
    if (now - pendingSince < persistMsOf(condition, settings)) {
      return { condition: { ...waiting, pendingSince } };
    }
    return { condition: { ...waiting, raisedSince: pendingSince }, phase: "raised" };
  }
  if (level >= rule.leaveShareMax) return { condition: waiting };
  const clearingSince = state.clearingSince ?? now;
  if (now - clearingSince < rule.clearMs) return { condition: { ...waiting, clearingSince } };
  return { condition: { ...waiting, raisedSince: null }, phase: "cleared" };
}

/** Without knowing when it is day, a picture without colour must outlast any night. */
function persistMsOf(condition: Condition, settings: HealthSettings): number {
  const isNightPossible = condition === "infrared-stuck" && settings.daylight === null;
  return isNightPossible ? settings.nightMsMax : settings.conditions[condition].persistMs;
}

function movementsOf(
  before: readonly Movement[],
  { registration }: HealthFeatures,
  count: number,
): Movement[] {
  if (registration === undefined || registration === null || !isConfident(registration)) {
    return [...before];
  }
  const { dx, dy, rotationDegrees } = registration;
  return [...before, { dx, dy, rotationDegrees }].slice(-count);
}

function middleOf(movements: readonly Movement[]): Movement {
  const middle = (of: (movement: Movement) => number) => median(movements.map(of)) ?? 0;
  return {
    dx: middle(({ dx }) => dx),
    dy: middle(({ dy }) => dy),
    rotationDegrees: middle(({ rotationDegrees }) => rotationDegrees),
  };
}
