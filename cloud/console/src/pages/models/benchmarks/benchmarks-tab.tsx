import type { Benchmark } from "@fieldloop/shared/contract/benchmarks";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { benchmarksQuery } from "../../../api/model-queries.ts";
import { useRefusal } from "../../../api/session.ts";
import { formatDateTime } from "../../../text/format.ts";
import { tb } from "../../../text/t-benchmarks.ts";
import { Button } from "../../../ui/button.tsx";
import { Card } from "../../../ui/card.tsx";
import { DataTable } from "../../../ui/data-table.tsx";
import { Status } from "../../../ui/glyph.tsx";
import { Empty, Loaded } from "../../../ui/states.tsx";
import models from "../models.module.css";
import css from "./benchmarks.module.css";
import { grouped } from "./group.ts";
import { MeasureDialog } from "./measure-dialog.tsx";
import { ProfileCard } from "./profile-card.tsx";

/** How fast the files of a version are on real devices. */
export function BenchmarksTab(props: { readonly name: string; readonly version: string }) {
  const { name, version } = props;
  const query = useQuery(benchmarksQuery(name, version));
  const refusal = useRefusal("devices:write");
  const [isAsking, setAsking] = useState(false);
  return (
    <div className={models.stack}>
      <div className={css.start}>
        <Button icon="play" refusal={refusal} onClick={() => setAsking(true)}>
          {tb("measure.open")}
        </Button>
      </div>
      <Loaded query={query}>{({ items }) => <Measurements items={items} />}</Loaded>
      {isAsking ? (
        <MeasureDialog name={name} version={version} onClose={() => setAsking(false)} />
      ) : null}
    </div>
  );
}

function Measurements({ items }: { readonly items: readonly Benchmark[] }) {
  const { open, profiles } = grouped(items);
  if (items.length === 0)
    return (
      <Empty title={tb("none.title")}>
        <p>{tb("none.hint")}</p>
      </Empty>
    );
  return (
    <>
      {open.length === 0 ? null : <Open items={open} />}
      {profiles.map((group) => (
        <ProfileCard key={group.profile} group={group} />
      ))}
    </>
  );
}

/** What has no figures: asked for and not answered, or answered with a reason. */
function Open({ items }: { readonly items: readonly Benchmark[] }) {
  return (
    <Card title={tb("open.title")} flush>
      <DataTable
        label={tb("open.title")}
        rows={items}
        rowKey={({ id }) => id}
        cards
        columns={[
          {
            title: tb("open.device"),
            line: true,
            cell: ({ device }) => (
              <Link to="/devices/$id" params={{ id: device }}>
                {device}
              </Link>
            ),
          },
          {
            title: tb("open.state"),
            line: true,
            cell: ({ state }) =>
              state === "waiting" ? (
                <Status tone="info">{tb("open.waiting")}</Status>
              ) : (
                <Status tone="critical">{tb("open.failed")}</Status>
              ),
          },
          { title: tb("open.what"), wide: true, cell: sentenceOf },
          {
            title: tb("asked"),
            cell: ({ requestedAt, requestedBy }) =>
              tb("askedText", { at: formatDateTime(requestedAt), who: requestedBy }),
          },
        ]}
      />
    </Card>
  );
}

function sentenceOf({ state, error, pairs }: Benchmark): string {
  if (state === "waiting") return tb("open.waitingText", { n: pairs });
  return error ?? tb("open.failedUnknown");
}
