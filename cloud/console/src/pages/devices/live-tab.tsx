import type { DeviceDetail } from "@fieldloop/shared/contract/devices";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { accuracySeriesQuery } from "../../api/accuracy-queries.ts";
import { seriesQuery } from "../../api/queries.ts";
import { td } from "../../text/t-devices.ts";
import { Loaded, Skeleton } from "../../ui/states.tsx";
import { Segments } from "../../ui/tabs.tsx";
import css from "./device-page.module.css";
import { FramePanel } from "./frame-panel.tsx";

const minuteMs = 60_000;
const ranges = {
  "15m": { ms: 15 * minuteMs, stepMs: 5000, labelStepMs: minuteMs },
  "1h": { ms: 60 * minuteMs, stepMs: 15_000, labelStepMs: 2 * minuteMs },
  "6h": { ms: 360 * minuteMs, stepMs: minuteMs, labelStepMs: 10 * minuteMs },
  "24h": { ms: 1440 * minuteMs, stepMs: 4 * minuteMs, labelStepMs: 60 * minuteMs },
} as const;
type Range = keyof typeof ranges;
const rangeNames = Object.keys(ranges) as readonly Range[]; // keys of a literal object

/** The charts carry uPlot, which no other page needs. */
const DeviceCharts = lazy(async () => {
  const { DeviceCharts: component } = await import("../../charts/device-charts.tsx");
  return { default: component };
});

const AgreementChart = lazy(async () => {
  const { AgreementChart: component } = await import("../../charts/agreement-chart.tsx");
  return { default: component };
});

/** Charts of a time range and the live frame. */
export function LiveTab({ device }: { readonly device: DeviceDetail }) {
  const search = useSearch({ from: "/inside/devices/$id" });
  const navigate = useNavigate({ from: "/devices/$id" });
  const range = rangeNames.find((name) => name === search.range) ?? "15m";
  const { ms, stepMs } = ranges[range];
  const query = useQuery(seriesQuery(device.id, range, ms, stepMs));
  const windowMs = (device.reported ?? device.desired).settings.windowMs;
  return (
    <div className={css.live}>
      <div className={css.charts}>
        <div className={css.tools}>
          <Segments<Range>
            label={td("range.label")}
            current={range}
            options={rangeNames.map((name) => [name, td(`range.${name}`)] as const)}
            onChange={(next) =>
              void navigate({ search: (old) => ({ ...old, range: next }), replace: true })
            }
          />
        </div>
        {device.role === "camera" ? <Agreement id={device.id} range={range} /> : null}
        <Loaded query={query}>
          {(series) => (
            <Suspense fallback={<Skeleton lines={4} tall />}>
              <DeviceCharts
                points={series.points}
                expectedMs={Math.max(series.stepMs, windowMs)}
                rangeMs={ms}
                rangeText={td(`range.${range}`)}
              />
            </Suspense>
          )}
        </Loaded>
      </div>
      <FramePanel device={device} />
    </div>
  );
}

function Agreement({ id, range }: { readonly id: string; readonly range: Range }) {
  const { ms, labelStepMs } = ranges[range];
  const query = useQuery(accuracySeriesQuery(id, range, ms, labelStepMs));
  return (
    <Loaded query={query}>
      {({ points, stepMs }) => (
        <Suspense fallback={<Skeleton lines={2} />}>
          <AgreementChart
            points={points}
            stepMs={stepMs}
            rangeMs={ms}
            rangeText={td(`range.${range}`)}
          />
        </Suspense>
      )}
    </Loaded>
  );
}
