import type { Platform } from "../../platform/context.ts";
import { placeInTime, pointOf } from "./point.ts";
import type { Stored } from "./store-batch.ts";

/** Rows of one kind that a commit shows to watchers; a drained backlog is not news. */
const shownMax = 20;

/** Tells whoever watches what has been stored: the newest rows of each kind. */
export function publishNews(platform: Platform, device: string, stored: Stored): void {
  const now = platform.now();
  for (const row of stored.windows.slice(-shownMax)) {
    const point = pointOf(placeInTime(row.from, row.to, now), [row]);
    platform.live.publish({ kind: "window", device, point });
  }
  for (const row of stored.results.slice(-shownMax))
    platform.live.publish({ kind: "result", result: { device, ...row, truth: null } });
  for (const { at, kind, severity, message, detail } of stored.events.slice(-shownMax))
    platform.live.publish({
      kind: "event",
      event: { device, at, kind, severity, message, detail },
    });
}
