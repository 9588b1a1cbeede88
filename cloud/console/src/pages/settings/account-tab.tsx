import { useMe } from "../../api/session.ts";
import { scopeText } from "../../components/scope-text.ts";
import { PasswordForm } from "../../forms/password.tsx";
import { t } from "../../text/t.ts";
import { tp } from "../../text/t-people.ts";
import { Card, Facts } from "../../ui/card.tsx";
import css from "./settings-page.module.css";

export function AccountTab() {
  const me = useMe();
  if (me === undefined) return null;
  return (
    <div className={css.split}>
      <Card title={tp("account.title")}>
        <Facts
          items={[
            [tp("people.name"), me.name],
            [tp("people.role"), me.role ?? t("me.token")],
            [tp("people.scope"), scopeText(me.scope)],
            [
              tp("account.may"),
              <span key="acts" className="mono">
                {me.acts.join(", ")}
              </span>,
            ],
          ]}
        />
      </Card>
      <Card title={tp("password.title")}>
        <PasswordForm />
      </Card>
    </div>
  );
}
