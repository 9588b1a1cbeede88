/** Progress of a device's model update, from two sources. Pure. */
import type { DeviceSummary } from "@fieldloop/shared/contract/devices";
import { updateRefusal } from "@fieldloop/shared/lifecycle/update";
import { type OtaMessage, updatePhases } from "@fieldloop/shared/messages/control";
import type { ReportedState } from "@fieldloop/shared/messages/twin";

export type UpdateProgress = NonNullable<DeviceSummary["update"]>;

/** What a progress message adds; `undefined` where it is late or repeated and adds nothing. */
export function progressOfOta(
  known: DeviceSummary["update"],
  message: OtaMessage,
): UpdateProgress | undefined {
  const { phase, reason, bytesDone, bytesTotal, at } = message;
  const heard = { model: `${message.model}@${message.version}`, phase, at };
  return isBehind(known, heard) ? undefined : { ...heard, reason, bytesDone, bytesTotal };
}

/** Would this take the update backwards? A phase that this release does not know is overwritten. */
function isBehind(
  known: DeviceSummary["update"],
  heard: Parameters<typeof updateRefusal>[1],
): boolean {
  const phase = updatePhases.find((name) => name === known?.phase);
  if (known === null || phase === undefined) return false;
  return updateRefusal({ model: known.model, phase, at: known.at }, heard) !== undefined;
}

/**
 * What a reported state adds: it is kept by the broker and may repeat, so it counts only where it
 * is newer or speaks of another update. A newer one may show any phase, since what lay between may
 * have been lost. `undefined` where it adds nothing.
 */
export function progressOfState(
  known: DeviceSummary["update"],
  state: ReportedState,
): UpdateProgress | undefined {
  const { update } = state;
  if (update === null) return undefined;
  const model = `${update.model}@${update.version}`;
  if (known !== null && known.at > update.at) return undefined;
  const sameUpdate = known?.model === model;
  if (sameUpdate && known.phase === update.phase) return undefined;
  if (known?.at === update.at && isBehind(known, { ...update, model })) return undefined;
  const { bytesDone, bytesTotal } = sameUpdate ? known : { bytesDone: 0, bytesTotal: 0 };
  return {
    model,
    phase: update.phase,
    reason: update.reason,
    bytesDone,
    bytesTotal,
    at: update.at,
  };
}
