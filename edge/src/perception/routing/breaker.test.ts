import { defaultRouting } from "@fieldloop/shared/manifest/routing";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  admit,
  type BreakerOutcome,
  type BreakerState,
  type BreakerTicket,
  closedBreaker,
  mayCall,
  settle,
} from "./breaker.ts";

const limits = defaultRouting.breaker;
const failure: BreakerOutcome = { kind: "failure" };
const success: BreakerOutcome = { kind: "success" };
const cancelled: BreakerOutcome = { kind: "cancelled" };

/** A call from its start to its outcome. */
function call(state: BreakerState, outcome: BreakerOutcome, now: number, random = 0): BreakerState {
  const admitted = admit(state, now);
  expect(admitted.ticket).toBeDefined();
  return settle(admitted.state, admitted.ticket!, outcome, now, random, limits);
}

const repeat = (state: BreakerState, outcome: BreakerOutcome, times: number, now = 0) =>
  Array.from({ length: times }).reduce<BreakerState>((s) => call(s, outcome, now), state);
const openBreaker = repeat(closedBreaker, failure, 5);

test("opens at half the calls failing, and not before it has seen enough", () => {
  expect(repeat(closedBreaker, failure, 4).kind).toBe("closed");
  expect(openBreaker).toEqual({ kind: "open", epoch: 1, until: 5000, openings: 1 });
  const mixed = repeat(repeat(closedBreaker, success, 5), failure, 4);
  expect(mixed.kind).toBe("closed");
  expect(call(mixed, failure, 0).kind).toBe("open");
});

test("forgets failures older than its window, and more calls than it looks at", () => {
  const old = repeat(closedBreaker, failure, 4);
  expect(call(old, failure, limits.windowMs).kind).toBe("closed");
  const many = repeat(closedBreaker, success, 100);
  expect(many.kind === "closed" && many.calls).toHaveLength(limits.callsMax);
});

test("a success opens nothing, however many failures the window holds", () => {
  const fails = repeat(repeat(closedBreaker, failure, 4), success, 1);
  expect(fails.kind).toBe("closed");
});

test("stays open for its time, then lets exactly one probe through", () => {
  expect(mayCall(openBreaker, 4999)).toBe("no");
  expect(admit(openBreaker, 4999)).toEqual({ state: openBreaker, ticket: undefined });
  const first = admit(openBreaker, 5000);
  expect(first.ticket).toEqual({ epoch: 2, probe: true });
  expect(mayCall(first.state, 1e9)).toBe("no");
  expect(admit(first.state, 1e9).ticket).toBeUndefined();
});

test("closes after three probes in a row, opens again at the first that fails", () => {
  const two = call(call(openBreaker, success, 5000), success, 5000);
  expect(two).toMatchObject({ kind: "half-open", successes: 2, probing: false });
  expect(call(two, success, 5000)).toMatchObject({ kind: "closed", calls: [] });
  expect(call(two, failure, 5000, 0.5)).toMatchObject({
    kind: "open",
    openings: 2,
    until: 5000 + 7500,
  });
});

