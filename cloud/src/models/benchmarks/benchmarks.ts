/** What a measurement on a device is allowed to be. Pure. */
import { AppError } from "@fieldloop/shared/errors";
import type { Device } from "../../fleet/devices/devices.ts";

/** Orders of one device that may wait; a further one is refused. */
export const openMax = 10;
/** A device that has not answered by then is not waited for any longer. */
export const waitDaysMax = 7;
/** How many of a version are listed. */
export const listedMax = 200;

const dayMs = 86_400_000;

/** What was asked for before this has waited too long. */
export function tooOld(now: number): Date {
  return new Date(now - waitDaysMax * dayMs);
}

export const expiredSentence = `the device did not answer within ${waitDaysMax} days; see whether it is online, and ask again`;

/** Stations run no models. @throws AppError 409 */
export function requireCamera({ id, role }: Pick<Device, "id" | "role">): void {
  if (role === "camera") return;
  throw new AppError({
    code: "not-possible",
    status: 409,
    message: `${id} is a ${role} and runs no models; choose a camera`,
  });
}

/** @throws AppError 409 where as many wait as may */
export function requireRoom(device: string, open: number): void {
  if (open < openMax) return;
  throw new AppError({
    code: "benchmarks-busy",
    status: 409,
    message: `${device} has ${open} measurements before it, as many as may wait; ask again when it has answered one`,
  });
}
