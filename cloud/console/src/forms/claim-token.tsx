import { claimTokens } from "@fieldloop/shared/contract/devices";
import { useQueryClient } from "@tanstack/react-query";
import { claimTokensQuery } from "../api/admin-queries.ts";
import { client } from "../api/client.ts";
import { useForm } from "../hooks/use-form.ts";
import { td } from "../text/t-devices.ts";
import { Button } from "../ui/button.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import css from "./form.module.css";
import { FormFailure } from "./form-failure.tsx";

const hourS = 3600;
const durations = [
  [String(hourS), td("enrol.hour")],
  [String(24 * hourS), td("enrol.day")],
  [String(168 * hourS), td("enrol.week")],
  [String(720 * hourS), td("enrol.month")],
] as const;

const orNull = (value: FormDataEntryValue | null) => (value === "" ? null : value);

/** Creates a claim token and hands over its secret, which is known this once. */
export function ClaimTokenForm(props: { readonly onCreated: (secret: string) => void }) {
  const cache = useQueryClient();
  const form = useForm({
    read: (data) => ({
      note: data.get("note"),
      site: orNull(data.get("site")),
      group: orNull(data.get("group")),
      usesMax: Number(data.get("usesMax")),
      expiresInS: Number(data.get("expiresInS")),
    }),
    schema: claimTokens.create.body,
    send: async (body, element) => {
      const { token } = await client.call(claimTokens.create, { body });
      props.onCreated(token);
      element.reset();
      await cache.invalidateQueries({ queryKey: claimTokensQuery.queryKey });
    },
  });
  return (
    <form className={css.form} onSubmit={form.onSubmit} noValidate>
      <TextField
        label={td("enrol.note")}
        name="note"
        help={td("enrol.noteHelp")}
        problem={form.problem("note")}
        autoComplete="off"
      />
      <div className={css.pair}>
        <TextField label={td("enrol.site")} name="site" problem={form.problem("site")} />
        <TextField label={td("enrol.group")} name="group" problem={form.problem("group")} />
      </div>
      <div className={css.pair}>
        <TextField
          label={td("enrol.uses")}
          name="usesMax"
          type="number"
          min={1}
          max={10_000}
          defaultValue={1}
          problem={form.problem("usesMax")}
        />
        <SelectField
          label={td("enrol.expires")}
          name="expiresInS"
          defaultValue={String(24 * hourS)}
          options={durations}
        />
      </div>
      <FormFailure error={form.failure} />
      <div className={css.start}>
        <Button type="submit" look="primary" icon="plus" busy={form.busy}>
          {td("enrol.create")}
        </Button>
      </div>
    </form>
  );
}
