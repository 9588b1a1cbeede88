import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DropPolicy, FrameQueue } from "./frame-queue.ts";
import { LoadMeter } from "./load-meter.ts";

/** One camera and one server, event by event; times in milliseconds. */
function simulate(options: {
  readonly arrivals: readonly number[];
  readonly serviceMs: (atMs: number) => number;
  readonly policy: DropPolicy;
  readonly framesMax?: number;
}) {
  const { arrivals, serviceMs, policy, framesMax = 8 } = options;
  const meter = new LoadMeter();
  const queue = new FrameQueue<number>({ framesMax, policy });
  const done: { readonly at: number; readonly ageMs: number }[] = [];
  let underWay: { readonly came: number; readonly until: number } | undefined;
  let dropped = 0;
  const begin = (at: number) => {
    const came = queue.take();
    underWay = came === undefined ? undefined : { came, until: at + serviceMs(at) };
  };
  const run = (until: number) => {
    while (underWay !== undefined && underWay.until <= until) {
      const { came, until: at }: { readonly came: number; readonly until: number } = underWay;
      done.push({ at, ageMs: at - came });
      meter.finished(queue.size > 0, at);
      begin(at);
    }
  };
  for (const at of arrivals) {
    run(at);
    meter.arrived(at);
    const put = queue.put(at, meter.isOverloaded);
    if (put.kind === "displaced") dropped += put.items.length;
    if (underWay === undefined) begin(at);
  }
  run(Number.POSITIVE_INFINITY);
  return { done, dropped, meter };
}

const every = (periodMs: number, ms: number) =>
  Array.from({ length: Math.floor(ms / periodMs) }, (_, i) => i * periodMs);
const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const after = <T extends { readonly at: number }>(done: readonly T[], ms: number) =>
  done.filter(({ at }) => at > ms);

describe("the policy adaptive", () => {
  it("takes as many frames as drop-oldest does, and each is taken or counted as dropped", () => {
    const cases = fc.tuple(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 5, max: 400 }));
    fc.assert(
      fc.property(cases, ([fps, service]) => {
        const arrivals = every(1000 / fps, 60_000);
        const common = { arrivals, serviceMs: () => service };
        const { done, dropped } = simulate({ ...common, policy: "adaptive" });
        const plain = simulate({ ...common, policy: "drop-oldest" });
        expect(done.length + dropped).toBe(arrivals.length);
        expect(done.length).toBeGreaterThanOrEqual(plain.done.length - 10);
      }),
      { numRuns: 60 },
    );
  });

  it("keeps frames young under load, as a queue of one does", () => {
    const common = { arrivals: every(33, 60_000), serviceMs: () => 100 };
    const age = (policy: DropPolicy, framesMax?: number) =>
      mean(
        after(simulate({ ...common, policy, ...(framesMax && { framesMax }) }).done, 5000).map(
          ({ ageMs }) => ageMs,
        ),
      );
    expect(age("drop-oldest")).toBeGreaterThan(320); // eight frames of 33 ms, and its own time
    expect(age("adaptive")).toBeLessThan(135);
    expect(age("adaptive")).toBeCloseTo(age("drop-oldest", 1), 0);
  });

  it("loses nothing of a burst that the mean rate has room for", () => {
    const burst = (second: number) => Array.from({ length: 6 }, (_, i) => second * 1000 + 2 * i);
    const arrivals = Array.from({ length: 60 }, (_, second) => burst(second)).flat();
    const common = { arrivals, serviceMs: () => 60 };
    expect(simulate({ ...common, policy: "adaptive" }).dropped).toBe(0);
    expect(simulate({ ...common, policy: "drop-oldest", framesMax: 1 }).dropped).toBeGreaterThan(
      100,
    );
  });

  it("notices load within seconds, and its end", () => {
    const serviceMs = (at: number) => (at > 20_000 && at < 40_000 ? 250 : 10);
    const until = (ms: number) =>
      simulate({ arrivals: every(100, ms), serviceMs, policy: "adaptive" }).meter;
    expect(until(19_000).isOverloaded).toBe(false);
    expect(until(25_000).isOverloaded).toBe(true);
    expect(until(25_000).load).toBeGreaterThan(1.5);
    expect(until(50_000).isOverloaded).toBe(false);
  });
});
