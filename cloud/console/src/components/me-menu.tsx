import { logins } from "@fieldloop/shared/contract/people";
import { messageOf } from "@fieldloop/shared/errors";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { client } from "../api/client.ts";
import { useMe } from "../api/session.ts";
import { densities, setDisplay, themes, useDisplay } from "../hooks/use-display.ts";
import { t } from "../text/t.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { Segments } from "../ui/tabs.tsx";
import { toastError } from "../ui/toast.tsx";
import css from "./me-menu.module.css";

/** Who is signed in, theme, row height, sign out. */
export function MeMenu() {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const me = useMe();
  useCloseOutside(root, open, () => setOpen(false));
  return (
    <div className={css.root} ref={root}>
      <button
        type="button"
        className={css.trigger}
        title={t("me.menu")}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <Icon name="person" />
        <span className={css.name}>{me?.name}</span>
        <span className="visually-hidden">, {t("me.menu")}</span>
        <Icon name="chevron" size={12} />
      </button>
      {open ? <Panel /> : null}
    </div>
  );
}

function Panel() {
  const me = useMe();
  const display = useDisplay();
  const cache = useQueryClient();
  const signOut = async () => {
    try {
      await client.call(logins.logout, {});
      cache.clear();
      window.location.assign("/login");
    } catch (error) {
      toastError(messageOf(error));
    }
  };
  return (
    <div className={css.panel}>
      <div>
        <p className={css.who}>{me?.name}</p>
        <p className="muted">
          {me?.role == null ? t("me.token") : t("me.role", { role: me.role })}
        </p>
      </div>
      <div className={css.row}>
        <span>{t("me.theme")}</span>
        <Segments
          label={t("me.theme")}
          current={display.theme}
          options={themes.map((theme) => [theme, t(`me.theme.${theme}`)] as const)}
          onChange={(theme) => setDisplay({ theme })}
        />
      </div>
      <div className={css.row}>
        <span>{t("me.density")}</span>
        <Segments
          label={t("me.density")}
          current={display.density}
          options={densities.map((density) => [density, t(`me.density.${density}`)] as const)}
          onChange={(density) => setDisplay({ density })}
        />
      </div>
      <div className={css.row}>
        <span className="muted">
          {t("me.version", { version: me?.installation.version ?? "" })}
        </span>
        <Button onClick={() => void signOut()}>{t("me.logout")}</Button>
      </div>
    </div>
  );
}

function useCloseOutside(
  root: React.RefObject<HTMLElement | null>,
  open: boolean,
  close: () => void,
): void {
  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) close();
    };
    const onEscape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      close();
      root.current?.querySelector("button")?.focus();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    document.addEventListener("keydown", onEscape);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
      document.removeEventListener("keydown", onEscape);
    };
  });
}
