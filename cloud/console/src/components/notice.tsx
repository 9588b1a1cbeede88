import { Copyable } from "../ui/copyable.tsx";
import { Glyph } from "../ui/glyph.tsx";
import css from "./notice.module.css";

/** Something shown this once: a secret, a link, a command. */
export function ShownOnce(props: {
  readonly text: string;
  readonly values: readonly (readonly [label: string, value: string])[];
}) {
  return (
    <div className={css.notice} role="status">
      <p className={css.title}>
        <Glyph tone="warn" /> {props.text}
      </p>
      {props.values.map(([label, value]) => (
        <div key={label} className={css.value}>
          <p className="muted">{label}</p>
          <Copyable text={value} label={label} />
        </div>
      ))}
    </div>
  );
}
