import { useLiveStatus } from "../hooks/use-live.ts";
import { useNow } from "../hooks/use-now.ts";
import { formatClock, formatDuration } from "../text/format.ts";
import { t } from "../text/t.ts";
import { Glyph } from "../ui/glyph.tsx";
import css from "./live-age.module.css";

/** How fresh the page is: when the stream was last heard, or since when it is silent. */
export function LiveAge() {
  const { state, heardAt } = useLiveStatus();
  const now = useNow();
  if (state === "paused") return <Line tone="unknown" text={t("live.paused")} />;
  if (state === "broken")
    return (
      <Line
        tone="warn"
        text={
          heardAt === undefined ? t("live.never") : t("live.broken", { time: formatClock(heardAt) })
        }
      />
    );
  if (state === "connecting" || heardAt === undefined)
    return <Line tone="info" text={t("live.connecting")} />;
  return <Line tone="ok" text={t("live.ok", { age: ageText(now - heardAt) })} />;
}

/** Tenths below ten seconds, so that the reader sees it move. */
function ageText(ms: number): string {
  const positive = Math.max(0, ms);
  return positive < 10_000 ? `${(positive / 1000).toFixed(1)} s` : formatDuration(positive);
}

function Line({
  tone,
  text,
}: {
  readonly tone: "ok" | "warn" | "info" | "unknown";
  readonly text: string;
}) {
  return (
    <div className={css.age} data-tone={tone} data-testid="live-age">
      <Glyph tone={tone} />
      <span className={css.text}>{text}</span>
    </div>
  );
}
