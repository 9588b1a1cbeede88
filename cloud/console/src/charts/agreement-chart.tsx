import type { AccuracyPoint } from "@fieldloop/shared/contract/devices";
import { useMemo } from "react";
import { useNow } from "../hooks/use-now.ts";
import { formatProgress, formatWhole } from "../text/format.ts";
import { td } from "../text/t-devices.ts";
import { agreementOf } from "./series.ts";
import css from "./time-chart.module.css";
import { TimeChart } from "./time-chart.tsx";

export interface AgreementChartProps {
  readonly points: readonly AccuracyPoint[];
  readonly stepMs: number;
  readonly rangeMs: number;
  readonly rangeText: string;
}

/** The window moves on in steps, so that a still chart is not redrawn every second. */
const moveMs = 5000;
/** A little above everything, so that the mark of a full share is seen whole. */
const yMax = 1.06;
const percent = (share: number) => `${formatWhole(share * 100)} %`;
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** How often a device is right, as far as an inspection station has labelled what it saw. */
export function AgreementChart({ points, stepMs, rangeMs, rangeText }: AgreementChartProps) {
  const to = Math.ceil(useNow() / moveMs) * moveMs;
  const shown = useMemo(() => points.filter(({ at }) => at >= to - rangeMs), [points, to, rangeMs]);
  const data = useMemo(() => {
    const names = { share: td("chart.series.agree"), labels: td("chart.series.labels") };
    return agreementOf(shown, stepMs, names);
  }, [shown, stepMs]);
  const labelled = sum(shown.map((point) => point.labelled));
  const agreed = sum(shown.map((point) => point.agreed));
  if (labelled === 0) return <NothingLabelled rangeText={rangeText} />;
  return (
    <TimeChart
      title={td("chart.agreement")}
      unit={td("chart.agreement.unit")}
      data={data}
      range={[to - rangeMs, to]}
      rangeText={rangeText}
      format={percent}
      yMax={yMax}
      dots
      summary={td("chart.agreement.summary", {
        agreed,
        labelled,
        share: formatProgress(agreed, labelled),
        range: rangeText,
      })}
    />
  );
}

/** Without labels nothing is known, which takes one line and no empty chart. */
function NothingLabelled({ rangeText }: { readonly rangeText: string }) {
  return (
    <figure className={css.chart} aria-label={td("chart.agreement")}>
      <div className={css.head}>
        <h2>{td("chart.agreement")}</h2>
      </div>
      <figcaption className={css.summary}>
        {td("chart.agreement.none", { range: rangeText })}
      </figcaption>
    </figure>
  );
}