test("the time it stays open doubles at most, with jitter, up to its bound", () => {
  const times: number[] = [];
  let state = openBreaker;
  for (let i = 0; i < 6; i++) {
    const from = state.kind === "open" ? state.until : 0;
    state = call(state, failure, from, 0.999999);
    times.push(state.kind === "open" ? state.until - from : -1);
  }
  expect(times).toEqual([10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
});

test("a probe that was given up frees its place and proves nothing", () => {
  const state = call(openBreaker, cancelled, 5000);
  expect(state).toMatchObject({ kind: "half-open", successes: 0, probing: false });
  expect(mayCall(state, 5000)).toBe("probe");
  expect(repeat(closedBreaker, cancelled, 50)).toEqual(closedBreaker);
});

test("a cloud that names a time is left alone for that long, within bounds", () => {
  const told = (retryAfterMs: number) => {
    const state = call(closedBreaker, { kind: "failure", retryAfterMs }, 100);
    return state.kind === "open" ? state.until - 100 : undefined;
  };
  expect(told(20_000)).toBe(20_000);
  expect(told(1)).toBe(limits.openMsMin);
  expect(told(1e12)).toBe(limits.openMsMax);
  expect(told(Number.NaN)).toBe(limits.openMsMin);
});

test("outcomes of an earlier epoch are ignored", () => {
  const early = admit(closedBreaker, 0).ticket!;
  const closedAgain = repeat(openBreaker, success, 3, 5000);
  expect(closedAgain.kind).toBe("closed");
  for (let i = 0; i < 20; i++)
    expect(settle(closedAgain, early, failure, 6000, 0, limits)).toBe(closedAgain);
  const probing = admit(openBreaker, 5000).state;
  expect(settle(probing, early, success, 6000, 0, limits)).toBe(probing);
});

test("a probe's outcome counts once", () => {
  const { state, ticket } = admit(openBreaker, 5000);
  const once = settle(state, ticket!, success, 5000, 0, limits);
  expect(settle(once, ticket!, success, 5000, 0, limits)).toBe(once);
});

/** Any order of starts, outcomes (late and doubled ones too) and passing time. */
const acts = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("start" as const) }),
    fc.record({
      kind: fc.constant("end" as const),
      which: fc.nat(),
      outcome: fc.constantFrom(success, failure, failure, cancelled),
      again: fc.boolean(),
    }),
    fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 70_000 }) }),
  ),
  { maxLength: 200 },
);

test("in any interleaving: never two probes at once, no call while open, always bounded", () => {
  fc.assert(
    fc.property(acts, fc.double({ min: 0, max: 0.999, noNaN: true }), (steps, random) => {
      let state: BreakerState = closedBreaker;
      let now = 0;
      const out: BreakerTicket[] = [];
      const done: BreakerTicket[] = [];
      for (const step of steps) {
        const before = state;
        if (step.kind === "wait") now += step.ms;
        else if (step.kind === "start") {
          const admitted = admit(state, now);
          expect(admitted.ticket !== undefined).toBe(mayCall(state, now) !== "no");
          state = admitted.state;
          if (admitted.ticket) out.push(admitted.ticket);
          if (before.kind === "open" && now < before.until) expect(admitted.ticket).toBeUndefined();
        } else {
          const from = step.again && done.length > 0 ? done : out;
          const ticket = from[step.which % Math.max(1, from.length)];
          if (ticket === undefined) continue;
          state = settle(state, ticket, step.outcome, now, random, limits);
          if (from === out) done.push(...out.splice(out.indexOf(ticket), 1));
        }
        expect(out.filter(({ probe }) => probe).length).toBeLessThanOrEqual(1);
        expect(state.epoch).toBeGreaterThanOrEqual(before.epoch);
        if (state.kind === "closed") expect(state.calls.length).toBeLessThanOrEqual(20);
        if (state.kind === "open") {
          expect(state.until - now).toBeLessThanOrEqual(limits.openMsMax);
        }
        if (state.kind === "half-open")
          expect(state.probing).toBe(
            out.some(({ epoch, probe }) => probe && epoch === state.epoch),
          );
      }
    }),
    { numRuns: 200 },
  );
});

test("from any state a healthy cloud closes it again", () => {
  fc.assert(
    fc.property(acts, (steps) => {
      let state: BreakerState = closedBreaker;
      let now = 0;
      const out: BreakerTicket[] = [];
      for (const step of steps) {
        if (step.kind === "wait") now += step.ms;
        else if (step.kind === "start") {
          const admitted = admit(state, now);
          state = admitted.state;
          if (admitted.ticket) out.push(admitted.ticket);
        } else {
          const ticket = out.shift();
          if (ticket) state = settle(state, ticket, step.outcome, now, 0.5, limits);
        }
      }
      for (const ticket of out) state = settle(state, ticket, success, now, 0.5, limits);
      for (let i = 0; i < limits.successesMin && state.kind !== "closed"; i++)
        state = call(state, success, now + limits.openMsMax);
      expect(state.kind).toBe("closed");
    }),
    { numRuns: 150 },
  );
});
