import { useInfiniteQuery } from "@tanstack/react-query";
import { auditQuery } from "../../api/admin-queries.ts";
import { useRefusal } from "../../api/session.ts";
import { Page } from "../../components/page.tsx";
import { formatDateTime } from "../../text/format.ts";
import { t } from "../../text/t.ts";
import { tp } from "../../text/t-people.ts";
import { NoData } from "../../ui/age.tsx";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { Empty, Forbidden, Loaded } from "../../ui/states.tsx";

/** Who did what to what. */
export function AuditPage() {
  const refusal = useRefusal("audit:read");
  return (
    <Page title={tp("audit.title")}>
      {refusal === undefined ? (
        <Acts />
      ) : (
        <Card title={tp("audit.table")}>
          <Forbidden why={refusal} />
        </Card>
      )}
    </Page>
  );
}

function Acts() {
  const query = useInfiniteQuery(auditQuery);
  return (
    <Card title={tp("audit.table")} flush>
      <Loaded query={query} lines={8}>
        {({ pages }) => {
          const rows = pages.flatMap((page) => page.items);
          if (rows.length === 0) return <Empty title={tp("audit.none")} />;
          return (
            <DataTable
              label={tp("audit.table")}
              rows={rows}
              rowKey={({ id }) => id}
              columns={[
                { title: tp("audit.time"), line: true, cell: ({ at }) => formatDateTime(at) },
                { title: tp("audit.actor"), cell: ({ actor }) => actor },
                { title: tp("audit.act"), cell: ({ act }) => <span className="mono">{act}</span> },
                { title: tp("audit.subject"), cell: ({ subject }) => subject },
                {
                  title: tp("audit.detail"),
                  wide: true,
                  cell: ({ detail }) =>
                    Object.keys(detail).length === 0 ? <NoData /> : <Detail detail={detail} />,
                },
              ]}
            />
          );
        }}
      </Loaded>
      {query.hasNextPage ? (
        <Button look="quiet" onClick={() => void query.fetchNextPage()}>
          {t("word.more")}
        </Button>
      ) : null}
    </Card>
  );
}

function Detail({ detail }: { readonly detail: Readonly<Record<string, unknown>> }) {
  const text = Object.entries(detail)
    .map(([key, value]) => `${key} ${textOf(value)}`)
    .join(" · ");
  return <span className="mono">{text}</span>;
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(textOf).join(", ");
  return JSON.stringify(value);
}
