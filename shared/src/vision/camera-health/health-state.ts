/** What is remembered of a camera between two looks. */
import * as z from "zod/mini";
import { timeMs } from "../../ids.ts";
import { type Condition, conditions } from "./settings.ts";

const instant = z.nullable(timeMs);
const conditionState = z.strictObject({
  /** When it was last measured. */
  at: instant,
  /** Latest values, oldest first. */
  recent: z.array(z.number()).check(z.maxLength(15)),
  pendingSince: instant,
  raisedSince: instant,
  clearingSince: instant,
});
export type ConditionState = z.infer<typeof conditionState>;

/** Serialisable, so that a restart neither forgets nor repeats. */
export const healthState = z.strictObject({
  v: z.literal(1),
  conditions: z.record(z.enum(conditions), conditionState),
  /** Latest movements that could be measured, oldest first. */
  movements: z
    .array(z.strictObject({ dx: z.number(), dy: z.number(), rotationDegrees: z.number() }))
    .check(z.maxLength(15)),
});
export type HealthState = z.infer<typeof healthState>;

/** A condition of which nothing is known yet. */
export const unknown: ConditionState = {
  at: null,
  recent: [],
  pendingSince: null,
  raisedSince: null,
  clearingSince: null,
};

export function initialHealthState(): HealthState {
  return { v: 1, conditions: eachCondition(() => unknown), movements: [] };
}

/** Conditions that hold now, most telling first. */
export function raisedConditions(state: HealthState): readonly Condition[] {
  return conditions.filter((condition) => state.conditions[condition].raisedSince !== null);
}

export function eachCondition<Value>(
  of: (condition: Condition) => Value,
): Record<Condition, Value> {
  return Object.fromEntries(conditions.map((name) => [name, of(name)])) as Record<Condition, Value>; // one entry per condition
}
