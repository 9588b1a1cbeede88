import { useInfiniteQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { deviceListQuery } from "../../api/queries.ts";
import { Page } from "../../components/page.tsx";
import { isEditing } from "../../components/search-box.tsx";
import { WorldDialog } from "../../components/world-dialog.tsx";
import { useMedia } from "../../hooks/use-media.ts";
import { DeviceCards } from "../../table/device-cards.tsx";
import { DeviceTable } from "../../table/device-table.tsx";
import { RecentAccuracy } from "../../table/right-cell.tsx";
import { useSelection } from "../../table/use-selection.ts";
import { td } from "../../text/t-devices.ts";
import { Button } from "../../ui/button.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { NoDevices, NoMatch } from "./devices-empty.tsx";
import css from "./devices-page.module.css";
import { SelectionBar } from "./selection-bar.tsx";
import { StatusCounts } from "./status-counts.tsx";
import { useMembership } from "./use-membership.ts";

/** All devices that match the filter, live. */
export function DevicesPage() {
  const { q = "" } = useSearch({ from: "/inside/devices" });
  const query = useInfiniteQuery(deviceListQuery(q));
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const order = useMemo(() => rows.map((row) => row.id), [rows]);
  const selection = useSelection(order);
  const [dialogOpen, setDialogOpen] = useState(false);
  const list = useRef<HTMLElement>(null);
  const isHeld = () =>
    selection.ids.size > 0 ||
    dialogOpen ||
    (list.current?.matches(":hover, :focus-within") ?? false);
  const shown = query.data === undefined ? undefined : rows;
  const membership = useMembership(q, shown, query.hasNextPage, isHeld);
  useApplyKey(membership.changes > 0, membership.apply);
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = query;
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [fetchNextPage, hasNextPage, isFetchingNextPage]);
  const narrow = useMedia("(max-width: 640px)");
  const List = narrow ? DeviceCards : DeviceTable;
  const total = query.data?.pages[0]?.total ?? 0;

  const content = () => {
    if (query.isPending && !query.error) return <Skeleton lines={8} />;
    if (query.data === undefined)
      return <Failure error={query.error} onRetry={() => void query.refetch()} />;
    if (rows.length === 0) return q === "" ? <NoDevices /> : <NoMatch q={q} />;
    return (
      <RecentAccuracy>
        <List rows={rows} total={total} selection={selection} onEnd={onEnd} />
      </RecentAccuracy>
    );
  };

  return (
    <Page
      title={td("devices.title")}
      fill
      aside={<StatusCounts q={q} matching={query.data === undefined ? undefined : total} />}
      actions={
        membership.changes > 0 ? (
          <Button look="primary" onClick={membership.apply}>
            {td("devices.changes", { n: membership.changes })} <span aria-hidden="true">(U)</span>
          </Button>
        ) : undefined
      }
    >
      <section className={css.list} ref={list} aria-label={td("devices.table")}>
        {content()}
      </section>
      {selection.ids.size > 0 ? (
        <SelectionBar selection={selection} onWorld={() => setDialogOpen(true)} />
      ) : null}
      {dialogOpen ? (
        <WorldDialog devices={[...selection.ids]} onClose={() => setDialogOpen(false)} />
      ) : null}
    </Page>
  );
}

/** `u` applies changes that wait. */
function useApplyKey(isActive: boolean, apply: () => void): void {
  useEffect(() => {
    if (!isActive) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "u" && !event.ctrlKey && !event.metaKey && !isEditing(event.target))
        apply();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [isActive, apply]);
}
