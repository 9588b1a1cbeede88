/**
 * The boot epoch: a number that grows with every start of the agent, so that sequence numbers never
 * mean two things. It has a file of its own, because the outbox may be lost or put aside.
 */
import { messageOf } from "@fieldloop/shared/errors";
import type { Files } from "../../platform/files.ts";

/** The file that holds the highest epoch this device has used. */
export interface EpochFile {
  readonly files: Files;
  readonly path: string;
}

/** The epoch file's number; 0 where it is missing or holds none. */
export async function readEpoch(file: EpochFile): Promise<number> {
  const text = (await file.files.read(file.path))?.toString("utf8").trim() ?? "";
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : 0;
}

/**
 * Takes the next epoch. Where the disk does not let the file be written the agent goes on: should
 * the same epoch come up twice, the cloud's first acknowledgement makes the agent step past it.
 * @param highestKnown highest epoch found elsewhere, that is in the outbox
 */
export async function takeEpoch(
  file: EpochFile,
  highestKnown: number,
  onWriteFailed: (message: string) => void,
): Promise<number> {
  const epoch = Math.max(await readEpoch(file), highestKnown) + 1;
  try {
    await file.files.writeAtomic(file.path, `${epoch}\n`);
  } catch (error) {
    onWriteFailed(messageOf(error));
  }
  return epoch;
}

/**
 * How far the epochs that the cloud has not confirmed must be moved up.
 * @param lowestUnconfirmed the oldest epoch with rows that were recorded before any acknowledgement
 * @param cloudEpoch highest epoch the cloud has ever seen from this device, 0 for none
 * @returns 0 where all of them are new to the cloud
 */
export function epochShift(lowestUnconfirmed: number, cloudEpoch: number): number {
  return Math.max(0, cloudEpoch + 1 - lowestUnconfirmed);
}
