import { useState } from "react";
import { formatRate } from "../../../text/format.ts";
import { t } from "../../../text/t.ts";
import { tr } from "../../../text/t-report.ts";
import { Button } from "../../../ui/button.tsx";
import { DataTable } from "../../../ui/data-table.tsx";
import { Segments } from "../../../ui/tabs.tsx";
import { type PlacedLayer, worstFirst } from "./figures.ts";
import css from "./noise.module.css";

const rowsPerPage = 50;
type Order = "worst" | "graph";

/** The plot's numbers, drawn up only when asked for. */
export function NoiseTable({ layers }: { readonly layers: readonly PlacedLayer[] }) {
  const [open, setOpen] = useState(false);
  const [order, setOrder] = useState<Order>("worst");
  const [pages, setPages] = useState(1);
  const sorted = order === "worst" ? worstFirst(layers) : layers;
  const rows = sorted.slice(0, pages * rowsPerPage);
  return (
    <details className={css.table} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {tr("noise.table")} <span className="visually-hidden">{tr("noise.title")}</span>
      </summary>
      {open ? (
        <div className={css.tableBody}>
          <Segments<Order>
            label={tr("noise.order")}
            current={order}
            options={[
              ["worst", tr("noise.order.worst")],
              ["graph", tr("noise.order.graph")],
            ]}
            onChange={setOrder}
          />
          <DataTable
            label={tr("noise.title")}
            rows={rows}
            rowKey={({ place }) => String(place)}
            columns={[
              { title: tr("noise.place"), end: true, cell: ({ place }) => place },
              {
                title: tr("noise.node"),
                wide: true,
                cell: ({ node }) => <span className="mono">{node}</span>,
              },
              { title: tr("noise.op"), cell: ({ opType }) => opType },
              { title: tr("noise.sqnr"), end: true, cell: ({ sqnrDb }) => formatRate(sqnrDb) },
            ]}
          />
          {rows.length < sorted.length ? (
            <Button look="quiet" onClick={() => setPages(pages + 1)}>
              {t("word.more")}
            </Button>
          ) : null}
        </div>
      ) : null}
    </details>
  );
}
