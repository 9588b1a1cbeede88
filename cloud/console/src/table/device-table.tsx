import type { DeviceSummary } from "@fieldloop/shared/contract/devices";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useRef } from "react";
import { useDisplay } from "../hooks/use-display.ts";
import { td } from "../text/t-devices.ts";
import { deviceColumns, useRowLinks } from "./device-columns.tsx";
import css from "./device-table.module.css";
import type { Selection } from "./use-selection.ts";

export interface DeviceTableProps {
  readonly rows: readonly DeviceSummary[];
  readonly total: number;
  readonly selection: Selection;
  /** Called when the end comes near. */
  readonly onEnd: () => void;
}

const rowPx = { cosy: 40, compact: 32 } as const;
const overscan = 6;
/** Rows before the end at which the next page is asked for. */
const endRows = 60;

/** The device list as a table of which only the visible rows are in the document. */
export function DeviceTable({ rows, total, selection, onEnd }: DeviceTableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const followRow = useRowLinks();
  const height = rowPx[useDisplay().density];
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another row height calls for new measures
  useEffect(() => virtual.measure(), [virtual, height]);
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (rows.length > 0 && last >= rows.length - endRows) onEnd();
  }, [last, rows.length, onEnd]);
  const above = items[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: catches clicks of the links inside, Enter included
    // biome-ignore lint/a11y/noStaticElementInteractions: the links inside are the interactive elements
    <div className={css.scroller} ref={scroller} onClick={followRow} data-testid="device-scroller">
      <table className={css.table} aria-label={td("devices.table")} aria-rowcount={total + 1}>
        <colgroup>
          <col className={css.select} />
          {deviceColumns.map((column) => (
            <col key={column.title} style={{ width: column.width }} />
          ))}
        </colgroup>
        <Head selection={selection} />
        <tbody>
          <Spacer height={above} />
          {items.map((item) => {
            const device = rows[item.index];
            return device === undefined ? null : (
              <Row
                key={device.id}
                device={device}
                index={item.index}
                height={height}
                isSelected={selection.ids.has(device.id)}
                onToggle={selection.toggle}
              />
            );
          })}
          <Spacer height={below} />
        </tbody>
      </table>
    </div>
  );
}

function Head({ selection }: { readonly selection: Selection }) {
  return (
    <thead>
      <tr aria-rowindex={1}>
        <td>
          <input
            type="checkbox"
            aria-label={td("devices.selectAll")}
            checked={selection.isAll}
            ref={(box) => {
              if (box !== null) box.indeterminate = selection.ids.size > 0 && !selection.isAll;
            }}
            onChange={selection.toggleAll}
          />
        </td>
        {deviceColumns.map((column) => (
          <th key={column.title} scope="col" title={column.long} data-end={column.end || undefined}>
            {column.title}
          </th>
        ))}
      </tr>
    </thead>
  );
}

/** Keeps the scroll bar honest for rows that are not in the document. */
function Spacer({ height }: { readonly height: number }) {
  if (height <= 0) return null;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: an empty row that only takes up height
    <tr aria-hidden="true">
      <td className={css.spacer} colSpan={deviceColumns.length + 1} style={{ height }} />
    </tr>
  );
}

interface RowProps {
  readonly device: DeviceSummary;
  readonly index: number;
  readonly height: number;
  readonly isSelected: boolean;
  readonly onToggle: (id: string, range: boolean) => void;
}

const Row = memo(function Row({ device, index, height, isSelected, onToggle }: RowProps) {
  return (
    <tr
      aria-rowindex={index + 2}
      data-selected={isSelected || undefined}
      data-device={device.id}
      style={{ height }}
    >
      <td>
        <input
          type="checkbox"
          aria-label={td("devices.select", { id: device.id })}
          checked={isSelected}
          onChange={() => undefined}
          onClick={(event) => onToggle(device.id, event.shiftKey)}
        />
      </td>
      {deviceColumns.map((column) => (
        <td key={column.title} data-end={column.end || undefined}>
          <column.Cell device={device} />
        </td>
      ))}
    </tr>
  );
});
