import type { ModelVersion } from "@fieldloop/shared/contract/models";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { statusOf } from "../../api/client.ts";
import { modelQuery, modelsQuery } from "../../api/model-queries.ts";
import { useRefusal } from "../../api/session.ts";
import { Page } from "../../components/page.tsx";
import { formatBytes, formatDateTime } from "../../text/format.ts";
import { tm } from "../../text/t-models.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Status } from "../../ui/glyph.tsx";
import { Meter } from "../../ui/meter.tsx";
import { Empty, Loaded } from "../../ui/states.tsx";
import { PushLink } from "./model-links.tsx";
import css from "./models.module.css";
import { PromoteDialog } from "./promote-dialog.tsx";

/** One model: its versions, where they run, what its aliases point at. */
export function ModelPage() {
  const { name } = useParams({ from: "/inside/models/$name" });
  const query = useQuery(modelQuery(name));
  const [promoting, setPromoting] = useState<ModelVersion | undefined>(undefined);
  const refusal = useRefusal("models:promote");
  return (
    <Page key={name} title={name} actions={<PushLink />}>
      {statusOf(query.error) === 404 ? (
        <Empty title={tm("model.unknown", { name })}>
          <Link to="/models">{tm("model.unknownHint")}</Link>
        </Empty>
      ) : (
        <div className={css.stack}>
          <Card title={tm("model.versionsTable", { name })} flush>
            <Loaded query={query}>
              {({ items }) => (
                <DataTable
                  label={tm("model.versionsTable", { name })}
                  columns={columns(refusal, setPromoting)}
                  rows={items}
                  rowKey={({ version }) => version}
                />
              )}
            </Loaded>
          </Card>
          <Aliases name={name} />
        </div>
      )}
      {promoting === undefined ? null : (
        <PromoteDialog
          version={promoting}
          versions={query.data?.items ?? []}
          onClose={() => setPromoting(undefined)}
        />
      )}
    </Page>
  );
}

function columns(
  refusal: string | undefined,
  onPromote: (version: ModelVersion) => void,
): readonly Column<ModelVersion>[] {
  return [
    {
      title: tm("model.version"),
      cell: ({ name, version }) => (
        <Link to="/models/$name/v/$version" params={{ name, version }} className="mono">
          <b>{version}</b>
        </Link>
      ),
    },
    { title: tm("models.aliases"), cell: ({ aliases }) => <AliasTags aliases={aliases} /> },
    { title: tm("model.where"), cell: (version) => <Where version={version} /> },
    { title: tm("model.size"), end: true, cell: ({ bytes }) => formatBytes(bytes) },
    {
      title: tm("model.created"),
      cell: ({ createdAt, createdBy }) => (
        <>
          {formatDateTime(createdAt)}{" "}
          <span className="muted">{tm("model.by", { who: createdBy })}</span>
        </>
      ),
    },
    {
      title: tm("version.warnings"),
      cell: ({ warnings }) =>
        warnings.length === 0 ? (
          <span className="muted">{tm("version.noGoldens")}</span>
        ) : (
          <Status tone="warn">{tm("model.warnings", { n: warnings.length })}</Status>
        ),
    },
    {
      title: tm("model.promote"),
      end: true,
      cell: (version) => (
        <Button
          label={tm("model.promoteOf", { version: version.version })}
          refusal={refusal}
          onClick={() => onPromote(version)}
        >
          {tm("model.promote")}
        </Button>
      ),
    },
  ];
}

export function AliasTags({ aliases }: { readonly aliases: readonly string[] }) {
  if (aliases.length === 0) return <span className="muted">{tm("models.noAlias")}</span>;
  return (
    <span className={css.tags}>
      {aliases.map((alias) => (
        <span key={alias} className={css.tag}>
          {alias}
        </span>
      ))}
    </span>
  );
}

/** How many devices report this version, of those that are meant to. */
export function Where({ version }: { readonly version: ModelVersion }) {
  const { running, desired } = version;
  if (running === 0 && desired === 0) return <span className="muted">{tm("model.nowhere")}</span>;
  const text =
    desired === 0
      ? tm("model.runningOnly", { running })
      : tm("model.running", { running, desired });
  return (
    <span className={css.where}>
      <span>{text}</span>
      <Meter value={running} max={Math.max(desired, running)} label={text} />
    </span>
  );
}

function Aliases({ name }: { readonly name: string }) {
  const query = useQuery(modelsQuery);
  return (
    <Card title={tm("model.alias.table", { name })} flush>
      <Loaded query={query}>
        {({ items }) => {
          const aliases = items.find((item) => item.name === name)?.aliases ?? [];
          if (aliases.length === 0) return <Empty title={tm("model.alias.none")} />;
          return (
            <DataTable
              label={tm("model.alias.table", { name })}
              rows={aliases}
              rowKey={({ alias }) => alias}
              columns={[
                { title: tm("model.alias"), cell: ({ alias }) => <b>{alias}</b> },
                {
                  title: tm("model.version"),
                  cell: ({ version }) => <span className="mono">{version}</span>,
                },
                {
                  title: tm("model.changed"),
                  cell: ({ changedAt, changedBy }) => (
                    <>
                      {formatDateTime(changedAt)}{" "}
                      <span className="muted">{tm("model.by", { who: changedBy })}</span>
                    </>
                  ),
                },
              ]}
            />
          );
        }}
      </Loaded>
    </Card>
  );
}
