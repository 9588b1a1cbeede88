/** Whether a board has the memory for a model. */
import { AppError } from "@fieldloop/shared/errors";
import type { DeviceProfile } from "@fieldloop/shared/manifest/profile";

/**
 * Looks at what the agent takes with a model open and warmed up, beside the one before it.
 * @param rssBytes resident memory of this process
 * @throws AppError `memory-budget`
 */
export function checkMemory(
  rssBytes: number,
  { id, memoryBytesMax }: Pick<DeviceProfile, "id" | "memoryBytesMax">,
): void {
  if (rssBytes <= memoryBytesMax) return;
  throw new AppError({
    code: "memory-budget",
    message: `with this model the agent takes ${mebibytes(rssBytes)} MiB, and the device profile ${id} allows ${mebibytes(memoryBytesMax)} MiB (memoryBytesMax); use a smaller model or a quantised variant`,
  });
}

const mebibytes = (bytes: number): number => Math.round(bytes / 1024 / 1024);
