/** What pages ask the server, with the key under which the answer is kept. */
import { devices } from "@fieldloop/shared/contract/devices";
import { logins } from "@fieldloop/shared/contract/people";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { client } from "./client.ts";

/** No cursor: the first page. */
export const initialCursor = null as string | null; // widened: later pages have a cursor

export const pageSize = 500;
/** Status counts look at this many devices and say so when there are more. */
export const fleetMax = 1000;

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: () => client.call(logins.me, {}),
  staleTime: 60_000,
  retry: false,
});

export const deviceListQuery = (q: string) =>
  infiniteQueryOptions({
    queryKey: ["devices", "list", q],
    queryFn: ({ pageParam }) =>
      client.call(devices.list, {
        query: {
          limit: pageSize,
          ...(q === "" ? {} : { q }),
          ...(pageParam === null ? {} : { cursor: pageParam }),
        },
      }),
    initialPageParam: initialCursor,
    getNextPageParam: (page) => page.next,
  });

export const fleetQuery = queryOptions({
  queryKey: ["devices", "fleet"],
  queryFn: () => client.call(devices.list, { query: { limit: fleetMax } }),
});

export const deviceQuery = (id: string) =>
  queryOptions({
    queryKey: ["device", id],
    queryFn: () => client.callTagged(devices.get, { params: { id } }),
  });

export const seriesQuery = (id: string, range: string, rangeMs: number, stepMs: number) =>
  queryOptions({
    queryKey: ["series", id, range],
    queryFn: () => {
      const to = Date.now();
      return client.call(devices.series, {
        params: { id },
        query: { from: to - rangeMs, to, stepMs },
      });
    },
    refetchInterval: 60_000,
  });

export const resultsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ["results", id],
    queryFn: ({ pageParam }) =>
      client.call(devices.results, {
        params: { id },
        query: { limit: 100, ...(pageParam === null ? {} : { cursor: pageParam }) },
      }),
    initialPageParam: initialCursor,
    getNextPageParam: (page) => page.next,
  });

export const eventsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ["events", id],
    queryFn: ({ pageParam }) =>
      client.call(devices.events, {
        params: { id },
        query: { limit: 100, ...(pageParam === null ? {} : { cursor: pageParam }) },
      }),
    initialPageParam: initialCursor,
    getNextPageParam: (page) => page.next,
  });
