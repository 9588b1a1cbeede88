import type { CompileScore } from "@fieldloop/shared/manifest/compile-report";
import { useState } from "react";
import { formatPercent } from "../../../text/format.ts";
import { tr } from "../../../text/t-report.ts";
import { NoData } from "../../../ui/age.tsx";
import { Button } from "../../../ui/button.tsx";
import { Card } from "../../../ui/card.tsx";
import { DataTable } from "../../../ui/data-table.tsx";
import { type ClassRow, classRows, pointsText } from "./figures.ts";
import css from "./report.module.css";

const shownMax = 25;

/** How well each class is told before and after. */
export function ClassesCard(props: {
  readonly before: CompileScore;
  readonly after: CompileScore;
}) {
  const [isAll, setAll] = useState(false);
  const rows = classRows(props.before, props.after);
  const title = tr(`classes.${props.after.kind}`);
  if (rows.length === 0)
    return (
      <Card title={title}>
        <p className="muted">{tr("classes.none")}</p>
      </Card>
    );
  return (
    <Card title={title} flush>
      <p className={css.lead}>{tr("classes.lead")}</p>
      <DataTable
        label={title}
        rows={isAll ? rows : rows.slice(0, shownMax)}
        rowKey={({ name }) => name}
        columns={[
          { title: tr("classes.class"), cell: ({ name }) => <b>{name}</b> },
          { title: tr("classes.before"), end: true, cell: ({ before }) => <Share of={before} /> },
          { title: tr("classes.after"), end: true, cell: ({ after }) => <Share of={after} /> },
          { title: tr("classes.change"), end: true, cell: ({ lost }) => pointsText(-lost) },
          { title: tr("classes.bars"), cell: (row) => <Bars row={row} /> },
        ]}
      />
      {isAll || rows.length <= shownMax ? null : (
        <div className={css.more}>
          <Button look="quiet" onClick={() => setAll(true)}>
            {tr("classes.more", { n: rows.length })}
          </Button>
        </div>
      )}
    </Card>
  );
}

function Share({ of }: { readonly of: number | undefined }) {
  return of === undefined ? <NoData /> : formatPercent(of);
}

/** The two figures as lengths; the cells beside them say them. */
function Bars({ row: { before = 0, after = 0 } }: { readonly row: ClassRow }) {
  return (
    <span className={css.bars} aria-hidden="true">
      <span className={css.before} style={{ width: `${before * 100}%` }} />
      <span className={css.after} style={{ width: `${after * 100}%` }} />
    </span>
  );
}
