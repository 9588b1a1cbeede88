import { useNow } from "../hooks/use-now.ts";
import { formatDateTime, formatDuration } from "../text/format.ts";
import { t } from "../text/t.ts";
import css from "./age.module.css";
import { Glyph } from "./glyph.tsx";

/**
 * How old something is, ticking.
 * @param staleAfterMs above this age the stale glyph is shown
 */
export function Age({
  at,
  staleAfterMs,
}: {
  readonly at: number | null;
  readonly staleAfterMs?: number;
}) {
  const now = useNow();
  if (at === null) return <span className="muted">{t("word.never")}</span>;
  const ageMs = Math.max(0, now - at);
  const isStale = staleAfterMs !== undefined && ageMs > staleAfterMs;
  return (
    <time className={css.age} dateTime={new Date(at).toISOString()} title={formatDateTime(at)}>
      {isStale ? <StaleMark /> : null}
      {formatDuration(ageMs)}
    </time>
  );
}

/** Stands before a value that is older than it should be. */
export function StaleMark() {
  return (
    <span className={css.stale} title={t("word.stale")}>
      <Glyph tone="unknown" />
      <span className="visually-hidden">{t("word.stale")} </span>
    </span>
  );
}

/** A value that is not known: neither zero nor stale. */
export function NoData() {
  return (
    <span className="muted">
      <span aria-hidden="true">–</span>
      <span className="visually-hidden">{t("state.noData")}</span>
    </span>
  );
}
