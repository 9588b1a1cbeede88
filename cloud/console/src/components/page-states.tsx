import { Link } from "@tanstack/react-router";
import { t } from "../text/t.ts";
import { Card } from "../ui/card.tsx";
import { Failure } from "../ui/states.tsx";
import { Page } from "./page.tsx";

/** A URL that leads nowhere. */
export function NotFound() {
  return (
    <Page title={t("state.notFound")}>
      <p>
        <Link to="/devices">{t("state.notFoundBack")}</Link>
      </p>
    </Page>
  );
}

/** A page that threw: what is known, and a way to try again. */
export function PageCrash({
  error,
  reset,
}: {
  readonly error: unknown;
  readonly reset: () => void;
}) {
  return (
    <Page title={t("state.crashed")}>
      <Card title={t("state.failed")}>
        <Failure error={error} onRetry={reset} />
      </Card>
    </Page>
  );
}
