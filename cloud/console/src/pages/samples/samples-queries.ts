import { samples } from "@fieldloop/shared/contract/samples";
import { sampleReasons } from "@fieldloop/shared/samples/sample";
import { infiniteQueryOptions } from "@tanstack/react-query";
import { client } from "../../api/client.ts";
import { initialCursor } from "../../api/queries.ts";

/** What the URL says of which samples are wanted. */
export interface SampleFilters {
  readonly device?: string;
  readonly label?: string;
  readonly reason?: string;
}

const pageSamples = 48;

export const samplesQuery = ({ device, label, reason }: SampleFilters) => {
  const known = sampleReasons.find((one) => one === reason);
  const wanted = {
    ...(device === undefined ? {} : { device }),
    ...(label === undefined ? {} : { label }),
    ...(known === undefined ? {} : { reason: known }),
  };
  return infiniteQueryOptions({
    queryKey: ["samples", wanted],
    queryFn: ({ pageParam }) =>
      client.call(samples.list, {
        query: {
          limit: pageSamples,
          ...wanted,
          ...(pageParam === null ? {} : { cursor: pageParam }),
        },
      }),
    initialPageParam: initialCursor,
    getNextPageParam: (page) => page.next,
  });
};
