import type { DeviceDetail } from "@fieldloop/shared/contract/devices";
import { useNow } from "../../hooks/use-now.ts";
import { formatDuration, formatFineMs, formatPercent, formatWhole } from "../../text/format.ts";
import { tv } from "../../text/t-cameras.ts";
import { Card, Facts } from "../../ui/card.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Status } from "../../ui/glyph.tsx";
import { Meter } from "../../ui/meter.tsx";
import { Empty } from "../../ui/states.tsx";
import { ModelLink } from "./device-head.tsx";
import css from "./device-page.module.css";
import { FactsCard } from "./facts-card.tsx";
import {
  type CameraPipeline,
  type OutcomeRow,
  outcomeRows,
  type StageRow,
  stageRows,
} from "./pipeline-rows.ts";

const outcomes: readonly Column<OutcomeRow>[] = [
  {
    title: tv("pipeline.outcome"),
    cell: ({ tone, text }) => <Status tone={tone}>{text}</Status>,
    wide: true,
  },
  { title: tv("pipeline.count"), cell: ({ frames }) => formatWhole(frames), end: true },
  { title: tv("pipeline.share"), cell: ({ share }) => formatPercent(share), end: true },
];

/** Where a device's frames go: what became of them, and where their time went. */
export function PipelineTab({ device }: { readonly device: DeviceDetail }) {
  const now = useNow();
  const { reported } = device;
  const cameras = (reported?.cameras ?? []).flatMap(({ name, pipeline }) =>
    pipeline === undefined ? [] : [{ name, pipeline }],
  );
  if (reported === null || cameras.length === 0) {
    return (
      <Empty title={tv("pipeline.none")}>
        <p>{tv("pipeline.noneHint")}</p>
      </Empty>
    );
  }
  const { model } = reported;
  return (
    <div className={css.column}>
      <Card title={tv("pipeline.engine")}>
        <Facts
          items={
            model === null
              ? [[tv("pipeline.model"), tv("pipeline.noModel")]]
              : [
                  [
                    tv("pipeline.model"),
                    <ModelLink key="model" model={`${model.name}@${model.version}`} />,
                  ],
                  [tv("pipeline.variant"), model.variant],
                  [tv("pipeline.provider"), model.provider],
                ]
          }
        />
        <p className="muted">
          {tv("pipeline.reported", { age: formatDuration(now - reported.at) })}
        </p>
      </Card>
      <FactsCard id={device.id} />
      {cameras.map(({ name, pipeline }) => (
        <div className={css.split} key={name}>
          <Card title={tv("pipeline.frames", { name })} flush>
            <DataTable
              label={tv("pipeline.frames", { name })}
              columns={outcomes}
              rows={outcomeRows(pipeline)}
              rowKey={({ key }) => key}
            />
            <div className={css.note}>
              <Load pipeline={pipeline} />
            </div>
          </Card>
          <Stages name={name} pipeline={pipeline} />
        </div>
      ))}
    </div>
  );
}

function Load({ pipeline: { load } }: { readonly pipeline: CameraPipeline }) {
  return (
    <div className={css.focus}>
      <span>{tv("pipeline.load")}</span>
      {load === null ? (
        <span className="muted">{tv("pipeline.loadUnknown")}</span>
      ) : (
        <Meter value={Math.min(1, load)} max={1} label={tv("pipeline.load")}>
          {tv("pipeline.loadText", { percent: `${formatWhole(load * 100)} %` })}
        </Meter>
      )}
    </div>
  );
}

function Stages({ name, pipeline }: { readonly name: string; readonly pipeline: CameraPipeline }) {
  const rows = stageRows(pipeline);
  const most = Math.max(...rows.map(({ p95 }) => p95));
  const columns: readonly Column<StageRow>[] = [
    { title: tv("pipeline.stage"), cell: ({ text }) => text, wide: true },
    {
      title: tv("pipeline.p95"),
      cell: ({ p95, text }) => (
        <Meter value={p95} max={most} label={text}>
          {formatFineMs(p95)}
        </Meter>
      ),
    },
    { title: tv("pipeline.p50"), cell: ({ p50 }) => formatFineMs(p50), end: true },
  ];
  const title = tv("pipeline.stages", { name });
  return (
    <Card title={title} flush>
      <DataTable label={title} columns={columns} rows={rows} rowKey={({ stage }) => stage} />
    </Card>
  );
}
