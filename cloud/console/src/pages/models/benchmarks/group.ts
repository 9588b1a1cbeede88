/** Measurements put in the order that the page shows them. Pure. */
import type { Benchmark, BenchmarkFigures } from "@fieldloop/shared/contract/benchmarks";

/** A measurement that has figures. */
export type Measured = Benchmark & { readonly figures: BenchmarkFigures };

export interface ProfileGroup {
  readonly profile: string;
  /** The newest of each device, newest first. */
  readonly newest: readonly Measured[];
  /** Older ones of the same devices, newest first. */
  readonly earlier: readonly Measured[];
}

export interface Grouped {
  /** Waiting and failed ones; a failed one is left out once its device has measured later. */
  readonly open: readonly Benchmark[];
  /** By name. */
  readonly profiles: readonly ProfileGroup[];
}

const when = ({ finishedAt, requestedAt }: Benchmark) => finishedAt ?? requestedAt;

export function grouped(items: readonly Benchmark[]): Grouped {
  const sorted = items.toSorted((a, b) => when(b) - when(a));
  const measured = sorted.filter(isMeasured);
  const newestOf = new Map<string, Measured>();
  for (const one of measured.toReversed()) newestOf.set(one.device, one);
  const names = [...new Set(measured.map(({ profile }) => profile))].sort();
  return {
    open: sorted.filter(
      (one) =>
        one.state === "waiting" ||
        (one.state === "failed" && !isOutdated(one, newestOf.get(one.device))),
    ),
    profiles: names.map((profile) => {
      const here = measured.filter((one) => one.profile === profile);
      return {
        profile,
        newest: here.filter((one) => newestOf.get(one.device) === one),
        earlier: here.filter((one) => newestOf.get(one.device) !== one),
      };
    }),
  };
}

function isMeasured(one: Benchmark): one is Measured {
  return one.state === "done" && one.figures !== null;
}

const isOutdated = (failed: Benchmark, newest: Measured | undefined) =>
  newest !== undefined && when(newest) > when(failed);
