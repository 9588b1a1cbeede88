import { messageOf } from "@fieldloop/shared/errors";
import { useEffect, useState } from "react";
import { requestIdOf, statusOf } from "../api/client.ts";
import { t } from "../text/t.ts";
import { Button } from "./button.tsx";
import { Copyable } from "./copyable.tsx";
import { Glyph } from "./glyph.tsx";
import css from "./states.module.css";

const skeletonDelayMs = 200;

/** Grey lines in the place of what is on its way; shown after a moment, so that fast answers do not flash. */
export function Skeleton({
  lines = 5,
  tall = false,
}: {
  readonly lines?: number;
  readonly tall?: boolean;
}) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setShown(true), skeletonDelayMs);
    return () => window.clearTimeout(timer);
  }, []);
  const keys = Array.from({ length: lines }, (_, i) => `line-${i}`);
  return (
    <div className={css.skeleton} data-shown={shown} role="status" aria-label={t("state.loading")}>
      {keys.map((key) => (
        <span key={key} className={tall ? css.tall : css.line} />
      ))}
    </div>
  );
}

/** Nothing there, and the next step. */
export function Empty(props: {
  readonly title: string;
  readonly children?: React.ReactNode;
  readonly command?: string | undefined;
}) {
  return (
    <div className={css.empty}>
      <p className={css.emptyTitle}>{props.title}</p>
      {props.children}
      {props.command === undefined ? null : <Copyable text={props.command} />}
    </div>
  );
}

/** What went wrong, inside the part that could not be loaded, with a way to try again. */
export function Failure(props: {
  readonly error: unknown;
  readonly onRetry?: (() => void) | undefined;
}) {
  const requestId = requestIdOf(props.error);
  const forbidden = statusOf(props.error) === 403;
  return (
    <div className={css.failure} role="alert">
      <p className={css.failureTitle}>
        <Glyph tone={forbidden ? "unknown" : "critical"} />
        {forbidden ? t("state.forbidden") : t("state.failed")}
      </p>
      <p>{messageOf(props.error)}</p>
      {requestId === undefined ? null : (
        <p className={css.request}>{t("state.request", { id: requestId })}</p>
      )}
      {props.onRetry === undefined || forbidden ? null : (
        <div>
          <Button onClick={props.onRetry}>{t("state.retry")}</Button>
        </div>
      )}
    </div>
  );
}

/** A page or part that the person's role does not open. */
export function Forbidden({ why }: { readonly why: string }) {
  return (
    <div className={css.failure}>
      <p className={css.failureTitle}>
        <Glyph tone="unknown" />
        {t("state.forbidden")}
      </p>
      <p>{t("state.forbiddenWhy", { why })}</p>
    </div>
  );
}

interface Answer<T> {
  readonly data: T | undefined;
  readonly error: unknown;
  readonly isPending: boolean;
  readonly refetch: () => unknown;
}

/** Loading, failed or there: what is there stays shown when a later refresh fails. */
export function Loaded<T>(props: {
  readonly query: Answer<T>;
  readonly children: (data: T) => React.ReactNode;
  readonly lines?: number;
}) {
  const { query } = props;
  if (query.data !== undefined) return props.children(query.data);
  if (query.isPending && query.error === null) return <Skeleton lines={props.lines ?? 5} />;
  return <Failure error={query.error} onRetry={() => void query.refetch()} />;
}
