import { compilations } from "@fieldloop/shared/contract/compilations";
import { queryOptions } from "@tanstack/react-query";
import { client } from "./client.ts";

export const compilationsQuery = queryOptions({
  queryKey: ["compilations"],
  queryFn: () => client.call(compilations.list, {}),
});

export const compilationQuery = (id: string) =>
  queryOptions({
    queryKey: ["compilation", id],
    queryFn: () => client.call(compilations.get, { params: { id } }),
  });
