import type { SeriesPoint } from "@fieldloop/shared/contract/devices";
import { useMemo } from "react";
import { useNow } from "../hooks/use-now.ts";
import { formatMs, formatRate, formatShare, formatWhole } from "../text/format.ts";
import { td } from "../text/t-devices.ts";
import { classShares, linesOf } from "./series.ts";
import css from "./time-chart.module.css";
import { TimeChart } from "./time-chart.tsx";

export interface DeviceChartsProps {
  readonly points: readonly SeriesPoint[];
  /** Usual distance of two points. */
  readonly expectedMs: number;
  readonly rangeMs: number;
  readonly rangeText: string;
}

/** The window moves on in steps, so that a still chart is not redrawn every second. */
const stepMs = 5000;
const percent = (share: number) => `${formatWhole(share * 100)} %`;

/** The telemetry of one device as small charts that share their crosshair. */
export function DeviceCharts({ points, expectedMs, rangeMs, rangeText }: DeviceChartsProps) {
  const to = Math.ceil(useNow() / stepMs) * stepMs;
  const shown = useMemo(() => points.filter(({ at }) => at >= to - rangeMs), [points, to, rangeMs]);
  const charts = useMemo(
    () => ({
      fps: linesOf(shown, expectedMs, [{ name: td("chart.series.fps"), pick: (p) => p.fps }]),
      latency: linesOf(shown, expectedMs, [
        { name: td("chart.series.p50"), pick: (p) => p.p50Ms },
        { name: td("chart.series.p95"), pick: (p) => p.p95Ms },
      ]),
      confidence: linesOf(shown, expectedMs, [
        { name: td("chart.series.confidence"), pick: (p) => p.confidence },
      ]),
      classes: classShares(shown, expectedMs, td("chart.series.other")),
    }),
    [shown, expectedMs],
  );
  const common = { range: [to - rangeMs, to] as const, rangeText };
  return (
    <div className={css.grid}>
      <TimeChart
        title={td("chart.fps")}
        unit={td("chart.fps.unit")}
        data={charts.fps}
        format={formatRate}
        {...common}
      />
      <TimeChart
        title={td("chart.latency")}
        unit={td("chart.latency.unit")}
        data={charts.latency}
        format={formatMs}
        {...common}
      />
      <TimeChart
        title={td("chart.confidence")}
        unit={td("chart.confidence.unit")}
        data={charts.confidence}
        format={formatShare}
        yMax={1}
        {...common}
      />
      <TimeChart
        title={td("chart.classes")}
        unit={td("chart.classes.unit")}
        data={charts.classes}
        format={percent}
        stack
        yMax={1}
        {...common}
      />
    </div>
  );
}
