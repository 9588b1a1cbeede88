import { useState } from "react";
import { formatClock } from "../text/format.ts";
import { t } from "../text/t.ts";
import { td } from "../text/t-devices.ts";
import { Button } from "../ui/button.tsx";
import { DataTable } from "../ui/data-table.tsx";
import { type ChartData, formatOf } from "./series.ts";
import css from "./time-chart.module.css";

const rowsPerPage = 50;

/** The numbers of a chart, newest first, drawn up only when asked for. */
export function ChartTable(props: {
  readonly data: ChartData;
  readonly format: (value: number) => string;
  readonly label: string;
}) {
  const [open, setOpen] = useState(false);
  const [pages, setPages] = useState(1);
  const { times, lines } = props.data;
  const rows = open
    ? times
        .map((at, index) => ({ at, index }))
        .reverse()
        .slice(0, pages * rowsPerPage)
    : [];
  return (
    <details className={css.table} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {td("chart.table")} <span className="visually-hidden">{props.label}</span>
      </summary>
      {open ? (
        <>
          <DataTable
            label={props.label}
            rows={rows}
            rowKey={(row) => String(row.index)}
            columns={[
              { title: td("chart.time"), cell: ({ at }) => formatClock(at) },
              ...lines.map((line) => ({
                title: line.name,
                end: true,
                cell: ({ index }: { readonly index: number }) => {
                  const value = line.values[index];
                  return value === null || value === undefined
                    ? td("chart.gap")
                    : formatOf(line, props.format)(value);
                },
              })),
            ]}
          />
          {rows.length < times.length ? (
            <Button look="quiet" onClick={() => setPages(pages + 1)}>
              {t("word.more")}
            </Button>
          ) : null}
        </>
      ) : null}
    </details>
  );
}
