/** Progress of a device's model update, from two sources. Pure. */
import type { DeviceSummary } from "@fieldloop/shared/contract/devices";
import type { OtaMessage } from "@fieldloop/shared/messages/control";
import type { ReportedState } from "@fieldloop/shared/messages/twin";

export type UpdateProgress = NonNullable<DeviceSummary["update"]>;

export function progressOfOta(message: OtaMessage): UpdateProgress {
  const { phase, reason, bytesDone, bytesTotal, at } = message;
  return { model: `${message.model}@${message.version}`, phase, reason, bytesDone, bytesTotal, at };
}

/**
 * What a reported state adds: it is kept by the broker and may repeat, so it counts only where it
 * is newer or speaks of another update. `undefined` where it adds nothing.
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
