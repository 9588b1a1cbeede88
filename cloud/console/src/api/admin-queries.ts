import { claimTokens } from "@fieldloop/shared/contract/devices";
import { audit, people, tokens } from "@fieldloop/shared/contract/people";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { client } from "./client.ts";
import { initialCursor } from "./queries.ts";

export const claimTokensQuery = queryOptions({
  queryKey: ["claim-tokens"],
  queryFn: () => client.call(claimTokens.list, {}),
});

export const peopleQuery = queryOptions({
  queryKey: ["people"],
  queryFn: () => client.call(people.list, {}),
});

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: () => client.call(tokens.list, {}),
});

export const auditQuery = infiniteQueryOptions({
  queryKey: ["audit"],
  queryFn: ({ pageParam }) =>
    client.call(audit.list, {
      query: { limit: 100, ...(pageParam === null ? {} : { cursor: pageParam }) },
    }),
  initialPageParam: initialCursor,
  getNextPageParam: (page) => page.next,
});
