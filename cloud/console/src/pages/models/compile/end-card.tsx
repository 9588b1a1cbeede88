import type { Compilation } from "@fieldloop/shared/contract/compilation";
import { Link } from "@tanstack/react-router";
import { tc } from "../../../text/t-compile.ts";
import { Card } from "../../../ui/card.tsx";
import css from "./compile.module.css";

/** What came of a compilation that has ended. */
export function EndCard({ compilation }: { readonly compilation: Compilation }) {
  const { name, version, state, error } = compilation;
  if (state === "succeeded")
    return (
      <Card title={tc("one.succeeded")}>
        <div className={css.sentence}>
          <p>{tc("one.registered", { name, version })}</p>
          <p>
            <Link to="/models/$name/v/$version" params={{ name, version }}>
              {tc("one.versionLink", { name, version })}
            </Link>
          </p>
        </div>
      </Card>
    );
  return (
    <Card title={state === "failed" ? tc("one.failed") : tc("one.wasCancelled")}>
      <div className={css.sentence}>
        <p>{state === "failed" ? (error ?? tc("one.failedUnknown")) : tc("one.cancelled")}</p>
        {state === "failed" ? <p className="muted">{tc("one.failedHint")}</p> : null}
        <p>
          <Link to="/models/compile">{tc("one.again")}</Link>
        </p>
      </div>
    </Card>
  );
}
