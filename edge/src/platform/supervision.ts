/** When a program is started again. Pure: how its lives went so far, and the next wait. */
import { type BackoffLimits, backoffMs } from "@fieldloop/shared/backoff";

export interface SupervisionLimits extends BackoffLimits {
  /** Starts within any minute. */
  readonly startsPerMinuteMax: number;
  /** After so many lives without any work it counts as failed; it is still tried. */
  readonly failuresMax: number;
}

export const defaultSupervisionLimits: SupervisionLimits = {
  delayMsMin: 500,
  delayMsMax: 30_000,
  startsPerMinuteMax: 6,
  failuresMax: 3,
};

/** What is remembered of its lives. */
export interface Lives {
  /** Lives without any work since the last one that did some. */
  readonly failures: number;
  /** Monotonic times in milliseconds of the starts in the last minute, oldest first. */
  readonly starts: readonly number[];
}

export const noLives: Lives = { failures: 0, starts: [] };

const minuteMs = 60_000;

/** Notes a start. */
export function started(lives: Lives, atMs: number): Lives {
  return { ...lives, starts: [...lives.starts.filter((at) => at > atMs - minuteMs), atMs] };
}

/**
 * Notes the end of a life and says how it goes on: a wait with full jitter that grows with every life
 * without any work, and is long enough to keep to the starts per minute.
 * @param worked whether the life that ended did any work, such as a picture
 * @param random uniform in [0, 1)
 */
export function ended(
  { failures: before, starts }: Lives,
  worked: boolean,
  atMs: number,
  limits: SupervisionLimits,
  random: number,
): { readonly lives: Lives; readonly state: "backing-off" | "failed"; readonly delayMs: number } {
  const failures = worked ? 0 : before + 1;
  const recent = starts.filter((at) => at > atMs - minuteMs);
  const oldest = recent.at(-limits.startsPerMinuteMax);
  const allowedInMs = oldest === undefined ? 0 : oldest + minuteMs - atMs;
  return {
    lives: { failures, starts: recent },
    state: failures >= limits.failuresMax ? "failed" : "backing-off",
    delayMs: Math.max(backoffMs(failures, limits, random), allowedInMs),
  };
}
