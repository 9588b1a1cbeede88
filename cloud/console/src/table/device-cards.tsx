import type { DeviceSummary } from "@fieldloop/shared/contract/devices";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import {
  DeviceStatusWord,
  LatestCell,
  ModelCell,
  UpdateCell,
} from "../components/device-cells.tsx";
import { isUpdating, windowStaleMs } from "../components/device-status.ts";
import { td } from "../text/t-devices.ts";
import { Age } from "../ui/age.tsx";
import { DeviceLink, useRowLinks } from "./device-columns.tsx";
import css from "./device-table.module.css";
import type { DeviceTableProps } from "./device-table.tsx";
import { RightCell } from "./right-cell.tsx";

const cardPx = 72;

/** The device list on a narrow screen: one card per device, large enough to touch. */
export function DeviceCards({ rows, selection, onEnd }: DeviceTableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const followRow = useRowLinks();
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => cardPx,
    overscan: 8,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (rows.length > 0 && last >= rows.length - 30) onEnd();
  }, [last, rows.length, onEnd]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: catches clicks of the links inside, Enter included
    // biome-ignore lint/a11y/noStaticElementInteractions: the links inside are the interactive elements
    <div className={css.cards} ref={scroller} onClick={followRow}>
      <ul aria-label={td("devices.table")} style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const device = rows[item.index];
          if (device === undefined) return null;
          return (
            <li
              key={device.id}
              className={css.card}
              data-device={device.id}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <input
                type="checkbox"
                aria-label={td("devices.select", { id: device.id })}
                checked={selection.ids.has(device.id)}
                onChange={() => selection.toggle(device.id, false)}
              />
              <DeviceLink device={device} />
              <DeviceStatusWord device={device} />
              <CardDetail device={device} />
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function CardDetail({ device }: { readonly device: DeviceSummary }) {
  return (
    <>
      <span className={css.cardLine}>
        {isUpdating(device.update) ? <UpdateCell device={device} /> : <ModelCell device={device} />}
      </span>
      <span className={css.cardLine}>
        {device.role === "camera" ? (
          <>
            <span>
              <LatestCell device={device} field="fps" /> {td("col.fps")}
            </span>
            <span>
              <RightCell device={device} /> {td("right.word")}
            </span>
          </>
        ) : null}
        <Age at={device.lastSeen} staleAfterMs={windowStaleMs} />
      </span>
    </>
  );
}
