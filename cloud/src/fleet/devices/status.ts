import type { DeviceStatus } from "@fieldloop/shared/contract/devices";

/** However short its windows are, a device may be silent this long. */
export const silenceMsMin = 30_000;
/** Windows that may go missing before silence is worth showing. */
export const silentWindows = 3;

/** What decides about a device's status. */
export interface Presence {
  /** Birth seen and no last will since. */
  readonly online: boolean;
  /** Unix milliseconds of the last message; `null` before the first. */
  readonly lastSeen: number | null;
  /** Length of its telemetry windows in milliseconds. */
  readonly windowMs: number;
}

/**
 * `pending` has never been heard, `offline` said so or was said so by the broker, `stale` counts as
 * connected but has been silent for three windows (at least 30 s), `online` is the rest.
 */
export function statusOf(presence: Presence, now: number): DeviceStatus {
  if (presence.lastSeen === null) return "pending";
  if (!presence.online) return "offline";
  const silenceMsMax = Math.max(silentWindows * presence.windowMs, silenceMsMin);
  return now - presence.lastSeen > silenceMsMax ? "stale" : "online";
}
