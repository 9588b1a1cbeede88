import { benchmarks } from "@fieldloop/shared/contract/benchmarks";
import { models } from "@fieldloop/shared/contract/models";
import { queryOptions } from "@tanstack/react-query";
import { client, statusOf } from "./client.ts";

export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: () => client.call(models.list, {}),
});

export const modelQuery = (name: string) =>
  queryOptions({
    queryKey: ["model", name],
    queryFn: () => client.call(models.versions, { params: { name } }),
  });

export const versionQuery = (name: string, version: string) =>
  queryOptions({
    queryKey: ["model", name, version],
    queryFn: () => client.call(models.version, { params: { name, version } }),
  });

/** What 404 means depends on the question: here it is an answer. */
async function orNone<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

/** What compiling the version found out; `null` where it was not compiled. A report never changes. */
export const reportQuery = (name: string, version: string) =>
  queryOptions({
    queryKey: ["report", name, version],
    queryFn: () => orNone(client.call(models.report, { params: { name, version } })),
    staleTime: Number.POSITIVE_INFINITY,
  });

/** No live event speaks of measurements, so waiting ones are asked for. */
const refetchWaitingMs = 5000;

/** Measurements on devices, newest first; none where the server does not know of any. */
export const benchmarksQuery = (name: string, version: string) =>
  queryOptions({
    queryKey: ["benchmarks", name, version],
    queryFn: async () =>
      (await orNone(client.call(benchmarks.list, { params: { name, version } }))) ?? { items: [] },
    refetchInterval: ({ state: { data } }) =>
      data?.items.some(({ state }) => state === "waiting") ? refetchWaitingMs : false,
  });
