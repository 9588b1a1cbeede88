import type { CompileReport } from "@fieldloop/shared/manifest/compile-report";
import { tr } from "../../../text/t-report.ts";
import { Card } from "../../../ui/card.tsx";
import { DataTable } from "../../../ui/data-table.tsx";
import { NodeList } from "./node-list.tsx";
import css from "./report.module.css";

/** Passes that this console knows by a plainer name; a newer compiler may have others. */
const known = [
  "bare-inputs",
  "constant-nodes",
  "remove-identities",
  "raise-opset",
  "raise-float16",
  "fold-constants",
  "fold-batch-norm",
  "fold-pads",
  "remove-unused",
  "input-in-graph",
] as const;

/** What was done to the graph before anything was quantised, and what was left. */
export function PassesCard({ passes }: { readonly passes: CompileReport["passes"] }) {
  const told = passes.filter(({ changed, left }) => changed > 0 || left.length > 0);
  const rest = passes.filter((pass) => !told.includes(pass)).map(({ pass }) => pass);
  return (
    <Card title={tr("passes.title")} flush>
      <DataTable
        label={tr("passes.title")}
        rows={told}
        rowKey={({ pass }) => pass}
        cards
        columns={[
          {
            title: tr("passes.pass"),
            cell: ({ pass }) => <span className="mono">{pass}</span>,
            line: true,
          },
          { title: tr("passes.what"), cell: ({ pass }) => <What pass={pass} /> },
          { title: tr("passes.changed"), end: true, cell: ({ changed }) => changed },
          { title: tr("passes.left"), wide: true, cell: ({ left }) => <Left left={left} /> },
        ]}
      />
      {rest.length === 0 ? null : (
        <p className={css.notes}>{tr("passes.nothing", { passes: rest.join(", ") })}</p>
      )}
    </Card>
  );
}

function What({ pass }: { readonly pass: string }) {
  const name = known.find((one) => one === pass);
  return name === undefined ? null : tr(`pass.${name}`);
}

type Pass = CompileReport["passes"][number];

function Left({ left }: Pick<Pass, "left">) {
  if (left.length === 0) return <span className="muted">{tr("passes.leftNone")}</span>;
  return <NodeList title={tr("passes.leftCount", { n: left.length })} nodes={left} />;
}
