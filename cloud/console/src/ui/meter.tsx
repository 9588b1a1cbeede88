import css from "./meter.module.css";

/** A bar from 0 to `max` with its value in words. */
export function Meter(props: {
  readonly value: number;
  readonly max: number;
  readonly label: string;
  readonly children?: React.ReactNode;
}) {
  const share = props.max <= 0 ? 0 : Math.min(1, props.value / props.max);
  return (
    <span className={css.meter}>
      <span
        className={css.track}
        role="progressbar"
        aria-label={props.label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.floor(share * 100)}
      >
        <span className={css.bar} style={{ transform: `scaleX(${share})` }} />
      </span>
      {props.children === undefined ? null : <span className={css.text}>{props.children}</span>}
    </span>
  );
}
