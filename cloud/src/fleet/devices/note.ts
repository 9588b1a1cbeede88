/**
 * What devices say about themselves, written by ingest inside its transaction. Unknown and removed
 * devices change nothing. Whether to tell watchers is the caller's choice, after the commit.
 */
import type { DeviceSummary } from "@fieldloop/shared/contract/devices";
import type { OnlineMessage, OtaMessage } from "@fieldloop/shared/messages/control";
import type { ReportedState } from "@fieldloop/shared/messages/twin";
import type { Db } from "../../platform/db.ts";
import {
  loadProgress,
  saveAllOffline,
  saveBirth,
  saveLatest,
  saveProgress,
  saveReported,
  saveSeen,
  saveWill,
} from "./store/notes.ts";
import { progressOfOta, progressOfState } from "./update-progress.ts";

/**
 * Birth or last will. A will of an earlier boot is ignored: its process is gone, a newer one lives.
 * @returns after a birth the version of the desired document, to be sent as a notice once committed
 */
export async function noteOnline(
  tx: Db,
  device: string,
  message: OnlineMessage,
  now: number,
): Promise<{ readonly desiredVersion: number } | undefined> {
  if (message.online) return await saveBirth(tx, device, message, now);
  await saveWill(tx, device, message.boot, now);
  return undefined;
}

/** The device's half of the twin. */
export async function noteState(
  tx: Db,
  device: string,
  state: ReportedState,
  now: number,
): Promise<void> {
  await saveReported(tx, device, state, now);
  const progress = progressOfState(await loadProgress(tx, device), state);
  if (progress !== undefined) await saveProgress(tx, device, progress);
}

/** How far a model update is. A late or repeated message does not take it backwards. */
export async function noteUpdate(tx: Db, device: string, message: OtaMessage): Promise<void> {
  const progress = progressOfOta(await loadProgress(tx, device), message);
  if (progress !== undefined) await saveProgress(tx, device, progress);
}

/** Anything arrived. Written at most every five seconds per device. */
export async function noteSeen(tx: Db, device: string, now: number): Promise<void> {
  await saveSeen(tx, device, now);
}

/** Numbers of the newest telemetry window. */
export async function noteLatest(
  tx: Db,
  device: string,
  latest: NonNullable<DeviceSummary["latest"]>,
): Promise<void> {
  await saveLatest(tx, device, latest);
}

/**
 * A broker in this process has just started, so nobody is connected: those who were are offline
 * until their next birth. Not for external brokers, which go on while the cloud is away.
 * @returns how many were thought to be online
 */
export async function noteBrokerStarted(db: Db, now: number): Promise<number> {
  return await saveAllOffline(db, now);
}
