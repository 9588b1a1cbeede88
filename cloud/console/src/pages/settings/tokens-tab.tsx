import { type ApiToken, tokens } from "@fieldloop/shared/contract/people";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { tokensQuery } from "../../api/admin-queries.ts";
import { client } from "../../api/client.ts";
import { useRefusal } from "../../api/session.ts";
import { Confirm } from "../../components/confirm.tsx";
import { ApiTokenForm } from "../../forms/api-token.tsx";
import { formatDateTime } from "../../text/format.ts";
import { tp } from "../../text/t-people.ts";
import { Age, NoData } from "../../ui/age.tsx";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Status } from "../../ui/glyph.tsx";
import { Empty, Forbidden, Loaded } from "../../ui/states.tsx";
import { toast } from "../../ui/toast.tsx";
import css from "./settings-page.module.css";

/** API tokens of programs and command lines. */
export function TokensTab() {
  const refusal = useRefusal("tokens:read");
  if (refusal !== undefined)
    return (
      <Card title={tp("tokens.table")}>
        <Forbidden why={refusal} />
      </Card>
    );
  return (
    <div className={css.side}>
      <Card title={tp("tokens.new")}>
        <ApiTokenForm />
      </Card>
      <TokenList />
    </div>
  );
}

function TokenList() {
  const query = useQuery(tokensQuery);
  const cache = useQueryClient();
  const [revoking, setRevoking] = useState<ApiToken | undefined>(undefined);
  return (
    <Card title={tp("tokens.table")} flush>
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={tp("tokens.none")}>
              <p>{tp("tokens.noneHint")}</p>
            </Empty>
          ) : (
            <DataTable
              label={tp("tokens.table")}
              columns={columns(setRevoking)}
              rows={items}
              rowKey={({ id }) => id}
            />
          )
        }
      </Loaded>
      {revoking === undefined ? null : (
        <Confirm
          title={tp("tokens.revokeTitle")}
          text={tp("tokens.revokeText", { note: revoking.note })}
          verb={tp("tokens.revoke")}
          onClose={() => setRevoking(undefined)}
          act={async () => {
            await client.call(tokens.revoke, { params: { id: revoking.id } });
            toast(tp("tokens.revokedToast"));
            await cache.invalidateQueries({ queryKey: tokensQuery.queryKey });
          }}
        />
      )}
    </Card>
  );
}

function columns(onRevoke: (token: ApiToken) => void): readonly Column<ApiToken>[] {
  return [
    { title: tp("tokens.note"), cell: ({ note }) => <b>{note}</b> },
    {
      title: tp("tokens.acts"),
      wide: true,
      cell: ({ acts }) => <span className="mono">{acts.join(", ")}</span>,
    },
    { title: tp("tokens.state"), cell: (token) => <State token={token} /> },
    { title: tp("tokens.used"), cell: ({ lastUsedAt }) => <Age at={lastUsedAt} /> },
    {
      title: tp("tokens.expires"),
      cell: ({ expiresAt }) =>
        expiresAt === null ? tp("tokens.never") : formatDateTime(expiresAt),
    },
    {
      title: tp("tokens.revoke"),
      end: true,
      cell: (token) =>
        token.revoked ? (
          <NoData />
        ) : (
          <Button
            look="quiet"
            label={tp("tokens.revokeOf", { note: token.note })}
            onClick={() => onRevoke(token)}
          >
            {tp("tokens.revoke")}
          </Button>
        ),
    },
  ];
}

function State({ token }: { readonly token: ApiToken }) {
  if (token.revoked) return <Status tone="unknown">{tp("tokens.revoked")}</Status>;
  const isOver = token.expiresAt !== null && token.expiresAt <= Date.now();
  return isOver ? (
    <Status tone="unknown">{tp("tokens.expired")}</Status>
  ) : (
    <Status tone="ok">{tp("tokens.valid")}</Status>
  );
}
