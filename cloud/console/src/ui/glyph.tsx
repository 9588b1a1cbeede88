import css from "./glyph.module.css";

/** Shape first, word second, colour third. */
export const tones = ["ok", "warn", "critical", "info", "canary", "unknown"] as const;
export type Tone = (typeof tones)[number];

const drawing: Record<Tone, React.ReactNode> = {
  ok: <circle cx="5" cy="5" r="4" fill="currentColor" />,
  warn: <path d="M5 .8 9.6 9.2H.4z" fill="currentColor" />,
  critical: <rect x="1" y="1" width="8" height="8" rx="1" fill="currentColor" />,
  info: (
    <>
      <circle cx="5" cy="5" r="3.5" fill="none" stroke="currentColor" strokeWidth="1.3" />
      <path d="M5 1.5a3.5 3.5 0 0 1 0 7z" fill="currentColor" />
    </>
  ),
  canary: <path d="M5 .5 9.5 5 5 9.5 .5 5z" fill="currentColor" />,
  unknown: (
    <circle
      cx="5"
      cy="5"
      r="3.5"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.3"
      strokeDasharray="2 1.7"
    />
  ),
};

export function Glyph({ tone }: { readonly tone: Tone }) {
  return (
    <svg className={css[tone]} width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
      {drawing[tone]}
    </svg>
  );
}

/** A status: glyph and word. */
export function Status({
  tone,
  children,
}: {
  readonly tone: Tone;
  readonly children: React.ReactNode;
}) {
  return (
    <span className={css.status}>
      <Glyph tone={tone} />
      <span className={css.word} data-tone={tone}>
        {children}
      </span>
    </span>
  );
}
