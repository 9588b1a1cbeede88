import type { CompiledOperators } from "@fieldloop/shared/manifest/compile-report";
import { tr } from "../../../text/t-report.ts";
import { Card } from "../../../ui/card.tsx";
import { DataTable } from "../../../ui/data-table.tsx";
import { operatorRows } from "./figures.ts";
import { NodeList } from "./node-list.tsx";
import css from "./report.module.css";

const sum = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((a, b) => a + b, 0);

/** What ONNX Runtime really computes, and in which arithmetic. */
export function OperatorsCard({ operators }: { readonly operators: CompiledOperators }) {
  const { conversions, floatWeighted } = operators;
  const int8 = sum(operators.int8);
  const all = int8 + sum(operators.float);
  return (
    <Card title={tr("ops.title")} flush>
      <p className={css.lead}>{tr("ops.sum", { int8, all, conversions })}</p>
      <DataTable
        label={tr("ops.title")}
        rows={operatorRows(operators)}
        rowKey={({ name }) => name}
        columns={[
          { title: tr("ops.operator"), cell: ({ name }) => <span className="mono">{name}</span> },
          { title: tr("ops.int8"), end: true, cell: (row) => <Count of={row.int8} /> },
          { title: tr("ops.float"), end: true, cell: (row) => <Count of={row.float} /> },
        ]}
      />
      <div className={css.notes}>
        {floatWeighted.length === 0 ? (
          <p>{tr("ops.weightedNone")}</p>
        ) : (
          <NodeList
            title={tr("ops.weighted", { n: floatWeighted.length })}
            nodes={floatWeighted.map((node) => ({ node }))}
          />
        )}
      </div>
    </Card>
  );
}

/** Zero is a fact here, but the eye should find the others. */
function Count({ of }: { readonly of: number }) {
  return of === 0 ? <span className="muted">0</span> : of;
}
