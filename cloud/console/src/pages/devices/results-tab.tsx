import type { DeviceDetail, ResultRecord } from "@fieldloop/shared/contract/devices";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { accuracyQuery } from "../../api/accuracy-queries.ts";
import { resultsQuery } from "../../api/queries.ts";
import { formatDateTime, formatMs, formatShare, formatWhole } from "../../text/format.ts";
import { t } from "../../text/t.ts";
import { td } from "../../text/t-devices.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Status } from "../../ui/glyph.tsx";
import { Empty, Loaded } from "../../ui/states.tsx";
import css from "./device-page.module.css";

const columns: readonly Column<ResultRecord>[] = [
  {
    title: td("results.time"),
    line: true,
    cell: ({ at }) => <time dateTime={new Date(at).toISOString()}>{formatDateTime(at)}</time>,
  },
  { title: td("results.label"), cell: (result) => <b>{labelOf(result)}</b> },
  {
    title: td("results.confidence"),
    end: true,
    cell: ({ confidence }) => formatShare(confidence),
  },
  { title: td("results.truth"), cell: (result) => <Truth result={result} /> },
  {
    title: td("results.latency"),
    end: true,
    cell: ({ latencyMs }) => `${formatMs(latencyMs)} ms`,
  },
  { title: td("results.reason"), cell: ({ reason }) => td(`reason.${reason}`) },
  { title: td("results.model"), cell: ({ model }) => <span className="mono">{model}</span> },
  { title: td("results.frame"), cell: ({ frame }) => <span className="mono">{frame}</span> },
];

/** Single results, newest first, with the truth where a station has told it. */
export function ResultsTab({ device }: { readonly device: DeviceDetail }) {
  const query = useInfiniteQuery(resultsQuery(device.id));
  return (
    <Card title={td("results.table")} flush>
      <Accuracy id={device.id} />
      <Loaded query={query}>
        {({ pages }) => {
          const rows = pages.flatMap((page) => page.items);
          if (rows.length === 0) return <None device={device} />;
          return (
            <>
              <DataTable
                label={td("results.table")}
                columns={columns}
                rows={rows}
                rowKey={({ epoch, seq }) => `${epoch}-${seq}`}
              />
              {query.hasNextPage ? (
                <div className={css.foot}>
                  <Button
                    busy={query.isFetchingNextPage}
                    onClick={() => void query.fetchNextPage()}
                  >
                    {t("word.more")}
                  </Button>
                </div>
              ) : null}
            </>
          );
        }}
      </Loaded>
    </Card>
  );
}

function None({ device }: { readonly device: DeviceDetail }) {
  const mode = td(`twin.results.${device.desired.settings.results}`);
  return (
    <Empty title={td("results.none")}>
      <p>{td("results.noneHint", { mode })}</p>
    </Empty>
  );
}

function Accuracy({ id }: { readonly id: string }) {
  const { data } = useQuery(accuracyQuery);
  const own = data?.items.find(({ device }) => device === id);
  if (own === undefined || own.labelled === 0) return null;
  const share = `${formatWhole((own.agreed / own.labelled) * 100)} %`;
  return (
    <p className={css.note}>
      {td("results.accuracy", { agreed: own.agreed, labelled: own.labelled, share })}
    </p>
  );
}

function labelOf({ label, detections }: ResultRecord): string {
  return label ?? td("frames.detections", { n: detections?.length ?? 0 });
}

function Truth({ result }: { readonly result: ResultRecord }) {
  const { truth, label } = result;
  if (truth === null) return <span className="muted">{td("results.unlabelled")}</span>;
  const agrees = truth === label;
  return (
    <Status tone={agrees ? "ok" : "warn"}>
      {truth}, {agrees ? td("results.agrees") : td("results.differs")}
    </Status>
  );
}
