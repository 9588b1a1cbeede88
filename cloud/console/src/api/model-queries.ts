import { models } from "@fieldloop/shared/contract/models";
import { queryOptions } from "@tanstack/react-query";
import { client } from "./client.ts";

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
