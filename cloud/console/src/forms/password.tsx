import { logins } from "@fieldloop/shared/contract/people";
import { client } from "../api/client.ts";
import { useMe } from "../api/session.ts";
import { useForm } from "../hooks/use-form.ts";
import { tp } from "../text/t-people.ts";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { toast } from "../ui/toast.tsx";
import css from "./form.module.css";
import { FormFailure } from "./form-failure.tsx";

/** Sets one's own password. */
export function PasswordForm() {
  const me = useMe();
  const form = useForm({
    read: (data) => ({ password: data.get("password") }),
    schema: logins.setPassword.body,
    check: (data): Readonly<Record<string, string>> =>
      data.get("password") === data.get("again") ? {} : { again: tp("password.differs") },
    send: async (body, element) => {
      await client.call(logins.setPassword, { body });
      element.reset();
      toast(tp("password.saved"));
    },
  });
  return (
    <form className={css.form} onSubmit={form.onSubmit} noValidate>
      <TextField
        label={tp("password.new")}
        name="password"
        type="password"
        autoComplete="new-password"
        help={tp("password.help")}
        problem={form.problem("password")}
      />
      <TextField
        label={tp("password.again")}
        name="again"
        type="password"
        autoComplete="new-password"
        problem={form.problem("again")}
      />
      <FormFailure error={form.failure} />
      <div className={css.start}>
        <Button
          type="submit"
          look="primary"
          busy={form.busy}
          refusal={me?.kind === "token" ? tp("password.token") : undefined}
        >
          {tp("password.save")}
        </Button>
      </div>
    </form>
  );
}
