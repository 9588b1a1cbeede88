import type { DeviceSummary } from "@fieldloop/shared/contract/devices";
import { useQuery } from "@tanstack/react-query";
import { createContext, useContext, useMemo } from "react";
import { recentAccuracyQuery } from "../api/accuracy-queries.ts";
import { formatProgress } from "../text/format.ts";
import { td } from "../text/t-devices.ts";
import css from "./device-table.module.css";

interface Labelled {
  readonly labelled: number;
  readonly agreed: number;
}

const Recent = createContext<ReadonlyMap<string, Labelled>>(new Map());

/** Asks once for the whole list how often its devices were right of late. */
export function RecentAccuracy({ children }: { readonly children: React.ReactNode }) {
  const { data, isError } = useQuery(recentAccuracyQuery);
  const byDevice = useMemo(
    () => new Map(isError ? [] : data?.items.map((item) => [item.device, item])),
    [data, isError],
  );
  return <Recent value={byDevice}>{children}</Recent>;
}

/** Below this many labels a share says little. */
const fewLabels = 10;

/** The share of labelled results that agree, with their number for whoever asks. */
export function RightCell({ device }: { readonly device: DeviceSummary }) {
  const found = useContext(Recent).get(device.id);
  if (found === undefined || found.labelled === 0)
    return (
      <span className="muted" title={td("right.none")}>
        <span aria-hidden="true">–</span>
        <span className="visually-hidden">{td("right.none")}</span>
      </span>
    );
  const { agreed, labelled } = found;
  const sentence = td("right.of", { agreed, labelled });
  return (
    <span className={css.right} title={sentence} data-few={labelled < fewLabels || undefined}>
      {formatProgress(agreed, labelled)}
      <span className="visually-hidden">, {sentence}</span>
    </span>
  );
}
