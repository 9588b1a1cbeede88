import type { DeviceSummary } from "@fieldloop/shared/contract/devices";
import { Link } from "@tanstack/react-router";
import {
  DeviceStatusWord,
  LatestCell,
  ModelCell,
  placeText,
  UpdateCell,
} from "../components/device-cells.tsx";
import { windowStaleMs } from "../components/device-status.ts";
import { t } from "../text/t.ts";
import { Age, NoData } from "../ui/age.tsx";
import css from "./device-table.module.css";

type Cell = (props: { readonly device: DeviceSummary }) => React.ReactNode;

export interface DeviceColumn {
  readonly title: string;
  /** Full name where the title is cut short. */
  readonly long?: string;
  readonly width: string;
  readonly end?: boolean;
  readonly Cell: Cell;
}

/** Links to the device; its hit area covers the row. */
export function DeviceLink({ device }: { readonly device: DeviceSummary }) {
  return (
    <Link to="/devices/$id" params={{ id: device.id }} className={css.link}>
      {device.id}
    </Link>
  );
}

function PlaceCell({ device }: { readonly device: DeviceSummary }) {
  const text = placeText(device);
  return text === undefined ? <NoData /> : <span title={text}>{text}</span>;
}

const latest = (field: "fps" | "p95Ms" | "confidence" | "losses"): Cell =>
  function Latest({ device }) {
    return <LatestCell device={device} field={field} />;
  };

export const deviceColumns: readonly DeviceColumn[] = [
  { title: t("col.status"), width: "84px", Cell: DeviceStatusWord },
  { title: t("col.id"), width: "15%", Cell: DeviceLink },
  { title: t("col.place"), width: "11%", Cell: PlaceCell },
  { title: t("col.model"), width: "19%", Cell: ModelCell },
  { title: t("col.update"), width: "112px", Cell: UpdateCell },
  { title: t("col.fps"), width: "58px", end: true, Cell: latest("fps") },
  { title: t("col.p95"), width: "68px", end: true, Cell: latest("p95Ms") },
  {
    title: t("col.confidence"),
    long: t("col.confidenceLong"),
    width: "62px",
    end: true,
    Cell: latest("confidence"),
  },
  {
    title: t("col.losses"),
    long: t("col.lossesLong"),
    width: "78px",
    end: true,
    Cell: latest("losses"),
  },
  {
    title: t("col.world"),
    width: "106px",
    Cell: ({ device }) => (device.world === null ? <NoData /> : device.world),
  },
  {
    title: t("col.seen"),
    width: "76px",
    end: true,
    Cell: ({ device }) => <Age at={device.lastSeen} staleAfterMs={windowStaleMs} />,
  },
];
