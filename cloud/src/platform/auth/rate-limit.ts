import { AppError } from "@fieldloop/shared/errors";

export interface RateLimitOptions {
  /** Attempts somebody may make at once. */
  readonly burst: number;
  /** Time after which one more attempt is allowed. */
  readonly refillMs: number;
  /** Names remembered; the longest unused is forgotten first. */
  readonly keysMax: number;
  /** What is limited, for the sentence: "sign-in attempts". */
  readonly what: string;
}

export interface RateLimit {
  /** Counts one attempt; throws 429 where there were too many. */
  take(key: string, now: number): void;
}

/** A token bucket per key (address or name), in memory. */
export function createRateLimit(options: RateLimitOptions): RateLimit {
  const buckets = new Map<string, { left: number; at: number }>();
  return {
    take: (key, now) => {
      const known = buckets.get(key);
      const gained = known === undefined ? 0 : (now - known.at) / options.refillMs;
      const left = Math.min(options.burst, (known?.left ?? options.burst) + gained);
      buckets.delete(key); // so that insertion order is order of use
      buckets.set(key, { left: Math.max(0, left - 1), at: now });
      if (buckets.size > options.keysMax) {
        const [oldest] = buckets.keys();
        if (oldest !== undefined) buckets.delete(oldest);
      }
      if (left < 1) throw tooMany(options, Math.ceil(((1 - left) * options.refillMs) / 1000));
    },
  };
}

function tooMany(options: RateLimitOptions, waitS: number): AppError {
  return new AppError({
    code: "too-many-requests",
    status: 429,
    retryable: true,
    message: `too many ${options.what} from here; wait ${waitS} s and try again`,
  });
}
