import { useQuery } from "@tanstack/react-query";
import { seriesQuery } from "../../api/queries.ts";
import { formatWhole } from "../../text/format.ts";
import { tv } from "../../text/t-cameras.ts";
import { Card } from "../../ui/card.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { type FactRow, factRows } from "./fact-rows.ts";

const dayMs = 86_400_000;
const stepMs = 240_000;

const columns: readonly Column<FactRow>[] = [
  { title: tv("facts.what"), cell: ({ text }) => text, wide: true },
  { title: tv("facts.count"), cell: ({ count }) => formatWhole(count), end: true },
];

/** Objects, crossings and stays of the last day; nothing where no camera follows objects. */
export function FactsCard({ id }: { readonly id: string }) {
  const { data } = useQuery(seriesQuery(id, "24h", dayMs, stepMs));
  const rows = factRows(data?.points ?? []);
  if (rows.length === 0) return null;
  return (
    <Card title={tv("facts.title")} flush>
      <DataTable
        label={tv("facts.title")}
        columns={columns}
        rows={rows}
        rowKey={({ key }) => key}
      />
    </Card>
  );
}
