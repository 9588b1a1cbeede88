import type { DeviceSummary } from "@fieldloop/shared/contract/devices";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { matchesFilter } from "../../components/device-status.ts";
import { useLiveEvents } from "../../hooks/use-live.ts";

const applyAfterMs = 400;

export interface Membership {
  /** How many rows would come or go. */
  readonly changes: number;
  readonly apply: () => void;
}

/**
 * Rows that live events would add to the list or take from it. They are applied at once while nobody
 * interacts with the list; otherwise they wait until the person asks for them.
 * @param rows what is shown, by id; `undefined` while nothing could be loaded
 * @param hasMore whether more rows follow those shown; what belongs there is no change
 * @param isHeld tells whether a person has the list in hand
 */
export function useMembership(
  q: string,
  rows: readonly DeviceSummary[] | undefined,
  hasMore: boolean,
  isHeld: () => boolean,
): Membership {
  const cache = useQueryClient();
  const changed = useRef(new Set<string>());
  const [changes, setChanges] = useState(0);
  const timer = useRef<number | undefined>(undefined);
  const apply = useCallback(() => {
    changed.current.clear();
    setChanges(0);
    void cache.invalidateQueries({ queryKey: ["devices"] });
  }, [cache]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  useLiveEvents((events) => {
    if (rows === undefined) return;
    const shown = new Set(rows.map((row) => row.id));
    const lastId = hasMore ? rows.at(-1)?.id : undefined;
    for (const event of events) {
      if (event.kind === "device-removed" && shown.has(event.id)) changed.current.add(event.id);
      if (event.kind !== "device") continue;
      const isShown = shown.has(event.device.id);
      const isInReach = isShown || lastId === undefined || event.device.id <= lastId;
      const belongs = isInReach && (q === "" || matchesFilter(event.device, q));
      if (belongs !== isShown) changed.current.add(event.device.id);
      else changed.current.delete(event.device.id);
    }
    setChanges(changed.current.size);
    if (changed.current.size === 0) return;
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      if (!isHeld()) apply();
    }, applyAfterMs);
  });
  return { changes, apply };
}
