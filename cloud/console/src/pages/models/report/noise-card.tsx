import type { LayerNoise } from "@fieldloop/shared/manifest/compile-report";
import { useId, useState } from "react";
import { formatRate } from "../../../text/format.ts";
import { tr } from "../../../text/t-report.ts";
import { Card } from "../../../ui/card.tsx";
import { binned, medianOf, type PlacedLayer, placed, worstFirst } from "./figures.ts";
import css from "./noise.module.css";
import { NoisePlot } from "./noise-plot.tsx";
import { NoiseTable } from "./noise-table.tsx";

/** More bars than this would be thinner than a few pixels. */
const barsMax = 120;
/** Of a few layers not all are the worst. */
const namedOf = (layers: number) => Math.min(3, Math.ceil(layers / 4));

/** Signal to noise along the graph: drawn, summed up in a sentence, walked with arrow keys, and as a table. */
export function NoiseCard({ layers }: { readonly layers: readonly LayerNoise[] }) {
  if (layers.length === 0)
    return (
      <Card title={tr("noise.title")}>
        <p className="muted">{tr("noise.none")}</p>
      </Card>
    );
  return <Noise layers={placed(layers)} />;
}

function Noise({ layers }: { readonly layers: readonly PlacedLayer[] }) {
  const titleId = useId();
  const [cursor, setCursor] = useState<number | undefined>(undefined);
  const bars = binned(layers, barsMax);
  const worst = worstFirst(layers).slice(0, namedOf(layers.length));
  const chosen = bars[Math.min(cursor ?? bars.length - 1, bars.length - 1)];
  return (
    <figure className={css.chart} aria-labelledby={titleId}>
      <div className={css.head}>
        <h2 id={titleId}>{tr("noise.title")}</h2>
        <span className="muted">{tr("noise.unit")}</span>
      </div>
      <p className={css.readout} aria-hidden="true">
        {cursor === undefined || chosen === undefined ? tr("noise.hint") : atText(chosen)}
      </p>
      <NoisePlot bars={bars} worst={worst} cursor={cursor} onCursor={setCursor} />
      {bars.length > 1 ? (
        <input
          className="visually-hidden"
          type="range"
          aria-label={`${tr("noise.title")}. ${tr("noise.keys")}`}
          aria-valuetext={chosen === undefined ? "" : atText(chosen)}
          min={0}
          max={bars.length - 1}
          value={cursor ?? bars.length - 1}
          onChange={(event) => setCursor(Number(event.currentTarget.value))}
          onBlur={() => setCursor(undefined)}
        />
      ) : null}
      <figcaption className={css.caption}>
        <p>{summaryOf(layers, worst)}</p>
        {bars.length < layers.length ? (
          <p>{tr("noise.binned", { n: Math.ceil(layers.length / barsMax) })}</p>
        ) : null}
        <Worst layers={worst} />
      </figcaption>
      <NoiseTable layers={layers} />
    </figure>
  );
}

function atText({ place, node, opType, sqnrDb }: PlacedLayer): string {
  return tr("noise.at", { place, node, op: opType, db: formatRate(sqnrDb) });
}

function summaryOf(layers: readonly PlacedLayer[], [first]: readonly PlacedLayer[]): string {
  return tr("noise.summary", {
    n: layers.length,
    node: first?.node ?? "",
    db: formatRate(first?.sqnrDb ?? 0),
    median: formatRate(medianOf(layers.map(({ sqnrDb }) => sqnrDb)) ?? 0),
  });
}

/** The same numbers stand above the bars. */
function Worst({ layers }: { readonly layers: readonly PlacedLayer[] }) {
  return (
    <ol className={css.worst} aria-label={tr("noise.worst")}>
      {layers.map(({ node, place, sqnrDb }, i) => (
        <li key={place}>
          <span className={css.rank} aria-hidden="true">
            {i + 1}
          </span>
          <code>{node}</code>
          <span>{tr("noise.db", { db: formatRate(sqnrDb) })}</span>
        </li>
      ))}
    </ol>
  );
}
