import { useEffect, useId, useRef, useState } from "react";
import type uPlot from "uplot";
import { useDisplay } from "../hooks/use-display.ts";
import { useMedia } from "../hooks/use-media.ts";
import { formatClock } from "../text/format.ts";
import { td } from "../text/t-devices.ts";
import { ChartTable } from "./chart-table.tsx";
import { aligned, createPlot } from "./plot.ts";
import { type ChartData, extentOf, formatOf, type Line, stacked } from "./series.ts";
import css from "./time-chart.module.css";

export interface TimeChartProps {
  readonly title: string;
  readonly unit: string;
  readonly data: ChartData;
  /** From and to, Unix milliseconds. */
  readonly range: readonly [number, number];
  readonly rangeText: string;
  readonly format: (value: number) => string;
  readonly stack?: boolean;
  readonly yMax?: number;
  /** Marks each value, for values that stand alone. */
  readonly dots?: boolean;
  /** Said instead of last, least and greatest value. */
  readonly summary?: string;
}

const heightPx = 148;
/** A last point older than this is named with its time instead of "now". */
const nowMs = 3 * 60_000;

/** A chart over time: drawn, summed up in a sentence, walked with the arrow keys, and as a table. */
export function TimeChart(props: TimeChartProps) {
  const { data } = props;
  const titleId = useId();
  const [cursor, setCursor] = useState<number | undefined>(undefined);
  const { root, plot } = usePlot(props, setCursor);
  const at = cursor ?? data.times.length - 1;
  const time = data.times[at];
  const moveTo = (index: number) => {
    setCursor(index);
    const seconds = (data.times[index] ?? 0) / 1000;
    const left = plot.current?.valToPos(seconds, "x") ?? 0;
    plot.current?.setCursor({ left, top: heightPx / 3 }, false);
  };
  return (
    <figure className={css.chart} aria-labelledby={titleId}>
      <div className={css.head}>
        <h2 id={titleId}>{props.title}</h2>
        <span className={css.unit}>{props.unit}</span>
        <Values props={props} at={at} />
      </div>
      <div className={css.plot} ref={root} aria-hidden="true" />
      {data.times.length === 0 ? <p className={css.none}>{td("chart.noPoints")}</p> : null}
      {data.times.length > 1 ? (
        <input
          className="visually-hidden"
          type="range"
          aria-label={`${props.title}. ${td("chart.keys")}`}
          aria-valuetext={td("chart.cursor", {
            time: time === undefined ? "" : formatClock(time),
            values: spoken(props, at),
          })}
          min={0}
          max={data.times.length - 1}
          value={at}
          onChange={(event) => moveTo(Number(event.currentTarget.value))}
          onBlur={() => setCursor(undefined)}
        />
      ) : null}
      <figcaption className={css.summary}>{props.summary ?? summaryOf(props)}</figcaption>
      <ChartTable data={data} format={props.format} label={props.title} />
    </figure>
  );
}

/** Names with colour and value at the cursor: a legend that says something. */
function Values({ props, at }: { readonly props: TimeChartProps; readonly at: number }) {
  return (
    <ul className={css.values}>
      {props.data.lines.map((line) => (
        <li key={line.name}>
          <span className={css.swatch} style={{ background: `var(${line.colour})` }} />
          {line.name} <b>{textOf(line.values[at], formatOf(line, props.format))}</b>
        </li>
      ))}
    </ul>
  );
}

const textOf = (value: number | null | undefined, format: (v: number) => string) =>
  value === null || value === undefined ? "–" : format(value);

function spoken(props: TimeChartProps, at: number): string {
  const value = (line: Line) => {
    const v = line.values[at];
    return v === null || v === undefined ? td("chart.gap") : formatOf(line, props.format)(v);
  };
  return props.data.lines.map((line) => `${line.name} ${value(line)}`).join(", ");
}

function summaryOf({ data, range, rangeText, format }: TimeChartProps): string {
  const sentences = data.lines.flatMap((line) => {
    const extent = extentOf(data, line);
    if (extent === undefined) return [];
    const values = {
      name: line.name,
      last: format(extent.last),
      min: format(extent.min),
      max: format(extent.max),
      range: rangeText,
    };
    const isNow = range[1] - extent.lastAt < nowMs;
    return isNow
      ? [td("chart.summary", values)]
      : [td("chart.summaryOld", { ...values, time: formatClock(extent.lastAt) })];
  });
  return sentences.length === 0
    ? td("chart.summaryNone", { range: rangeText })
    : sentences.slice(0, 2).join(" ");
}

/** Keeps a plot in step with data, width and theme. */
function usePlot(props: TimeChartProps, onCursor: (index: number | undefined) => void) {
  const root = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const range = useRef(props.range);
  range.current = props.range;
  const format = useRef(props.format);
  format.current = props.format;
  const { theme } = useDisplay();
  const isDark = useMedia("(prefers-color-scheme: dark)");
  const shape = props.data.lines.map((line) => line.name).join("|");
  const drawn = {
    ...props.data,
    lines: props.stack ? stacked(props.data.lines) : props.data.lines,
  };
  const newest = useRef(drawn);
  newest.current = drawn;
  const { stack = false, dots = false, yMax } = props;
  // biome-ignore lint/correctness/useExhaustiveDependencies: theme and shape of the lines call for a new plot
  useEffect(() => {
    const element = root.current;
    if (element === null) return;
    const create = () => {
      plot.current?.destroy();
      plot.current = createPlot(element, {
        width: Math.max(120, element.clientWidth),
        height: heightPx,
        data: newest.current,
        stack,
        dots,
        yMax,
        range: () => range.current,
        format: (value) => format.current(value),
        onCursor,
      });
    };
    create();
    const observer = new ResizeObserver(() => {
      const width = Math.max(120, element.clientWidth);
      if (plot.current?.width !== width) plot.current?.setSize({ width, height: heightPx });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, theme, isDark, stack, dots, yMax, onCursor]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: drawn is rebuilt on every render from data
  useEffect(() => {
    plot.current?.setData(aligned(newest.current));
  }, [props.data, props.range[0], props.range[1]]);
  return { root, plot };
}
