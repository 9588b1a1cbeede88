import { type ClaimToken, claimTokens } from "@fieldloop/shared/contract/devices";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { claimTokensQuery } from "../../api/admin-queries.ts";
import { client } from "../../api/client.ts";
import { useRefusal } from "../../api/session.ts";
import { Confirm } from "../../components/confirm.tsx";
import { enrolCommand } from "../../components/enrol-command.ts";
import { ShownOnce } from "../../components/notice.tsx";
import { Page } from "../../components/page.tsx";
import { ClaimTokenForm } from "../../forms/claim-token.tsx";
import { formatDateTime } from "../../text/format.ts";
import { t } from "../../text/t.ts";
import { td } from "../../text/t-devices.ts";
import { NoData } from "../../ui/age.tsx";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Status, type Tone } from "../../ui/glyph.tsx";
import { Empty, Forbidden, Loaded } from "../../ui/states.tsx";
import { toast } from "../../ui/toast.tsx";
import { claimState } from "./claim-state.ts";
import css from "./enrolment-page.module.css";

/** Claim tokens: how devices join the fleet. */
export function EnrolmentPage() {
  const refusal = useRefusal("devices:enrol");
  const [secret, setSecret] = useState<string | undefined>(undefined);
  return (
    <Page title={td("enrol.title")}>
      <p className={css.lead}>{td("enrol.lead")}</p>
      {secret === undefined ? null : (
        <ShownOnce
          text={td("enrol.created")}
          values={[
            [td("enrol.command"), enrolCommand(window.location.origin, secret)],
            [td("enrol.secret"), secret],
          ]}
        />
      )}
      {refusal === undefined ? (
        <div className={css.grid}>
          <Card title={td("enrol.new")}>
            <ClaimTokenForm onCreated={setSecret} />
          </Card>
          <TokenList />
        </div>
      ) : (
        <Card title={td("enrol.table")}>
          <Forbidden why={refusal} />
        </Card>
      )}
    </Page>
  );
}

function TokenList() {
  const query = useQuery(claimTokensQuery);
  const cache = useQueryClient();
  const [revoking, setRevoking] = useState<ClaimToken | undefined>(undefined);
  return (
    <Card title={td("enrol.table")} flush>
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={td("enrol.none")} command={td("enrol.noneCommand")}>
              <p>{td("enrol.noneHint")}</p>
            </Empty>
          ) : (
            <DataTable
              label={td("enrol.table")}
              columns={columns(setRevoking)}
              rows={items}
              rowKey={({ id }) => id}
            />
          )
        }
      </Loaded>
      {revoking === undefined ? null : (
        <Confirm
          title={td("enrol.revokeTitle")}
          text={td("enrol.revokeText", { note: nameOf(revoking) })}
          verb={td("enrol.revoke")}
          onClose={() => setRevoking(undefined)}
          act={async () => {
            await client.call(claimTokens.revoke, { params: { id: revoking.id } });
            toast(td("enrol.revokedToast"));
            await cache.invalidateQueries({ queryKey: claimTokensQuery.queryKey });
          }}
        />
      )}
    </Card>
  );
}

const nameOf = ({ note }: ClaimToken) => (note === "" ? td("enrol.unnamed") : note);

const stateTone: Readonly<Record<ReturnType<typeof claimState>, Tone>> = {
  valid: "ok",
  usedUp: "unknown",
  expired: "unknown",
  revoked: "unknown",
};

function columns(onRevoke: (token: ClaimToken) => void): readonly Column<ClaimToken>[] {
  return [
    { title: td("enrol.note"), cell: (token) => <b>{nameOf(token)}</b> },
    {
      title: td("enrol.place"),
      line: true,
      cell: ({ site, group }) =>
        site === null && group === null ? <NoData /> : [site, group].filter(Boolean).join(" / "),
    },
    {
      title: td("enrol.state"),
      cell: (token) => {
        const state = claimState(token, Date.now());
        return <Status tone={stateTone[state]}>{td(`enrol.${state}`)}</Status>;
      },
    },
    {
      title: td("enrol.used"),
      end: true,
      cell: ({ uses, usesMax }) => t("word.of", { done: uses, total: usesMax }),
    },
    { title: td("enrol.until"), line: true, cell: ({ expiresAt }) => formatDateTime(expiresAt) },
    {
      title: td("enrol.revoke"),
      end: true,
      cell: (token) =>
        token.revoked ? (
          <NoData />
        ) : (
          <Button
            look="quiet"
            label={td("enrol.revokeOf", { note: nameOf(token) })}
            onClick={() => onRevoke(token)}
          >
            {td("enrol.revoke")}
          </Button>
        ),
    },
  ];
}
