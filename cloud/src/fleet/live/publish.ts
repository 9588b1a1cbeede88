import type { Platform } from "../../platform/context.ts";
import { summaryOf } from "../devices/devices.ts";
import { findDevices } from "../devices/reads.ts";

/** News about devices, collected so that a busy fleet costs one query per interval. */
export interface DeviceNews {
  /** The device changed; call it after the commit. */
  changed(id: string): void;
  stop(): void;
}

const everyMs = 250;

/** Publishes the newest summary of each changed device, at most four times a second. */
export function createDeviceNews(platform: Platform): DeviceNews {
  let ids = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const publish = async () => {
    const batch = [...ids];
    ids = new Set();
    try {
      const { demo } = platform.installation;
      for (const device of await findDevices(platform.db, batch))
        platform.live.publish({ kind: "device", device: summaryOf(device, demo, platform.now()) });
    } catch (error) {
      platform.log.warn({ err: error }, "cannot tell watchers about changed devices");
    }
    timer = undefined;
    if (ids.size > 0) arm();
  };
  const arm = () => {
    if (stopped || timer !== undefined) return;
    timer = setTimeout(publish, everyMs);
    timer.unref();
  };
  return {
    changed: (id) => {
      ids.add(id);
      arm();
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
