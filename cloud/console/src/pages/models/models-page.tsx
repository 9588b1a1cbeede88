import type { ModelSummary } from "@fieldloop/shared/contract/models";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { modelsQuery } from "../../api/model-queries.ts";
import { Page } from "../../components/page.tsx";
import { tm } from "../../text/t-models.ts";
import { Card } from "../../ui/card.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Empty, Loaded } from "../../ui/states.tsx";
import { CompileLink, PushLink } from "./model-links.tsx";
import css from "./models.module.css";

const columns: readonly Column<ModelSummary>[] = [
  {
    title: tm("models.name"),
    cell: ({ name }) => (
      <Link to="/models/$name" params={{ name }} className={css.name}>
        {name}
      </Link>
    ),
  },
  { title: tm("models.task"), cell: ({ task }) => task },
  { title: tm("models.versions"), end: true, cell: ({ versions }) => versions },
  {
    title: tm("models.newest"),
    cell: ({ name, newest }) => (
      <Link to="/models/$name/v/$version" params={{ name, version: newest }} className="mono">
        {newest}
      </Link>
    ),
  },
  {
    title: tm("models.aliases"),
    cell: ({ aliases }) =>
      aliases.length === 0 ? (
        <span className="muted">{tm("models.noAlias")}</span>
      ) : (
        <span className={css.tags}>
          {aliases.map(({ alias, version }) => (
            <span key={alias} className={css.tag}>
              {alias} <span className="mono">{version}</span>
            </span>
          ))}
        </span>
      ),
  },
];

/** All models and where their aliases point. */
export function ModelsPage() {
  const query = useQuery(modelsQuery);
  return (
    <Page
      title={tm("models.title")}
      aside={<Link to="/models/compilations">{tm("models.compilations")}</Link>}
      actions={
        <>
          <CompileLink />
          <PushLink />
        </>
      }
    >
      <Card title={tm("models.table")} flush>
        <Loaded query={query}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title={tm("models.none")} command={tm("models.noneCommand")}>
                <p>{tm("models.noneHint")}</p>
              </Empty>
            ) : (
              <DataTable
                label={tm("models.table")}
                columns={columns}
                rows={items}
                rowKey={({ name }) => name}
              />
            )
          }
        </Loaded>
      </Card>
    </Page>
  );
}
