import type { DeviceDetail } from "@fieldloop/shared/contract/devices";
import { AppError } from "@fieldloop/shared/errors";
import { can, type DeviceAct } from "@fieldloop/shared/lifecycle/device";
import { inScope, type Scope } from "@fieldloop/shared/permissions";
import type { Platform } from "../../platform/context.ts";
import { ingestStatus } from "../ingest/reads.ts";
import { type Device, desiredOf, summaryOf } from "./devices.ts";
import { loadReported } from "./store/devices.ts";

/** Throws 404 for a device that is not there, or not within sight, which look the same. */
export function requireInSight(
  device: Device | undefined,
  scope: Scope,
  id: string,
): asserts device is Device {
  if (device === undefined || !inScope(scope, device.site, device.group)) throw noSuchDevice([id]);
}

/** Throws 409 with the life cycle's sentence where this act is not possible on the device. */
export function requirePossible(device: Device, act: DeviceAct): void {
  const reason = can[act](device);
  if (reason !== undefined)
    throw new AppError({ code: "not-possible", status: 409, message: reason });
}

export function noSuchDevice(ids: readonly string[]): AppError {
  const what = ids.length === 1 ? "is no device" : "are no devices";
  return new AppError({
    code: "not-found",
    status: 404,
    message: `there ${what} ${ids.join(", ")} here; \`fieldloop devices ls\` lists those in your scope`,
  });
}

/** The device page's view. */
export async function detailOf(platform: Platform, device: Device): Promise<DeviceDetail> {
  const { demo } = platform.installation;
  const now = platform.now();
  const [reported, ingest] = await Promise.all([
    loadReported(platform.db, device.id),
    ingestStatus(platform.db, device.id),
  ]);
  return {
    ...summaryOf(device, demo, now),
    reported: reported ?? null,
    desired: desiredOf(device, demo, now),
    ingest,
  };
}
