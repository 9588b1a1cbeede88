/** The last events, so that a watcher whose connection broke catches up. */
import type { LiveEvent } from "@fieldloop/shared/contract/live";

export interface Numbered {
  readonly number: number;
  readonly event: LiveEvent;
}

export interface Ring {
  push(event: LiveEvent): Numbered;
  /** Events after this id; `undefined` where some of them are forgotten or the id is not ours. */
  after(lastEventId: string): readonly Numbered[] | undefined;
  idOf(number: number): string;
  /** Number of the newest event; 0 for none. */
  readonly newest: number;
}

/** @param boot tells this process's numbers from those of an earlier one */
export function createRing(boot: string, eventsMax: number): Ring {
  const kept: Numbered[] = [];
  let newest = 0;
  return {
    push: (event) => {
      newest += 1;
      const numbered = { number: newest, event };
      kept[newest % eventsMax] = numbered;
      return numbered;
    },
    after: (lastEventId) => {
      const [theirs, text = ""] = lastEventId.split("-");
      const last = Number(text);
      if (theirs !== boot || !/^\d+$/.test(text) || last > newest) return undefined;
      if (newest - last > eventsMax) return undefined;
      const events: Numbered[] = [];
      for (let number = last + 1; number <= newest; number++) {
        const numbered = kept[number % eventsMax];
        if (numbered !== undefined) events.push(numbered);
      }
      return events;
    },
    idOf: (number) => `${boot}-${number}`,
    get newest() {
      return newest;
    },
  };
}
