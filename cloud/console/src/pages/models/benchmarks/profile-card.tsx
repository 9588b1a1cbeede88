import type { BenchmarkFigures } from "@fieldloop/shared/contract/benchmarks";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import {
  formatBytes,
  formatDateTime,
  formatFineMs,
  formatShare,
  formatTenth,
} from "../../../text/format.ts";
import { tb } from "../../../text/t-benchmarks.ts";
import { tr } from "../../../text/t-report.ts";
import { Button } from "../../../ui/button.tsx";
import { Card, Facts } from "../../../ui/card.tsx";
import { type Column, DataTable } from "../../../ui/data-table.tsx";
import css from "./benchmarks.module.css";
import type { Measured, ProfileGroup } from "./group.ts";

/** Measurements on one kind of device. */
export function ProfileCard({ group }: { readonly group: ProfileGroup }) {
  const [isAll, setAll] = useState(false);
  const { profile, newest, earlier } = group;
  return (
    <Card title={tb("profile.title", { profile })} flush>
      {[...newest, ...(isAll ? earlier : [])].map((one) => (
        <Measurement key={one.id} one={one} />
      ))}
      {earlier.length === 0 || isAll ? null : (
        <div className={css.more}>
          <Button look="quiet" onClick={() => setAll(true)}>
            {tb("earlier", { n: earlier.length })}
          </Button>
        </div>
      )}
    </Card>
  );
}

/** One device's answer: what it is, and the speed of each file on it. */
function Measurement({ one }: { readonly one: Measured }) {
  const { device, figures } = one;
  const at = formatDateTime(one.finishedAt ?? one.requestedAt);
  return (
    <div className={css.measurement}>
      <div className={css.about}>
        <h3>
          <Link to="/devices/$id" params={{ id: device }}>
            {device}
          </Link>
        </h3>
        <div className={css.facts}>
          <Facts items={processorFacts(figures)} />
          <Facts
            items={[
              [tb("one.memory"), formatBytes(figures.rssBytes)],
              [tb("one.temperature"), temperatureText(figures.temperatureC)],
              [tb("one.measured"), tb("one.measuredText", { at, who: one.requestedBy })],
            ]}
          />
        </div>
      </div>
      <DataTable
        label={tb("one.table", { device, at })}
        columns={columns}
        rows={figures.variants}
        rowKey={({ kind, provider }) => `${kind} ${provider}`}
        cards
      />
      {figures.passedOver.length === 0 ? null : (
        <div className={css.about}>
          <h4>{tb("one.passedOver")}</h4>
          <ul>
            {figures.passedOver.map(({ kind, reason }) => (
              <li key={kind}>{tb("one.because", { kind: tr(`kind.${kind}`), reason })}</li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

const processorFacts = ({ processor, features, threads }: BenchmarkFigures) =>
  [
    [tb("one.processor"), processor],
    [tb("one.features"), features.join(", ") || tr("outcome.noFeatures")],
    [tb("one.threads"), threads],
  ] as const;

const temperatureText = (degrees: number | null) =>
  degrees === null ? tb("one.noSensor") : tb("one.celsius", { degrees: formatTenth(degrees) });

const pairText = ({ p50, p95 }: { readonly p50: number; readonly p95: number }) =>
  tb("one.pair", { p50: formatFineMs(p50), p95: formatFineMs(p95) });

const columns: readonly Column<BenchmarkFigures["variants"][number]>[] = [
  { title: tb("one.file"), line: true, cell: ({ kind }) => <b>{tr(`kind.${kind}`)}</b> },
  { title: tb("one.provider"), cell: ({ provider }) => provider },
  { title: tb("one.latency"), end: true, cell: ({ latency }) => pairText(latency.subjectMs) },
  { title: tb("one.reference"), end: true, cell: ({ latency }) => pairText(latency.referenceMs) },
  {
    title: tb("one.ratio"),
    end: true,
    cell: ({ latency }) => (
      <span className={css.two}>
        <span>{tb("one.ratioText", { ratio: formatShare(latency.ratioMedian) })}</span>
        <span className="muted">
          {tb("one.ratioLower", { ratio: formatShare(latency.ratioLower90) })}
        </span>
      </span>
    ),
  },
  { title: tb("one.pairs"), end: true, cell: ({ latency }) => latency.pairs },
];
