import { useEffect, useId, useRef } from "react";
import { t } from "../text/t.ts";
import { IconButton } from "./button.tsx";
import css from "./dialog.module.css";

export interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: React.ReactNode;
}

/**
 * A modal question. The first field has the focus, the browser keeps it inside and returns it
 * afterwards; Escape closes.
 */
export function Dialog({ title, onClose, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    ref.current?.showModal();
    ref.current?.querySelector<HTMLElement>("input, select, textarea")?.focus();
  }, []);
  return (
    <dialog ref={ref} className={css.dialog} aria-labelledby={titleId} onClose={onClose}>
      <div className={css.head}>
        <h2 id={titleId}>{title}</h2>
        <IconButton icon="close" label={t("word.close")} onClick={() => ref.current?.close()} />
      </div>
      <div className={css.body}>{children}</div>
    </dialog>
  );
}

/** The row of buttons at a dialog's end. */
export function DialogActions({ children }: { readonly children: React.ReactNode }) {
  return <div className={css.actions}>{children}</div>;
}
