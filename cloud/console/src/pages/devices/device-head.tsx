import type { DeviceDetail } from "@fieldloop/shared/contract/devices";
import { Link } from "@tanstack/react-router";
import { UpdateCell } from "../../components/device-cells.tsx";
import { causesOf, isUpdating } from "../../components/device-status.ts";
import { useNow } from "../../hooks/use-now.ts";
import { formatBytes, formatDuration, formatTenth } from "../../text/format.ts";
import { td } from "../../text/t-devices.ts";
import { Glyph, type Tone } from "../../ui/glyph.tsx";
import css from "./device-page.module.css";

/** Why the device is not well, and how it is connected. */
export function DeviceHead({ device }: { readonly device: DeviceDetail }) {
  const now = useNow();
  const causes = causesOf(device, now);
  return (
    <section className={css.head} aria-label={td("device.cause")}>
      {causes.length === 0 ? (
        <p className={css.cause}>
          <Glyph tone="ok" /> {td("device.fine")}
        </p>
      ) : (
        <ul>
          {causes.map((cause) => (
            <li key={cause.text} className={css.cause} data-testid="cause">
              <Glyph tone={cause.tone} /> {cause.text}
            </li>
          ))}
        </ul>
      )}
      {isUpdating(device.update) ? (
        <div className={css.update}>
          <UpdateCell device={device} />
        </div>
      ) : null}
      <LinkStrip device={device} now={now} />
    </section>
  );
}

function LinkStrip({ device, now }: { readonly device: DeviceDetail; readonly now: number }) {
  const { reported, ingest, lastSeen } = device;
  const facts: (readonly [Tone | undefined, string])[] = [
    lastSeen === null
      ? ["unknown", td("device.link.never")]
      : [
          device.status === "online" ? "ok" : "warn",
          td("device.link.seen", { age: formatDuration(now - lastSeen) }),
        ],
    ingest.gaps > 0
      ? ["warn", td("device.link.gaps", { n: ingest.gaps })]
      : [undefined, td("device.link.noGaps")],
  ];
  if (ingest.quarantined > 0)
    facts.push(["warn", td("device.link.quarantined", { n: ingest.quarantined })]);
  if (reported !== null) {
    const { vitals } = reported;
    facts.push([undefined, td("device.link.outbox", { n: vitals.outboxRows })]);
    facts.push([undefined, td("device.link.up", { age: formatDuration(vitals.uptimeS * 1000) })]);
    facts.push([undefined, td("device.link.memory", { size: formatBytes(vitals.rssBytes) })]);
    if (vitals.temperatureC !== null)
      facts.push([
        undefined,
        td("device.link.temperature", { c: formatTenth(vitals.temperatureC) }),
      ]);
    if (vitals.diskFreeBytes !== null)
      facts.push([undefined, td("device.link.disk", { size: formatBytes(vitals.diskFreeBytes) })]);
  }
  return (
    <ul className={css.strip} aria-label={td("device.link")}>
      {facts.map(([tone, text]) => (
        <li key={text}>
          {tone === undefined ? null : <Glyph tone={tone} />} {text}
        </li>
      ))}
      {device.model === null ? null : (
        <li>
          <ModelLink model={device.model} />
        </li>
      )}
    </ul>
  );
}

/** `name@version` as a link to that version. */
export function ModelLink({ model }: { readonly model: string }) {
  const [name = "", version] = model.split("@");
  if (version === undefined) return <span className="mono">{model}</span>;
  return (
    <Link to="/models/$name/v/$version" params={{ name, version }} className="mono">
      {model}
    </Link>
  );
}
