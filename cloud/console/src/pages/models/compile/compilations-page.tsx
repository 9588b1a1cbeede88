import type { Compilation } from "@fieldloop/shared/contract/compilation";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { compilationsQuery } from "../../../api/compile-queries.ts";
import { Page } from "../../../components/page.tsx";
import { formatDateTime, formatDuration } from "../../../text/format.ts";
import { tc } from "../../../text/t-compile.ts";
import { tr } from "../../../text/t-report.ts";
import { Age } from "../../../ui/age.tsx";
import { Card } from "../../../ui/card.tsx";
import { type Column, DataTable } from "../../../ui/data-table.tsx";
import { Empty, Loaded } from "../../../ui/states.tsx";
import { CompileLink } from "../model-links.tsx";
import css from "../models.module.css";
import { CompilationStatus } from "./compilation-state.tsx";

const columns: readonly Column<Compilation>[] = [
  {
    title: tc("list.model"),
    line: true,
    cell: ({ id, name, version }) => (
      <Link to="/models/compilations/$id" params={{ id }}>
        <b>{name}</b> <span className="mono">{version}</span>
      </Link>
    ),
  },
  {
    title: tc("list.state"),
    wide: true,
    cell: (one) => (
      <>
        <CompilationStatus of={one} />
        {one.error === null ? null : <div className="muted">{one.error}</div>}
      </>
    ),
  },
  {
    title: tc("list.files"),
    cell: ({ kinds }) => (
      <span className={css.tags}>
        {kinds.map((kind) => (
          <span key={kind} className={css.tag}>
            {tr(`kind.${kind}`)}
          </span>
        ))}
      </span>
    ),
  },
  { title: tc("list.pictures"), end: true, cell: ({ samples }) => samples },
  { title: tc("list.asked"), line: true, cell: ({ createdAt }) => formatDateTime(createdAt) },
  { title: tc("list.by"), cell: ({ createdBy }) => createdBy },
  { title: tc("list.took"), end: true, cell: (one) => <Took one={one} /> },
];

/** All compilations that the server keeps, newest first. */
export function CompilationsPage() {
  const query = useQuery(compilationsQuery);
  return (
    <Page title={tc("list.title")} actions={<CompileLink />}>
      <Card title={tc("list.title")} flush>
        <Loaded query={query}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title={tc("list.none")} command={tc("list.noneCommand")}>
                <p>{tc("list.noneHint")}</p>
              </Empty>
            ) : (
              <DataTable
                label={tc("list.title")}
                columns={columns}
                rows={items}
                rowKey={({ id }) => id}
                cards
              />
            )
          }
        </Loaded>
      </Card>
    </Page>
  );
}

/** Waiting in the row included. */
function Took({ one: { createdAt, finishedAt } }: { readonly one: Compilation }) {
  return finishedAt === null ? <Age at={createdAt} /> : formatDuration(finishedAt - createdAt);
}
