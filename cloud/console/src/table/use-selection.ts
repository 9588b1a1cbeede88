import { useCallback, useMemo, useRef, useState } from "react";

export interface Selection {
  readonly ids: ReadonlySet<string>;
  readonly isAll: boolean;
  /** Adds or removes one; with `range` everything between it and the one touched before. */
  readonly toggle: (id: string, range: boolean) => void;
  readonly toggleAll: () => void;
  readonly clear: () => void;
}

/** The ids from `a` to `b` in the order of the list, both included; only `b` where `a` is gone. */
export function rangeOf(
  order: readonly string[],
  a: string | undefined,
  b: string,
): readonly string[] {
  const from = a === undefined ? -1 : order.indexOf(a);
  const to = order.indexOf(b);
  if (from < 0 || to < 0) return [b];
  return order.slice(Math.min(from, to), Math.max(from, to) + 1);
}

/** Which rows are selected. Rows that leave the list leave the selection. */
export function useSelection(order: readonly string[]): Selection {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const anchor = useRef<string | undefined>(undefined);
  const newest = useRef(order);
  newest.current = order;
  const ids = useMemo(() => new Set(order.filter((id) => chosen.has(id))), [order, chosen]);
  const toggle = useCallback((id: string, range: boolean) => {
    const touched = range ? rangeOf(newest.current, anchor.current, id) : [id];
    anchor.current = id;
    setChosen((old) => {
      const next = new Set(old);
      const add = !old.has(id);
      for (const one of touched) add ? next.add(one) : next.delete(one);
      return next;
    });
  }, []);
  const clear = useCallback(() => setChosen(new Set()), []);
  const isAll = order.length > 0 && ids.size === order.length;
  return {
    ids,
    isAll,
    toggle,
    clear,
    toggleAll: () => setChosen(isAll ? new Set() : new Set(order)),
  };
}
