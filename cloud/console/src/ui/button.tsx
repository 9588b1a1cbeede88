import { useId } from "react";
import css from "./button.module.css";
import { Icon, type IconName } from "./icon.tsx";

export interface ButtonProps {
  readonly children: React.ReactNode;
  readonly onClick?: ((event: React.MouseEvent<HTMLButtonElement>) => void) | undefined;
  readonly type?: "button" | "submit";
  readonly look?: "primary" | "plain" | "danger" | "quiet";
  readonly icon?: IconName | undefined;
  /** Why it cannot be pressed. The button stays in the tab order and says so. */
  readonly refusal?: string | undefined;
  readonly busy?: boolean | undefined;
  /** Name for those who cannot see the context, for example "Revoke dock-3". */
  readonly label?: string | undefined;
  readonly expanded?: boolean | undefined;
  readonly controls?: string | undefined;
}

/** A button that, when it may not be pressed, says why instead of vanishing. */
export function Button(props: ButtonProps) {
  const { refusal, busy = false, look = "plain" } = props;
  const reasonId = useId();
  const blocked = refusal !== undefined || busy;
  return (
    <span className={css.wrap}>
      <button
        type={props.type ?? "button"}
        className={`${css.button} ${css[look]}`}
        aria-disabled={blocked || undefined}
        aria-busy={busy || undefined}
        aria-describedby={refusal === undefined ? undefined : reasonId}
        aria-label={props.label}
        aria-expanded={props.expanded}
        aria-controls={props.controls}
        onClick={(event) => {
          if (blocked) event.preventDefault();
          else props.onClick?.(event);
        }}
      >
        {props.icon === undefined ? null : <Icon name={props.icon} />}
        {props.children}
      </button>
      {refusal === undefined ? null : (
        <span className={css.reason} id={reasonId} role="tooltip">
          {refusal}
        </span>
      )}
    </span>
  );
}

/** A button that shows only an icon; `label` is its name. */
export function IconButton(props: {
  readonly icon: IconName;
  readonly label: string;
  readonly onClick: () => void;
}) {
  return (
    <button
      type="button"
      className={`${css.button} ${css.icon}`}
      aria-label={props.label}
      title={props.label}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
    </button>
  );
}
