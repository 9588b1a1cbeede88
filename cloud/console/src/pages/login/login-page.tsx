import { logins, type Me } from "@fieldloop/shared/contract/people";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { client } from "../../api/client.ts";
import { meQuery } from "../../api/queries.ts";
import { FormFailure } from "../../forms/form-failure.tsx";
import { LoginForm } from "../../forms/login.tsx";
import { safeNext } from "../../paths.ts";
import { t } from "../../text/t.ts";
import { Copyable } from "../../ui/copyable.tsx";
import css from "./login-page.module.css";

/** Sign in with e-mail and password, or with a one-time link (`?code=`). */
export function LoginPage() {
  const { code, next } = useSearch({ from: "/login" });
  const cache = useQueryClient();
  const navigate = useNavigate();
  useEffect(() => {
    document.title = t("app.title", { page: t("login.title") });
  }, []);
  const goOn = (me: Me) => {
    cache.setQueryData(meQuery.queryKey, me);
    void navigate({ href: safeNext(next), replace: true });
  };
  const { redeeming, error } = useRedeem(code, goOn);
  return (
    <main className={css.page}>
      <div className={css.box}>
        <p className={css.brand}>{t("app.name")}</p>
        <h1>{t("login.title")}</h1>
        {redeeming ? <p role="status">{t("login.redeeming")}…</p> : null}
        {error === undefined ? null : <FormFailure error={error} />}
        <LoginForm onSignedIn={goOn} />
        <div className={css.hint}>
          <p>{t("login.hint")}</p>
          <Copyable text={t("login.command")} />
        </div>
      </div>
    </main>
  );
}

/** Trades the code of a one-time link for a login, once. */
function useRedeem(code: string | undefined, onSignedIn: (me: Me) => void) {
  const tried = useRef<string | undefined>(undefined);
  const [error, setError] = useState<unknown>(undefined);
  const [redeeming, setRedeeming] = useState(code !== undefined);
  useEffect(() => {
    if (code === undefined || tried.current === code) return;
    tried.current = code;
    client
      .call(logins.redeem, { body: { code } })
      .then(onSignedIn, setError)
      .finally(() => setRedeeming(false));
  }, [code, onSignedIn]);
  return { redeeming, error };
}
