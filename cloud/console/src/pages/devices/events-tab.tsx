import type { EventRecord } from "@fieldloop/shared/contract/devices";
import { useInfiniteQuery } from "@tanstack/react-query";
import { eventsQuery } from "../../api/queries.ts";
import { formatDateTime } from "../../text/format.ts";
import { t } from "../../text/t.ts";
import { td } from "../../text/t-devices.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Status } from "../../ui/glyph.tsx";
import { Empty, Loaded } from "../../ui/states.tsx";
import css from "./device-page.module.css";

const tone = { info: "info", warning: "warn", critical: "critical" } as const;

const columns: readonly Column<EventRecord>[] = [
  {
    title: td("events.time"),
    line: true,
    cell: ({ at }) => <time dateTime={new Date(at).toISOString()}>{formatDateTime(at)}</time>,
  },
  {
    title: td("events.severity"),
    cell: ({ severity }) => <Status tone={tone[severity]}>{td(`severity.${severity}`)}</Status>,
  },
  { title: td("events.kind"), cell: ({ kind }) => <span className="mono">{kind}</span> },
  { title: td("events.message"), wide: true, cell: ({ message }) => message },
];

/** What happened on the device, newest first. */
export function EventsTab({ id }: { readonly id: string }) {
  const query = useInfiniteQuery(eventsQuery(id));
  return (
    <Card title={td("events.table")} flush>
      <Loaded query={query}>
        {({ pages }) => {
          const rows = pages.flatMap((page) => page.items);
          if (rows.length === 0) return <Empty title={td("events.none")} />;
          return (
            <>
              <DataTable
                label={td("events.table")}
                columns={columns}
                rows={rows}
                rowKey={({ at, kind, message }) => `${at}-${kind}-${message}`}
              />
              {query.hasNextPage ? (
                <div className={css.foot}>
                  <Button onClick={() => void query.fetchNextPage()}>{t("word.more")}</Button>
                </div>
              ) : null}
            </>
          );
        }}
      </Loaded>
    </Card>
  );
}
