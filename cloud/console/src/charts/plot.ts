/** uPlot with the console's look: the only file that knows the library. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { ChartData, Line } from "./series.ts";

export interface PlotOptions {
  readonly width: number;
  readonly height: number;
  readonly data: ChartData;
  readonly stack: boolean;
  /** Mark each value, so that one between two gaps is seen. */
  readonly dots: boolean;
  /** Upper end of y where it is known; y always starts at 0. */
  readonly yMax: number | undefined;
  /** From and to, Unix milliseconds. */
  readonly range: () => readonly [number, number];
  /** Values on the y axis in words. */
  readonly format: (value: number) => string;
  readonly onCursor: (index: number | undefined) => void;
}

/** Charts with the same key share their crosshair. */
const crosshair = "device";
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });

/** A colour of tokens.css as the canvas understands it. */
export function cssColour(variable: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${variable})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

export function createPlot(root: HTMLElement, options: PlotOptions): uPlot {
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const axis = {
    stroke: cssColour("--muted"),
    font,
    grid: { stroke: cssColour("--border"), width: 1 },
    ticks: { show: false },
  };
  const { lines } = options.data;
  const plot = new uPlot(
    {
      width: options.width,
      height: options.height,
      padding: [8, 6, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: crosshair }, drag: { x: false, y: false }, points: { size: 6 } },
      scales: {
        x: {
          time: true,
          range: () => {
            const [from, to] = options.range();
            return [from / 1000, to / 1000];
          },
        },
        y: { range: (_, _min, max) => [0, options.yMax ?? Math.max(1e-3, (max ?? 1) * 1.12)] },
        // Bars of counts keep to the lowest quarter, so that lines stay readable.
        count: { range: (_, _min, max) => [0, Math.max(1, max ?? 1) * 4] },
      },
      axes: [
        { ...axis, size: 26, values: (_, splits) => splits.map((s) => clock.format(s * 1000)) },
        { ...axis, size: 46, space: 28, values: (_, splits) => splits.map(options.format) },
      ],
      series: [{}, ...lines.map((line) => seriesOf(line, options))],
      ...(options.stack
        ? { bands: lines.slice(1).map((_, i) => ({ series: [i + 2, i + 1] as [number, number] })) }
        : {}),
      hooks: {
        setCursor: [(self) => options.onCursor(self.cursor.idx ?? undefined)],
      },
    },
    aligned(options.data),
    root,
  );
  return plot;
}

function seriesOf(line: Line, { stack, dots }: PlotOptions): uPlot.Series {
  const stroke = cssColour(line.colour);
  const common = { label: line.name, stroke, spanGaps: false };
  const { bars } = uPlot.paths;
  if (line.isCount && bars !== undefined)
    return {
      ...common,
      scale: "count",
      width: 0,
      fill: faded(stroke),
      paths: bars({ size: [0.7, 24] }),
      points: { show: false },
    };
  return {
    ...common,
    width: 1.5,
    points: dots ? { show: true, size: 5, fill: stroke, width: 0 } : { show: false },
    ...(stack ? { fill: faded(stroke) } : {}),
  };
}

/** The data in uPlot's shape: seconds first, then one column per line. */
export function aligned(data: ChartData): uPlot.AlignedData {
  return [data.times.map((at) => at / 1000), ...data.lines.map((line) => [...line.values])];
}

function faded(colour: string): string {
  return `color-mix(in oklab, ${colour} 32%, transparent)`;
}
