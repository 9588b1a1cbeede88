import { useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { t } from "../text/t.ts";
import { Icon } from "../ui/icon.tsx";
import css from "./search-box.module.css";

const typingPauseMs = 250;

/** Filters the device list from anywhere; the filter stands in the URL. `/` focuses it. */
export function SearchBox() {
  const input = useRef<HTMLInputElement>(null);
  const inUrl = useRouterState({
    select: ({ location }) =>
      location.pathname === "/devices" ? String(location.search.q ?? "") : "",
  });
  const [text, setText] = useState(inUrl);
  const timer = useRef<number | undefined>(undefined);
  const navigate = useNavigate();
  useEffect(() => {
    if (document.activeElement !== input.current) setText(inUrl);
  }, [inUrl]);
  useSlashKey(input);
  const apply = (q: string) => {
    window.clearTimeout(timer.current);
    const search = q.trim() === "" ? {} : { q: q.trim() };
    void navigate({ to: "/devices", search, replace: window.location.pathname === "/devices" });
  };
  return (
    <search className={css.search}>
      <form
        className={css.box}
        onSubmit={(event) => {
          event.preventDefault();
          apply(text);
        }}
      >
        <Icon name="search" />
        <input
          ref={input}
          type="search"
          aria-label={t("search.label")}
          placeholder={t("search.placeholder")}
          value={text}
          maxLength={200}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => {
            const q = event.currentTarget.value;
            setText(q);
            window.clearTimeout(timer.current);
            timer.current = window.setTimeout(() => apply(q), typingPauseMs);
          }}
        />
        <span className={css.key} aria-hidden="true">
          /
        </span>
      </form>
    </search>
  );
}

function useSlashKey(input: React.RefObject<HTMLInputElement | null>): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || isEditing(event.target)) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [input]);
}

/** Whether a key belongs to a field and not to the page. */
export function isEditing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.closest("input, textarea, select, dialog") !== null
  );
}
