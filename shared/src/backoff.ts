/** Limits of a retry schedule, in milliseconds. */
export interface BackoffLimits {
  readonly delayMsMin: number;
  readonly delayMsMax: number;
}

/**
 * Full-jitter exponential back-off (M. Brooker, "Exponential Backoff and Jitter", AWS, 2015):
 * uniform in [delayMsMin, min(delayMsMax, delayMsMin * 2^attempt)].
 * @param attempt failures so far, 0 for the first retry
 * @param random uniform in [0, 1)
 */
export function backoffMs(attempt: number, limits: BackoffLimits, random: number): number {
  const ceiling = Math.min(limits.delayMsMax, limits.delayMsMin * 2 ** Math.min(attempt, 30));
  return Math.round(limits.delayMsMin + random * Math.max(0, ceiling - limits.delayMsMin));
}
