/** What the device list and the device page both show of a device. */
import type { DeviceSummary } from "@fieldloop/shared/contract/devices";
import { useOlderThan } from "../hooks/use-now.ts";
import { formatMs, formatProgress, formatRate, formatShare } from "../text/format.ts";
import { td } from "../text/t-devices.ts";
import { NoData, StaleMark } from "../ui/age.tsx";
import { Glyph, Status } from "../ui/glyph.tsx";
import { Meter } from "../ui/meter.tsx";
import css from "./device-cells.module.css";
import { isUpdating, statusTone, windowStaleMs } from "./device-status.ts";

export function DeviceStatusWord({ device }: { readonly device: DeviceSummary }) {
  return <Status tone={statusTone[device.status]}>{td(`status.${device.status}`)}</Status>;
}

/** The model it runs and, where another is wanted, which. */
export function ModelCell({ device }: { readonly device: DeviceSummary }) {
  const { model, desiredModel } = device;
  const differs = desiredModel !== null && desiredModel !== model;
  if (model === null && !differs) return <NoData />;
  return (
    <span className={css.model}>
      {model === null ? (
        <span className="truncate">{td("model.none")}</span>
      ) : (
        <ModelRef model={model} />
      )}
      {differs ? (
        <span className={css.wants}>
          <Glyph tone={isUpdating(device.update) ? "info" : "warn"} />
          {td("model.wants")} <ModelRef model={shortModel(desiredModel, model)} />
        </span>
      ) : null}
    </span>
  );
}

/** `name@version` in one line; where room is short the name is cut, the version never. */
function ModelRef({ model }: { readonly model: string }) {
  const at = model.indexOf("@");
  if (at < 0) return <span className={css.ref}>{model}</span>;
  return (
    <span className={css.ref} title={model}>
      <span className="truncate">{model.slice(0, at)}</span>
      {model.slice(at)}
    </span>
  );
}

/** Only the version where the name is the same. */
function shortModel(desired: string, runs: string | null): string {
  const [name, version] = desired.split("@");
  return runs?.startsWith(`${name}@`) && version !== undefined ? version : desired;
}

/** How far an update is, as the device reports it. */
export function UpdateCell({ device }: { readonly device: DeviceSummary }) {
  const { update } = device;
  if (update === null || update.phase === "active") return <NoData />;
  if (!isUpdating(update))
    return (
      <span title={update.reason ?? undefined}>
        <Status tone="critical">{update.phase}</Status>
      </span>
    );
  const { bytesDone: done, bytesTotal: total } = update;
  if (update.phase !== "downloading" || total === 0)
    return <Status tone="info">{update.phase}</Status>;
  return (
    <Meter value={done} max={total} label={`${update.phase} ${formatProgress(done, total)}`}>
      {formatProgress(done, total)}
    </Meter>
  );
}

export type LatestField = "fps" | "p95Ms" | "confidence" | "losses";

/** One number of the newest window; stale when the window is old. */
export function LatestCell({
  device,
  field,
}: {
  readonly device: DeviceSummary;
  readonly field: LatestField;
}) {
  const { latest } = device;
  const isOld = useOlderThan(latest?.at ?? 0, windowStaleMs);
  if (latest === null) return <NoData />;
  const isStale = device.status !== "online" || isOld;
  const text = latestText(latest, field);
  if (text === undefined) return <NoData />;
  const bad = field === "losses" && latest.errors > 0;
  return (
    <span className={css.latest} data-stale={isStale || undefined} data-bad={bad || undefined}>
      {isStale ? <StaleMark /> : null}
      {text}
    </span>
  );
}

function latestText(latest: NonNullable<DeviceSummary["latest"]>, field: LatestField) {
  if (field === "fps") return formatRate(latest.fps);
  if (field === "losses") return `${latest.dropped} / ${latest.errors}`;
  if (field === "p95Ms") return latest.p95Ms === null ? undefined : formatMs(latest.p95Ms);
  return latest.confidence === null ? undefined : formatShare(latest.confidence);
}

export function placeText({ site, group }: DeviceSummary): string | undefined {
  return site === null && group === null ? undefined : [site, group].filter(Boolean).join(" / ");
}
