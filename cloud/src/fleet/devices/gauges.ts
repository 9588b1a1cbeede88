import type { Platform } from "../../platform/context.ts";
import { gauge } from "../../platform/metrics.ts";
import { fleetSettings } from "./devices.ts";
import { countByStatus } from "./store/list.ts";

/** Offers the number of devices per status to `/metrics`. */
export function offerDeviceGauges(platform: Platform): void {
  const { windowMs } = fleetSettings(platform.installation.demo);
  gauge({
    name: "fieldloop_devices",
    help: "Devices by status",
    labels: ["status"],
    collect: async (devices) => {
      devices.reset();
      for (const { status, n } of await countByStatus(platform.db, windowMs, platform.now()))
        devices.set({ status }, n);
    },
  });
}
