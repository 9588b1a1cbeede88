import { useSyncExternalStore } from "react";

/** One clock for the page, so that all ages move together. */
const listeners = new Set<() => void>();
let now = Date.now();
let timer: number | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= window.setInterval(tick, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    window.clearInterval(timer);
    timer = undefined;
  };
}

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}

/** The time, renewed once a second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => {
    if (timer === undefined) now = Date.now() - (Date.now() % 1000);
    return now;
  });
}

/** Whether `at` is longer ago than `ms`; renders again only when the answer changes. */
export function useOlderThan(at: number, ms: number): boolean {
  return useSyncExternalStore(subscribe, () => (timer === undefined ? Date.now() : now) - at > ms);
}
