import { logins, type Me } from "@fieldloop/shared/contract/people";
import { client } from "../api/client.ts";
import { useForm } from "../hooks/use-form.ts";
import { t } from "../text/t.ts";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import css from "./form.module.css";
import { FormFailure } from "./form-failure.tsx";

export function LoginForm({ onSignedIn }: { readonly onSignedIn: (me: Me) => void }) {
  const form = useForm({
    read: (data) => ({ email: data.get("email"), password: data.get("password") }),
    schema: logins.login.body,
    send: async (body) => onSignedIn(await client.call(logins.login, { body })),
  });
  return (
    <form className={css.form} onSubmit={form.onSubmit} noValidate>
      <TextField
        label={t("login.email")}
        name="email"
        type="email"
        autoComplete="username"
        problem={form.problem("email")}
      />
      <TextField
        label={t("login.password")}
        name="password"
        type="password"
        autoComplete="current-password"
        problem={form.problem("password")}
      />
      <FormFailure error={form.failure} />
      <Button type="submit" look="primary" busy={form.busy}>
        {t("login.submit")}
      </Button>
    </form>
  );
}
