import { tokens } from "@fieldloop/shared/contract/people";
import { actNames } from "@fieldloop/shared/permissions";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { tokensQuery } from "../api/admin-queries.ts";
import { client } from "../api/client.ts";
import { useRefusal } from "../api/session.ts";
import { ShownOnce } from "../components/notice.tsx";
import { useForm } from "../hooks/use-form.ts";
import { td } from "../text/t-devices.ts";
import { tp } from "../text/t-people.ts";
import { Button } from "../ui/button.tsx";
import { CheckField, SelectField, TextField } from "../ui/field.tsx";
import css from "./form.module.css";
import { FormFailure } from "./form-failure.tsx";

const dayS = 86_400;

/** Creates an API token and shows its secret this once. */
export function ApiTokenForm() {
  const cache = useQueryClient();
  const refusal = useRefusal("tokens:write");
  const [secret, setSecret] = useState<string | undefined>(undefined);
  const form = useForm({
    read: (data) => ({
      note: data.get("note"),
      acts: data.getAll("acts"),
      expiresInS: data.get("expiresInS") === "" ? null : Number(data.get("expiresInS")),
    }),
    schema: tokens.create.body,
    check: (data): Readonly<Record<string, string>> =>
      data.getAll("acts").length === 0 ? { acts: tp("tokens.chooseActs") } : {},
    send: async (body, element) => {
      const { token } = await client.call(tokens.create, { body });
      setSecret(token);
      element.reset();
      await cache.invalidateQueries({ queryKey: tokensQuery.queryKey });
    },
  });
  return (
    <form className={css.form} onSubmit={form.onSubmit} noValidate>
      {secret === undefined ? null : (
        <ShownOnce text={tp("tokens.created")} values={[[tp("tokens.secret"), secret]]} />
      )}
      <TextField label={tp("tokens.note")} name="note" problem={form.problem("note")} />
      <fieldset className={css.group}>
        <legend>{tp("tokens.acts")}</legend>
        <div className={css.checks}>
          {actNames.map((act) => (
            <CheckField
              key={act}
              name="acts"
              value={act}
              label={<span className="mono">{act}</span>}
            />
          ))}
        </div>
        {form.problem("acts") === undefined ? null : (
          <p className={css.problem}>{form.problem("acts")}</p>
        )}
      </fieldset>
      <SelectField
        label={tp("tokens.validFor")}
        name="expiresInS"
        options={[
          ["", tp("tokens.never")],
          [String(dayS), td("enrol.day")],
          [String(7 * dayS), td("enrol.week")],
          [String(30 * dayS), td("enrol.month")],
        ]}
      />
      <FormFailure error={form.failure} />
      <div className={css.start}>
        <Button type="submit" look="primary" icon="plus" busy={form.busy} refusal={refusal}>
          {tp("tokens.create")}
        </Button>
      </div>
    </form>
  );
}
