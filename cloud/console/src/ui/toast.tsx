import { useSyncExternalStore } from "react";
import { t } from "../text/t.ts";
import { IconButton } from "./button.tsx";
import { Glyph } from "./glyph.tsx";
import css from "./toast.module.css";

interface Toast {
  readonly id: number;
  readonly tone: "ok" | "critical";
  readonly text: string;
}

const shownMs = 6000;
const toastsMax = 4;
const listeners = new Set<() => void>();
let toasts: readonly Toast[] = [];
let nextId = 1;

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

/** Says that something went well; goes away by itself. */
export function toast(text: string): void {
  const id = push({ tone: "ok", text });
  window.setTimeout(() => dismiss(id), shownMs);
}

/** Says that something failed; stays until it is dismissed. */
export function toastError(text: string): void {
  push({ tone: "critical", text });
}

function push(part: Omit<Toast, "id">): number {
  const id = nextId++;
  set([...toasts, { id, ...part }].slice(-toastsMax));
  return id;
}

function dismiss(id: number): void {
  set(toasts.filter((item) => item.id !== id));
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The corner where toasts appear; announced politely. */
export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <section className={css.corner} aria-label={t("word.notifications")} aria-live="polite">
      {shown.map((item) => (
        <div key={item.id} className={css.toast}>
          <Glyph tone={item.tone} />
          <p>{item.text}</p>
          <IconButton icon="close" label={t("word.dismiss")} onClick={() => dismiss(item.id)} />
        </div>
      ))}
    </section>
  );
}
