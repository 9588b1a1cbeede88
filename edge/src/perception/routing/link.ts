/**
 * How fast the cloud has been, from the calls themselves. Pure. A call of b bytes took
 * ms = rtt + b · k; k comes from a least-squares line through the recent calls, and what is left of
 * each call without its b · k is a round trip, of which the 95th percentile plans the next one.
 */

/** How the device is connected, as it knows without asking the cloud. */
export const connections = ["online", "metered", "offline"] as const;
export type Connection = (typeof connections)[number];

/** A call that came to an answer, or the time after which it was given up (a lower bound). */
export interface LinkSample {
  /** Monotonic, in milliseconds. */
  readonly at: number;
  readonly bytes: number;
  readonly ms: number;
}

/** The last calls, oldest first, and the smoothed duration of all of them. */
export interface LinkHistory {
  readonly samples: readonly LinkSample[];
  /** Exponentially weighted mean of the calls' duration with weight 1/8, as RFC 6298 smooths RTT. */
  readonly ewmaMs: number | null;
}

/** What is known of the line at one moment; `null` where nothing is. */
export interface LinkState {
  readonly connection: Connection;
  readonly rttP95Ms: number | null;
  readonly uplinkBytesPerS: number | null;
  readonly ewmaMs: number | null;
}

export const noHistory: LinkHistory = { samples: [], ewmaMs: null };

const samplesMax = 64;
/**
 * Older calls say nothing any more. This is also how a line that was once too slow for its deadline
 * gets another chance: without calls there are no samples, and without samples no reason to refuse.
 */
const ageMsMax = 60_000;
const ewmaWeight = 1 / 8;
/** Fewer calls than this give no line. */
const slopeSamplesMin = 8;

/** Calls beyond these are no calls of this agent: its own bounds are far below. */
const sampleBytesMax = 1e9;
const sampleMsMax = 1e7;

/** Adds a call; one whose numbers cannot be is left out. */
export function observe(history: LinkHistory, sample: LinkSample): LinkHistory {
  const { at, bytes, ms } = sample;
  if (!Number.isFinite(at)) return history;
  if (!(bytes >= 0 && bytes <= sampleBytesMax && ms >= 0 && ms <= sampleMsMax)) return history;
  const ewmaMs = history.ewmaMs === null ? ms : history.ewmaMs + ewmaWeight * (ms - history.ewmaMs);
  return { samples: [...recent(history, at), sample].slice(-samplesMax), ewmaMs };
}

/** What the history says now. */
export function linkState(history: LinkHistory, connection: Connection, now: number): LinkState {
  const samples = recent(history, now);
  const msPerByte = slopeOf(samples);
  const trips = samples.map(({ bytes, ms }) => Math.max(0, ms - bytes * msPerByte));
  return {
    connection,
    rttP95Ms: nearestRank(trips, 0.95),
    uplinkBytesPerS: msPerByte > 0 ? 1000 / msPerByte : null,
    ewmaMs: samples.length === 0 ? null : history.ewmaMs,
  };
}

/** How long a call with so many bytes is expected to take; `null` where nothing is known. */
export function transferMs(
  link: Pick<LinkState, "rttP95Ms" | "uplinkBytesPerS">,
  bytes: number,
): number | null {
  if (link.rttP95Ms === null) return null;
  return (
    link.rttP95Ms + (link.uplinkBytesPerS === null ? 0 : (bytes * 1000) / link.uplinkBytesPerS)
  );
}

function recent({ samples }: LinkHistory, now: number): readonly LinkSample[] {
  return samples.filter(({ at }) => now - at < ageMsMax);
}

/** Slope of the least-squares line in milliseconds a byte, at least 0; 0 where sizes hardly differ. */
function slopeOf(samples: readonly LinkSample[]): number {
  if (samples.length < slopeSamplesMin) return 0;
  const meanBytes = mean(samples.map(({ bytes }) => bytes));
  const meanMs = mean(samples.map(({ ms }) => ms));
  let covariance = 0;
  let variance = 0;
  for (const { bytes, ms } of samples) {
    covariance += (bytes - meanBytes) * (ms - meanMs);
    variance += (bytes - meanBytes) ** 2;
  }
  const spread = Math.sqrt(variance / samples.length);
  return spread > 0.05 * meanBytes ? Math.max(0, covariance / variance) : 0;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function nearestRank(values: readonly number[], q: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? null;
}
