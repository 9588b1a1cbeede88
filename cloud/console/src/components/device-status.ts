import type { DeviceDetail, DeviceSummary } from "@fieldloop/shared/contract/devices";
import { formatDuration } from "../text/format.ts";
import { t } from "../text/t.ts";
import { td } from "../text/t-devices.ts";
import type { Tone } from "../ui/glyph.tsx";

export const statusTone: Readonly<Record<DeviceSummary["status"], Tone>> = {
  online: "ok",
  stale: "warn",
  offline: "critical",
  pending: "unknown",
};

/** Values of a window older than this carry the stale glyph. */
export const windowStaleMs = 3 * 60_000;

/** Is an update under way? `active`, `failed` and `rolled-back` are final. */
export function isUpdating(update: DeviceSummary["update"]): boolean {
  return update !== null && !["active", "failed", "rolled-back"].includes(update.phase);
}

export interface Cause {
  readonly tone: Tone;
  readonly text: string;
}

/** Why a device is not as it should be, worst first; empty when nothing wrong is known. */
export function causesOf(device: DeviceSummary | DeviceDetail, now: number): readonly Cause[] {
  const causes = [
    connection(device, now),
    update(device),
    ...cameras(device),
    clock(device),
    model(device),
    ...losses(device),
  ];
  const order: readonly Tone[] = ["critical", "warn", "info", "unknown"];
  return causes
    .filter((cause) => cause !== undefined)
    .sort((a, b) => order.indexOf(a.tone) - order.indexOf(b.tone));
}

function connection(device: DeviceSummary, now: number): Cause | undefined {
  const { status, lastSeen } = device;
  if (status === "pending")
    return {
      tone: "unknown",
      text: td("cause.pending", { age: formatDuration(now - device.enrolledAt) }),
    };
  if (status === "offline" && lastSeen === null)
    return { tone: "critical", text: td("cause.offlineNever") };
  const age = formatDuration(now - (lastSeen ?? now));
  if (status === "offline") return { tone: "critical", text: td("cause.offline", { age }) };
  if (status === "stale") return { tone: "warn", text: td("cause.stale", { age }) };
  return undefined;
}

function update({ update: at }: DeviceSummary): Cause | undefined {
  if (at === null) return undefined;
  const { model: name, reason } = at;
  if (at.phase === "failed")
    return {
      tone: "critical",
      text:
        reason === null
          ? td("cause.updateFailedBare", { model: name })
          : td("cause.updateFailed", { model: name, reason }),
    };
  if (at.phase === "rolled-back")
    return {
      tone: "critical",
      text: td("cause.rolledBack", { model: name, reason: reason ?? t("word.notReported") }),
    };
  if (!isUpdating(at)) return undefined;
  return { tone: "info", text: td("cause.updating", { model: name, phase: at.phase }) };
}

function model(device: DeviceSummary): Cause | undefined {
  const { model: runs, desiredModel: desired, update: at } = device;
  if (desired === null || desired === runs || isUpdating(at)) return undefined;
  if (runs === null) return { tone: "warn", text: td("cause.noModel", { desired }) };
  return { tone: "warn", text: td("cause.mismatch", { model: runs, desired }) };
}

function losses({ latest }: DeviceSummary): readonly Cause[] {
  if (latest === null) return [];
  const found: Cause[] = [];
  if (latest.errors > 0)
    found.push({ tone: "warn", text: td("cause.errors", { n: latest.errors }) });
  if (latest.dropped > 0)
    found.push({ tone: "info", text: td("cause.dropped", { n: latest.dropped }) });
  return found;
}

function cameras(device: DeviceSummary | DeviceDetail): readonly Cause[] {
  if (!("reported" in device) || device.status === "pending") return [];
  return (device.reported?.cameras ?? [])
    .filter(({ state }) => ["stalled", "backing-off", "failed"].includes(state))
    .map(({ name, state, reason }) => ({
      tone: state === "failed" ? "critical" : "warn",
      text:
        reason === null
          ? td("cause.cameraBare", { name, state })
          : td("cause.camera", { name, state, reason }),
    }));
}

function clock(device: DeviceSummary | DeviceDetail): Cause | undefined {
  const isWrong = "reported" in device && device.reported?.vitals.clockOk === false;
  return isWrong ? { tone: "warn", text: td("cause.clock") } : undefined;
}

/** Whether a device matches the list's filter, as the server matches it: text within a field. */
export function matchesFilter(device: DeviceSummary, q: string): boolean {
  const wanted = q.trim().toLowerCase();
  const fields = [device.id, device.site, device.group, device.model, device.status];
  return fields.some((field) => field?.toLowerCase().includes(wanted) ?? false);
}
