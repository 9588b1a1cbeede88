import { useSyncExternalStore } from "react";

/** Theme and density: kept in this browser, applied to the document's root. */
export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];
export const densities = ["cosy", "compact"] as const;
export type Density = (typeof densities)[number];

export interface Display {
  readonly theme: Theme;
  readonly density: Density;
}

const storageKey = "fieldloop.display";
const listeners = new Set<() => void>();
let display: Display = read();

function read(): Display {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(storageKey) ?? "{}");
    const value = kept as { theme?: unknown; density?: unknown }; // checked below
    return {
      theme: themes.find((theme) => theme === value.theme) ?? "system",
      density: densities.find((density) => density === value.density) ?? "cosy",
    };
  } catch {
    // Storage may be forbidden or hold something else: the defaults are always right.
    return { theme: "system", density: "cosy" };
  }
}

/** Puts the kept choice on the document; called before the first paint. */
export function applyDisplay(): void {
  const { dataset } = document.documentElement;
  dataset.theme = display.theme;
  dataset.density = display.density;
}

export function setDisplay(change: Partial<Display>): void {
  display = { ...display, ...change };
  applyDisplay();
  try {
    localStorage.setItem(storageKey, JSON.stringify(display));
  } catch (error) {
    console.warn("the display settings hold for this visit only:", error);
  }
  for (const listener of listeners) listener();
}

export function useDisplay(): Display {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => display,
  );
}
