import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { statusOf } from "../../api/client.ts";
import { modelQuery, versionQuery } from "../../api/model-queries.ts";
import { useRefusal } from "../../api/session.ts";
import { Page } from "../../components/page.tsx";
import { tm } from "../../text/t-models.ts";
import { tr } from "../../text/t-report.ts";
import { Button } from "../../ui/button.tsx";
import { Empty, Loaded } from "../../ui/states.tsx";
import { Tabs } from "../../ui/tabs.tsx";
import { BenchmarksTab } from "./benchmarks/benchmarks-tab.tsx";
import { CompilationTab } from "./compilation-tab.tsx";
import { AliasTags } from "./model-page.tsx";
import { OverviewTab, type Version } from "./overview-tab.tsx";
import { PromoteDialog } from "./promote-dialog.tsx";

const tabs = ["overview", "compilation", "benchmarks"] as const;
type Tab = (typeof tabs)[number];

/** One version: what it is, what it takes and gives, and where it runs. */
export function VersionPage() {
  const { name, version } = useParams({ from: "/inside/models/$name/v/$version" });
  const query = useQuery(versionQuery(name, version));
  const { data: all } = useQuery(modelQuery(name));
  const refusal = useRefusal("models:promote");
  const [isPromoting, setPromoting] = useState(false);
  return (
    <Page
      key={`${name}@${version}`}
      title={tm("version.title", { name, version })}
      aside={query.data === undefined ? undefined : <AliasTags aliases={query.data.aliases} />}
      actions={
        query.data === undefined ? undefined : (
          <Button look="primary" refusal={refusal} onClick={() => setPromoting(true)}>
            {tm("model.promote")}
          </Button>
        )
      }
    >
      {statusOf(query.error) === 404 ? (
        <Empty title={tm("version.unknown", { name, version })}>
          <Link to="/models">{tm("model.unknownHint")}</Link>
        </Empty>
      ) : (
        <Loaded query={query} lines={10}>
          {(data) => <Parts data={data} />}
        </Loaded>
      )}
      {isPromoting && query.data !== undefined ? (
        <PromoteDialog
          version={query.data}
          versions={all?.items ?? []}
          onClose={() => setPromoting(false)}
        />
      ) : null}
    </Page>
  );
}

function Parts({ data }: { readonly data: Version }) {
  const search = useSearch({ from: "/inside/models/$name/v/$version" });
  const navigate = useNavigate({ from: "/models/$name/v/$version" });
  const tab = tabs.find((name) => name === search.tab) ?? "overview";
  return (
    <Tabs<Tab>
      label={tr("tabs.label")}
      current={tab}
      tabs={tabs.map((name) => [name, tr(`tabs.${name}`)] as const)}
      onChange={(next) => void navigate({ search: next === "overview" ? {} : { tab: next } })}
    >
      {tab === "overview" ? <OverviewTab data={data} /> : null}
      {tab === "compilation" ? (
        <CompilationTab
          name={data.name}
          version={data.version}
          file={search.file}
          onFile={(file) => void navigate({ search: { tab, file }, replace: true })}
        />
      ) : null}
      {tab === "benchmarks" ? <BenchmarksTab name={data.name} version={data.version} /> : null}
    </Tabs>
  );
}
