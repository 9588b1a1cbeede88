import type { DeviceSummary } from "@fieldloop/shared/contract/devices";
import { useNavigate } from "@tanstack/react-router";
import {
  DeviceStatusWord,
  LatestCell,
  ModelCell,
  placeText,
  UpdateCell,
} from "../components/device-cells.tsx";
import { windowStaleMs } from "../components/device-status.ts";
import { paths } from "../paths.ts";
import { td } from "../text/t-devices.ts";
import { Age, NoData } from "../ui/age.tsx";
import css from "./device-table.module.css";
import { RightCell } from "./right-cell.tsx";

type Cell = (props: { readonly device: DeviceSummary }) => React.ReactNode;

export interface DeviceColumn {
  readonly title: string;
  /** Full name where the title is cut short. */
  readonly long?: string;
  readonly width: string;
  readonly end?: boolean;
  readonly Cell: Cell;
}

/**
 * Links to the device; its hit area covers the row. A plain link, since a router's link in each of
 * many rows makes scrolling slow; `useRowLinks` lets the router follow it.
 */
export function DeviceLink({ device }: { readonly device: DeviceSummary }) {
  return (
    <a href={paths.device(device.id)} className={css.link}>
      {device.id}
    </a>
  );
}

/** Click handler of a list: plain clicks on a row's link stay inside the page. */
export function useRowLinks(): (event: React.MouseEvent) => void {
  const navigate = useNavigate();
  return (event) => {
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    const href = link?.getAttribute("href");
    if (!isPlain || !href) return;
    event.preventDefault();
    void navigate({ href });
  };
}

function PlaceCell({ device }: { readonly device: DeviceSummary }) {
  const text = placeText(device);
  return text === undefined ? <NoData /> : <span title={text}>{text}</span>;
}

export const deviceColumns: readonly DeviceColumn[] = [
  { title: td("col.status"), width: "82px", Cell: DeviceStatusWord },
  { title: td("col.id"), width: "8.6%", Cell: DeviceLink },
  { title: td("col.place"), width: "10.6%", Cell: PlaceCell },
  { title: td("col.model"), width: "14.4%", Cell: ModelCell },
  { title: td("col.update"), width: "84px", Cell: UpdateCell },
  {
    title: td("col.fps"),
    width: "54px",
    end: true,
    Cell: ({ device }) => <LatestCell device={device} field="fps" />,
  },
  {
    title: td("col.p95"),
    width: "64px",
    end: true,
    Cell: ({ device }) => <LatestCell device={device} field="p95Ms" />,
  },
  {
    title: td("col.confidence"),
    long: td("col.confidenceLong"),
    width: "58px",
    end: true,
    Cell: ({ device }) => <LatestCell device={device} field="confidence" />,
  },
  {
    title: td("col.right"),
    long: td("col.rightLong"),
    width: "56px",
    end: true,
    Cell: RightCell,
  },
  {
    title: td("col.losses"),
    long: td("col.lossesLong"),
    width: "76px",
    end: true,
    Cell: ({ device }) => <LatestCell device={device} field="losses" />,
  },
  {
    title: td("col.world"),
    width: "92px",
    Cell: ({ device }) => (device.world === null ? <NoData /> : device.world),
  },
  {
    title: td("col.seen"),
    width: "74px",
    end: true,
    Cell: ({ device }) => <Age at={device.lastSeen} staleAfterMs={windowStaleMs} />,
  },
];
