import type { Platform } from "../../platform/context.ts";
import type { DeviceNews } from "../live/publish.ts";
import type { Previews } from "./previews.ts";

/** What the routes of devices are given; `wiring.ts` builds it once. */
export interface Fleet {
  readonly platform: Platform;
  readonly news: DeviceNews;
  readonly previews: Previews;
  /** Ends a device's connection to the broker. */
  readonly disconnect: (id: string) => void;
}

/** Tells devices, after the commit, that a newer desired document waits, and watchers that they changed. */
export function announce(
  fleet: Fleet,
  devices: readonly { readonly id: string; readonly version: number }[],
): void {
  for (const { id, version } of devices) {
    fleet.platform.send(id, "desired", { v: 1, version });
    fleet.news.changed(id);
  }
}
