/** Live events applied to what the pages hold. */
import type { Compilation } from "@fieldloop/shared/contract/compilation";
import type { DeviceDetail, DeviceSummary, SeriesPoint } from "@fieldloop/shared/contract/devices";
import type { LiveEvent } from "@fieldloop/shared/contract/live";
import type { InfiniteData, QueryClient } from "@tanstack/react-query";

interface DevicePage {
  readonly items: readonly DeviceSummary[];
  readonly next: string | null;
  readonly total: number;
}

/** Replaces known devices in place: no row comes, goes or moves. The same page where none is known. */
export function patchPage<P extends DevicePage>(
  page: P,
  changed: ReadonlyMap<string, DeviceSummary>,
): P {
  if (!page.items.some((item) => changed.has(item.id))) return page;
  return { ...page, items: page.items.map((item) => changed.get(item.id) ?? item) };
}

/** Points kept per series beyond what was fetched; the next fetch replaces them. */
const livePointsMax = 5000;

/** Adds a live window to the end of a series; one at the same time replaces it. */
export function appendPoint(
  points: readonly SeriesPoint[],
  point: SeriesPoint,
): readonly SeriesPoint[] {
  const kept = points.filter((p) => p.at !== point.at);
  const at = kept.findLastIndex((p) => p.at < point.at) + 1;
  return [...kept.slice(0, at), point, ...kept.slice(at)].slice(-livePointsMax);
}

/** The newest of several events per device, in one map. */
export function changedDevices(events: readonly LiveEvent[]): Map<string, DeviceSummary> {
  const changed = new Map<string, DeviceSummary>();
  for (const event of events)
    if (event.kind === "device") changed.set(event.device.id, event.device);
  return changed;
}

/** Ids a list does not show although they exist now, or shows although they are gone. */
export function membershipChanges(
  shown: ReadonlySet<string>,
  events: readonly LiveEvent[],
): readonly string[] {
  return events.flatMap((event) => {
    if (event.kind === "device" && !shown.has(event.device.id)) return [event.device.id];
    if (event.kind === "device-removed" && shown.has(event.id)) return [event.id];
    return [];
  });
}

/** Applies a batch of events to the query cache. */
export function applyLive(cache: QueryClient, events: readonly LiveEvent[]): void {
  if (events.some((event) => event.kind === "resync")) {
    void cache.invalidateQueries();
    return;
  }
  const changed = changedDevices(events);
  if (changed.size > 0) applyDevices(cache, changed);
  for (const event of events) applyOne(cache, event);
}

function applyDevices(cache: QueryClient, changed: ReadonlyMap<string, DeviceSummary>): void {
  cache.setQueriesData<InfiniteData<DevicePage>>({ queryKey: ["devices", "list"] }, (data) => {
    if (data === undefined) return undefined;
    const pages = data.pages.map((page) => patchPage(page, changed));
    return pages.every((page, i) => page === data.pages[i]) ? data : { ...data, pages };
  });
  cache.setQueryData<DevicePage>(["devices", "fleet"], (page) =>
    page === undefined ? undefined : patchPage(page, changed),
  );
  for (const [id, device] of changed) {
    cache.setQueryData<{ value: DeviceDetail; etag: string | undefined }>(["device", id], (old) =>
      old === undefined ? undefined : { ...old, value: { ...old.value, ...device } },
    );
    // The summary is only part of the page: both halves of the twin are asked for again.
    void cache.invalidateQueries({ queryKey: ["device", id] });
  }
}

function applyOne(cache: QueryClient, event: LiveEvent): void {
  if (event.kind === "window")
    cache.setQueriesData<{ stepMs: number; points: readonly SeriesPoint[] }>(
      { queryKey: ["series", event.device] },
      (data) =>
        data === undefined ? undefined : { ...data, points: appendPoint(data.points, event.point) },
    );
  else if (event.kind === "model") {
    void cache.invalidateQueries({ queryKey: ["models"] });
    void cache.invalidateQueries({ queryKey: ["model", event.name] });
  } else if (event.kind === "compilation") applyCompilation(cache, event.compilation);
  else if (event.kind === "result")
    prepend(
      cache,
      ["results", event.result.device],
      event.result,
      (a, b) => a.epoch === b.epoch && a.seq === b.seq,
    );
  else if (event.kind === "event")
    prepend(cache, ["events", event.event.device], event.event, () => false);
}

/** Moves what is known in place; one that is new, and the report of one that has ended, are asked for. */
function applyCompilation(cache: QueryClient, now: Compilation): void {
  const list = cache.getQueryData<Compilations>(["compilations"]);
  if (list?.items.some(({ id }) => id === now.id))
    cache.setQueryData<Compilations>(["compilations"], {
      ...list,
      items: list.items.map((old) => (old.id === now.id ? now : old)),
    });
  else void cache.invalidateQueries({ queryKey: ["compilations"] });
  cache.setQueryData<Compilation>(["compilation", now.id], (old) => old && { ...old, ...now });
  if (now.finishedAt === null) return;
  void cache.invalidateQueries({ queryKey: ["compilation", now.id] });
  void cache.invalidateQueries({ queryKey: ["report", now.name, now.version] });
}

interface Compilations {
  readonly items: readonly Compilation[];
}

interface Items<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** Bound of a list that only grows while its page stays open. */
const firstPageMax = 300;

function prepend<T>(
  cache: QueryClient,
  queryKey: readonly string[],
  item: T,
  same: (a: T, b: T) => boolean,
): void {
  cache.setQueryData<InfiniteData<Items<T>>>(queryKey, (data) => {
    const [first, ...rest] = data?.pages ?? [];
    if (data === undefined || first === undefined) return data;
    const items = [item, ...first.items.filter((old) => !same(old, item))].slice(0, firstPageMax);
    return { ...data, pages: [{ ...first, items }, ...rest] };
  });
}
