import type { LiveEvent } from "@fieldloop/shared/contract/live";

/** Passes news to whoever watches right now; nothing is kept and nobody is waited for. */
export interface LiveHub {
  publish(event: LiveEvent): void;
  /** @returns a function that ends the subscription */
  subscribe(listener: (event: LiveEvent) => void): () => void;
}

export function createLiveHub(): LiveHub {
  const listeners = new Set<(event: LiveEvent) => void>();
  return {
    publish: (event) => {
      for (const listener of listeners) listener(event);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
