import { useId } from "react";
import css from "./card.module.css";

export interface CardProps {
  readonly title: string;
  readonly children: React.ReactNode;
  readonly actions?: React.ReactNode;
  /** No inner margin, for tables that run to the edge. */
  readonly flush?: boolean;
}

/** A titled part of a page. */
export function Card({ title, children, actions, flush = false }: CardProps) {
  const id = useId();
  return (
    <section className={css.card} aria-labelledby={id}>
      <div className={css.head}>
        <h2 id={id}>{title}</h2>
        {actions === undefined ? null : <div className={css.actions}>{actions}</div>}
      </div>
      <div className={flush ? css.flush : css.body}>{children}</div>
    </section>
  );
}

/** Names and values, one below the other. */
export function Facts({
  items,
}: {
  readonly items: readonly (readonly [string, React.ReactNode])[];
}) {
  return (
    <dl className={css.facts}>
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
