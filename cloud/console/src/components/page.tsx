import { useEffect, useRef } from "react";
import { t } from "../text/t.ts";
import css from "./page.module.css";

export interface PageProps {
  readonly title: string;
  /** Beside the title: status, counts. */
  readonly aside?: React.ReactNode;
  readonly actions?: React.ReactNode;
  readonly children: React.ReactNode;
  /** The page fills the window and scrolls inside. */
  readonly fill?: boolean;
}

let isFirstPage = true;

/** A page: its title is the document's title and takes the focus after a navigation. */
export function Page({ title, aside, actions, children, fill = false }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = t("app.title", { page: title });
  }, [title]);
  useEffect(() => {
    if (!isFirstPage && !isTyping()) heading.current?.focus({ preventScroll: true });
    isFirstPage = false;
  }, []);
  return (
    <div className={fill ? css.fill : css.page}>
      <div className={css.head}>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {aside === undefined ? null : <div className={css.aside}>{aside}</div>}
        {actions === undefined ? null : <div className={css.actions}>{actions}</div>}
      </div>
      {children}
    </div>
  );
}

/** Whoever types in the search box keeps the focus while the page changes below. */
function isTyping(): boolean {
  return document.activeElement instanceof HTMLInputElement;
}
