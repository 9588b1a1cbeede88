/**
 * What calls to the cloud may spend, as token buckets: calls an hour, bytes an hour and a day, cost
 * a day. Pure; time is the monotonic clock's, so setting the wall clock neither fills nor empties
 * anything.
 *
 * INVARIANT, per bucket and over any stretch of t milliseconds: spent ≤ limit · (1 + t / period),
 * and as much more as calls turned out to weigh than was reserved, which later calls pay off.
 */
import type { BudgetLimits } from "@fieldloop/shared/manifest/routing";
import * as z from "zod/mini";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

export const buckets = ["callsPerHour", "bytesPerHour", "bytesPerDay", "costPerDay"] as const;
export type Bucket = (typeof buckets)[number];
type Levels = Readonly<Record<Bucket, number>>;

const periodMs: Levels = {
  callsPerHour: hourMs,
  bytesPerHour: hourMs,
  bytesPerDay: dayMs,
  costPerDay: dayMs,
};

export interface BudgetState {
  /** What is left, at most the limit; below 0 where calls weighed more than was reserved. */
  readonly levels: Levels;
  /** When the levels were right, in milliseconds of the monotonic clock. */
  readonly at: number;
}

/** What a call takes, before it is sent as an upper bound and afterwards as it was. */
export interface Spending {
  readonly bytes: number;
  readonly cost: number;
  readonly calls: number;
}

/** Levels as they are kept on disk. */
const level = z.number().check(z.gte(-1e15), z.lte(1e15));
export const savedBudget = z.strictObject({
  v: z.literal(1),
  levels: z.strictObject({
    callsPerHour: level,
    bytesPerHour: level,
    bytesPerDay: level,
    costPerDay: level,
  }),
});
export type SavedBudget = z.infer<typeof savedBudget>;

/** A full budget, for a device's first start. */
export function fullBudget(limits: BudgetLimits, now: number): BudgetState {
  return { levels: capacities(limits), at: now };
}

/**
 * The budget after a restart. How long the agent was down is not known for certain, as the wall
 * clock may have been set meanwhile, so nothing is filled for that time.
 * @param saved what was kept; `undefined` on a first start, which begins full. What cannot be read
 *   begins empty, so that a damaged file is no way around the limits.
 */
export function restoreBudget(saved: unknown, limits: BudgetLimits, now: number): BudgetState {
  if (saved === undefined) return fullBudget(limits, now);
  const parsed = savedBudget.safeParse(saved);
  const capacity = capacities(limits);
  const kept = (bucket: Bucket) =>
    parsed.success ? Math.min(capacity[bucket], parsed.data.levels[bucket]) : 0;
  return { levels: perBucket(kept), at: now };
}

/**
 * What to keep on disk: exact where the agent stops; in operation a twentieth of each limit below
 * the truth. Then a new write is due only when a level sinks under the kept one or has risen far above
 * it (`dueForSaving`), and a power cut can only lose budget and never win it back. That is about
 * twenty writes for a whole budget instead of one a call.
 */
export function toSave(state: BudgetState, limits: BudgetLimits, exact: boolean): SavedBudget {
  const capacity = capacities(limits);
  const kept = (bucket: Bucket) => state.levels[bucket] - (exact ? 0 : capacity[bucket] / 20);
  return { v: 1, levels: perBucket((bucket) => Math.max(-1e15, kept(bucket))) };
}

/**
 * Whether what is on disk should be written anew: it promises more than there is, or it is more than a
 * quarter of a limit too low, as after quiet hours.
 */
export function dueForSaving(
  saved: SavedBudget,
  state: BudgetState,
  limits: BudgetLimits,
): boolean {
  const capacity = capacities(limits);
  return buckets.some((bucket) => {
    const ahead = state.levels[bucket] - saved.levels[bucket];
    return ahead < 0 || ahead > capacity[bucket] / 4;
  });
}

/** The first bucket that has too little for a call, or `null` where all have enough. */
export function shortOf(
  state: BudgetState,
  limits: BudgetLimits,
  spending: Spending,
  now: number,
): Bucket | null {
  const { levels } = refilled(state, limits, now);
  const needs = needsOf(spending);
  // Not `<`: what is not a number is never enough.
  return (
    buckets.find((bucket) => needs[bucket] !== 0 && !(levels[bucket] >= needs[bucket])) ?? null
  );
}

/** Takes an upper bound before a call is sent. */
export function reserve(
  state: BudgetState,
  limits: BudgetLimits,
  spending: Spending,
  now: number,
):
  | { readonly kind: "reserved"; readonly state: BudgetState }
  | { readonly kind: "short"; readonly of: Bucket; readonly state: BudgetState } {
  const fresh = refilled(state, limits, now);
  const short = shortOf(fresh, limits, spending, now);
  if (short !== null) return { kind: "short", of: short, state: fresh };
  return { kind: "reserved", state: taken(fresh, limits, needsOf(spending)) };
}

/** Puts right what was reserved for a call, once it is known what it took. */
export function settleBudget(
  state: BudgetState,
  limits: BudgetLimits,
  reserved: Spending,
  actual: Spending,
  now: number,
): BudgetState {
  const [before, after] = [needsOf(reserved), needsOf(actual)];
  const difference = perBucket((bucket) => after[bucket] - before[bucket]);
  return taken(refilled(state, limits, now), limits, difference);
}

/** The levels at a later time, and within limits that may have changed. */
export function refilled(state: BudgetState, limits: BudgetLimits, now: number): BudgetState {
  // A clock that goes backwards, or is none, fills nothing.
  const elapsed = Math.max(0, now - state.at) || 0;
  const capacity = capacities(limits);
  const levels = perBucket((bucket) => {
    const gain = (capacity[bucket] * elapsed) / periodMs[bucket];
    return Math.min(capacity[bucket], state.levels[bucket] + gain);
  });
  return { levels, at: Math.max(state.at, now) || state.at };
}

function taken(state: BudgetState, limits: BudgetLimits, needs: Levels): BudgetState {
  const capacity = capacities(limits);
  const levels = perBucket((bucket) => {
    const need = needs[bucket];
    return Number.isFinite(need)
      ? Math.min(capacity[bucket], state.levels[bucket] - need)
      : state.levels[bucket];
  });
  return { levels, at: state.at };
}

function capacities(limits: BudgetLimits): Levels {
  return {
    callsPerHour: limits.callsPerHourMax,
    bytesPerHour: limits.bytesPerHourMax,
    bytesPerDay: limits.bytesPerDayMax,
    costPerDay: limits.costPerDayMax,
  };
}

function needsOf({ bytes, cost, calls }: Spending): Levels {
  return { callsPerHour: calls, bytesPerHour: bytes, bytesPerDay: bytes, costPerDay: cost };
}

function perBucket(value: (bucket: Bucket) => number): Levels {
  return {
    callsPerHour: value("callsPerHour"),
    bytesPerHour: value("bytesPerHour"),
    bytesPerDay: value("bytesPerDay"),
    costPerDay: value("costPerDay"),
  };
}
