import { type Compilation, compilations } from "@fieldloop/shared/contract/compilations";
import type { EndpointReply } from "@fieldloop/shared/contract/endpoint";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { client, statusOf } from "../../../api/client.ts";
import { compilationQuery } from "../../../api/compile-queries.ts";
import { useRefusal } from "../../../api/session.ts";
import { Confirm } from "../../../components/confirm.tsx";
import { Page } from "../../../components/page.tsx";
import { tc } from "../../../text/t-compile.ts";
import { Button } from "../../../ui/button.tsx";
import { Empty, Loaded } from "../../../ui/states.tsx";
import { toast } from "../../../ui/toast.tsx";
import models from "../models.module.css";
import { ReportView } from "../report/report-view.tsx";
import { AskedCard } from "./asked-card.tsx";
import { CompilationStatus } from "./compilation-state.tsx";
import css from "./compile.module.css";
import { EndCard } from "./end-card.tsx";
import { StagesCard } from "./stages-card.tsx";

type Looked = EndpointReply<typeof compilations.get>;

/** One compilation: how far it is, or what came of it. */
export function CompilationPage() {
  const { id } = useParams({ from: "/inside/models/compilations/$id" });
  const query = useQuery(compilationQuery(id));
  const { data } = query;
  return (
    <Page
      key={id}
      title={data === undefined ? tc("list.title") : tc("one.title", data)}
      aside={data === undefined ? undefined : <CompilationStatus of={data} />}
      actions={
        data === undefined || data.finishedAt !== null ? undefined : <Cancel compilation={data} />
      }
    >
      {statusOf(query.error) === 404 ? (
        <Empty title={tc("one.unknown")}>
          <Link to="/models/compilations">{tc("one.unknownHint")}</Link>
        </Empty>
      ) : (
        <Loaded query={query} lines={8}>
          {(found) => <Content found={found} />}
        </Loaded>
      )}
    </Page>
  );
}

function Content({ found }: { readonly found: Looked }) {
  const { file } = useSearch({ from: "/inside/models/compilations/$id" });
  const navigate = useNavigate({ from: "/models/compilations/$id" });
  const { finishedAt, report } = found;
  return (
    <div className={models.stack}>
      <div className={css.split}>
        {finishedAt === null ? <StagesCard compilation={found} /> : <EndCard compilation={found} />}
        <AskedCard compilation={found} />
      </div>
      {report === null ? null : (
        <ReportView
          report={report}
          file={file}
          onFile={(kind) => void navigate({ search: { file: kind }, replace: true })}
        />
      )}
    </div>
  );
}

function Cancel({ compilation }: { readonly compilation: Compilation }) {
  const { id, name, version } = compilation;
  const cache = useQueryClient();
  const refusal = useRefusal("models:push");
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <Button look="danger" icon="stop" refusal={refusal} onClick={() => setAsking(true)}>
        {tc("one.cancel")}
      </Button>
      {isAsking ? (
        <Confirm
          title={tc("one.cancelTitle", { name, version })}
          text={tc("one.cancelText")}
          verb={tc("one.cancelVerb")}
          onClose={() => setAsking(false)}
          act={async () => {
            await client.call(compilations.cancel, { params: { id } });
            toast(tc("one.cancelDone", { name, version }));
            await Promise.all(
              [["compilations"], ["compilation", id]].map((queryKey) =>
                cache.invalidateQueries({ queryKey }),
              ),
            );
          }}
        />
      ) : null}
    </>
  );
}
