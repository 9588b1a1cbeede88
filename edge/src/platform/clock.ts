/** Time as the agent sees it. A board without a battery may start in 1970 until it has a network. */
export interface Clock {
  /** Unix time in whole milliseconds, right or wrong. */
  now(): number;
  /** Milliseconds that only ever grow, whatever is done to the wall clock. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
};

const earliestMs = Date.UTC(2026, 0, 1); // this software did not exist before
const latestMs = Date.UTC(2100, 0, 1);

/** Can this be the present? A wrong clock is reported, and nothing is refused for it here. */
export function clockOk(now: number): boolean {
  return now >= earliestMs && now < latestMs;
}
