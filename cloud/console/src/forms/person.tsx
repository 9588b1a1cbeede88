import { people } from "@fieldloop/shared/contract/people";
import { roles } from "@fieldloop/shared/permissions";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { peopleQuery } from "../api/admin-queries.ts";
import { client } from "../api/client.ts";
import { useRefusal } from "../api/session.ts";
import { ShownOnce } from "../components/notice.tsx";
import { namesOf } from "../components/scope-text.ts";
import { useForm } from "../hooks/use-form.ts";
import { tp } from "../text/t-people.ts";
import { Button } from "../ui/button.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import css from "./form.module.css";
import { FormFailure } from "./form-failure.tsx";

/** Adds a person and shows the login link this once. */
export function PersonForm() {
  const cache = useQueryClient();
  const refusal = useRefusal("people:write");
  const [link, setLink] = useState<string | undefined>(undefined);
  const form = useForm({
    read: (data) => ({
      email: data.get("email"),
      name: data.get("name"),
      role: data.get("role"),
      scope: { sites: namesOf(data.get("sites")), groups: namesOf(data.get("groups")) },
    }),
    schema: people.create.body,
    send: async (body, element) => {
      const { loginLink } = await client.call(people.create, { body });
      setLink(loginLink);
      element.reset();
      await cache.invalidateQueries({ queryKey: peopleQuery.queryKey });
    },
  });
  return (
    <form className={css.form} onSubmit={form.onSubmit} noValidate>
      {link === undefined ? null : (
        <ShownOnce text={tp("people.link")} values={[[tp("people.linkLabel"), link]]} />
      )}
      <TextField label={tp("people.name")} name="name" problem={form.problem("name")} />
      <TextField
        label={tp("people.email")}
        name="email"
        type="email"
        problem={form.problem("email")}
      />
      <SelectField
        label={tp("people.role")}
        name="role"
        options={roles.map((role) => [role, tp(`role.${role}`)] as const)}
      />
      <div className={css.pair}>
        <TextField label={tp("people.sites")} name="sites" problem={form.problem("sites")} />
        <TextField label={tp("people.groups")} name="groups" problem={form.problem("groups")} />
      </div>
      <p className="muted">{tp("people.scopeHelp")}</p>
      <FormFailure error={form.failure} />
      <div className={css.start}>
        <Button type="submit" look="primary" icon="plus" busy={form.busy} refusal={refusal}>
          {tp("people.add")}
        </Button>
      </div>
    </form>
  );
}
