import { lazy, Suspense, useEffect, useState } from "react";
import { t } from "../text/t.ts";
import { IconButton } from "../ui/button.tsx";
import css from "./jump.module.css";

/** The palette carries React Aria, which nothing else needs. */
const JumpDialog = lazy(async () => {
  const { JumpDialog: component } = await import("./jump-dialog.tsx");
  return { default: component };
});

/** Opens the palette; Ctrl-K or ⌘K does the same. */
export function JumpButton() {
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setOpen(true);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return (
    <div className={css.button}>
      <IconButton icon="jump" label={t("jump.open")} onClick={() => setOpen(true)} />
      {open ? (
        <Suspense fallback={null}>
          <JumpDialog onClose={() => setOpen(false)} />
        </Suspense>
      ) : null}
    </div>
  );
}
