import { type BudgetLimits, defaultRouting } from "@fieldloop/shared/manifest/routing";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type BudgetState,
  buckets,
  dueForSaving,
  fullBudget,
  refilled,
  reserve,
  restoreBudget,
  type Spending,
  savedBudget,
  settleBudget,
  shortOf,
  toSave,
} from "./budget.ts";

const limits: BudgetLimits = {
  callsPerHourMax: 60,
  bytesPerHourMax: 1_000_000,
  bytesPerDayMax: 4_000_000,
  costPerDayMax: 2,
  costPerCall: 0.01,
};
const hour = 3_600_000;
const one: Spending = { bytes: 10_000, cost: 0.01, calls: 1 };

/** Takes until a bucket is empty. */
function drain(state: BudgetState, spending: Spending, now: number) {
  let left = state;
  for (let taken = 0; ; taken++) {
    const result = reserve(left, limits, spending, now);
    left = result.state;
    if (result.kind === "short") return { state: left, taken, of: result.of };
  }
}

test("a full budget lasts exactly for its limit, and the bucket that ran out is named", () => {
  const full = fullBudget(limits, 0);
  expect(drain(full, one, 0)).toMatchObject({ taken: 60, of: "callsPerHour" });
  expect(drain(full, { ...one, bytes: 100_000 }, 0)).toMatchObject({
    taken: 10,
    of: "bytesPerHour",
  });
  expect(drain(full, { ...one, cost: 0.5 }, 0)).toMatchObject({ taken: 4, of: "costPerDay" });
});

test("it fills evenly, and never beyond its limit", () => {
  const { state } = drain(fullBudget(limits, 0), one, 0);
  expect(shortOf(state, limits, one, 59_000)).toBe("callsPerHour");
  expect(shortOf(state, limits, one, 60_000)).toBeNull();
  expect(refilled(state, limits, 1e12).levels).toEqual(fullBudget(limits, 0).levels);
});

test("the day's limit holds where the hour's would allow more", () => {
  let state = fullBudget(limits, 0);
  let calls = 0;
  for (let h = 0; h < 24; h++) {
    const { state: left, taken } = drain(state, { ...one, bytes: 250_000 }, h * hour);
    state = left;
    calls += taken;
  }
  // 4 MB at once and 23/24 of 4 MB in the hours that follow
  expect(calls).toBe(Math.floor((4_000_000 * (1 + 23 / 24)) / 250_000));
});

test("what was reserved and not used comes back, what was used beyond it is owed", () => {
  const reserved = reserve(fullBudget(limits, 0), limits, { ...one, bytes: 100_000 }, 0).state;
  expect(reserved.levels.bytesPerHour).toBe(900_000);
  const less = settleBudget(reserved, limits, { ...one, bytes: 100_000 }, one, 0);
  expect(less.levels).toMatchObject({ bytesPerHour: 990_000, callsPerHour: 59 });
  const more = settleBudget(
    reserved,
    limits,
    { ...one, bytes: 100_000 },
    { ...one, bytes: 2e6 },
    0,
  );
  expect(more.levels.bytesPerHour).toBe(-1_000_000);
  expect(shortOf(more, limits, one, hour - 1)).toBe("bytesPerHour");
  expect(shortOf(more, limits, one, hour + hour / 10)).toBeNull();
});

test("a limit of 0 forbids, and free calls need no money", () => {
  const none = { ...limits, callsPerHourMax: 0 };
  expect(shortOf(fullBudget(none, 0), none, one, 1e9)).toBe("callsPerHour");
  const broke = { ...limits, costPerDayMax: 0 };
  expect(shortOf(fullBudget(broke, 0), broke, one, 1e9)).toBe("costPerDay");
  expect(shortOf(fullBudget(broke, 0), broke, { ...one, cost: 0 }, 0)).toBeNull();
});

test("a lower limit holds at once, a higher one has to fill first", () => {
  const state = fullBudget(limits, 0);
  const lower = { ...limits, callsPerHourMax: 2 };
  expect(refilled(state, lower, 0).levels.callsPerHour).toBe(2);
  const higher = { ...limits, callsPerHourMax: 600 };
  expect(refilled(state, higher, 0).levels.callsPerHour).toBe(60);
});

test("a clock that stands, runs backwards or is none fills nothing", () => {
  const { state } = drain(fullBudget(limits, hour), one, hour);
  for (const now of [hour, 0, -1e15, Number.NaN])
    expect(shortOf(refilled(state, limits, now), limits, one, now)).toBe("callsPerHour");
  // and time that was counted once is not counted again when the clock comes back
  const back = refilled(state, limits, 0);
  expect(shortOf(back, limits, one, hour + 1000)).toBe("callsPerHour");
});

test("a spending that is not a number is never allowed", () => {
  const state = fullBudget(limits, 0);
  for (const bytes of [Number.NaN, Number.POSITIVE_INFINITY])
    expect(reserve(state, limits, { ...one, bytes }, 0)).toMatchObject({ kind: "short" });
});

test("a restart neither fills nor empties, whatever the clock says meanwhile", () => {
  const { state } = drain(fullBudget(limits, 5000), one, 5000);
  const saved: unknown = JSON.parse(JSON.stringify(toSave(state, limits, true)));
  const restored = restoreBudget(saved, limits, 17);
  expect(restored).toEqual({ levels: state.levels, at: 17 });
});

test.each([
  ["nothing readable", null],
  ["another version", { v: 2, levels: {} }],
  [
    "numbers beyond reason",
    { v: 1, levels: { ...fullBudget(limits, 0).levels, costPerDay: 1e300 } },
  ],
])("a file with %s starts empty, and no file at all full", (_, saved) => {
  expect(Object.values(restoreBudget(saved, limits, 0).levels)).toEqual([0, 0, 0, 0]);
  expect(restoreBudget(undefined, limits, 0)).toEqual(fullBudget(limits, 0));
});

test("a kept level above the limit is cut to it", () => {
  const rich = { v: 1, levels: { ...fullBudget(limits, 0).levels, callsPerHour: 1e9 } };
  expect(restoreBudget(rich, limits, 0).levels.callsPerHour).toBe(60);
});

test("a whole budget costs about twenty writes, and a power cut wins nothing", () => {
  let state = fullBudget(limits, 0);
  let saved = toSave(state, limits, false);
  let writes = 0;
  for (let i = 0; i < 60; i++) {
    const result = reserve(state, limits, one, 0);
    expect(result.kind).toBe("reserved");
    state = result.state;
    if (dueForSaving(saved, state, limits)) {
      saved = toSave(state, limits, false);
      writes++;
    }
    const after = restoreBudget(saved, limits, 0);
    for (const bucket of buckets)
      expect(after.levels[bucket]).toBeLessThanOrEqual(state.levels[bucket]);
  }
  expect(writes).toBeLessThanOrEqual(20);
  expect(writes).toBeGreaterThan(10);
});

test("what has filled again is kept too, a quarter at a time", () => {
  const { state } = drain(fullBudget(limits, 0), one, 0);
  const saved = toSave(state, limits, true);
  const at = (ms: number) => dueForSaving(saved, refilled(state, limits, ms), limits);
  expect([at(0), at(hour / 4), at(hour / 4 + 1000)]).toEqual([false, false, true]);
});

const steps = fc.array(
  fc.record({
    ms: fc.oneof(fc.integer({ min: -hour, max: 2 * hour }), fc.integer({ min: 0, max: 1000 })),
    bytes: fc.integer({ min: 0, max: 400_000 }),
    cost: fc.double({ min: 0, max: 0.5, noNaN: true }),
    /** Share of what was reserved that was really used. */
    used: fc.double({ min: 0, max: 1, noNaN: true }),
    restart: fc.boolean(),
  }),
  { maxLength: 80 },
);

test("whatever happens, no bucket spends more than its limit and what time has added", () => {
  fc.assert(
    fc.property(steps, (script) => {
      let state = fullBudget(limits, 0);
      let now = 0;
      let forward = 0; // time that really went by
      const spent = { calls: 0, bytes: 0, cost: 0 };
      for (const { ms, bytes, cost, used, restart } of script) {
        now += ms;
        forward += Math.max(0, ms);
        if (restart) {
          const saved = savedBudget.parse(toSave(state, limits, false));
          now = 0; // a process's monotonic clock begins anew
          state = restoreBudget(saved, limits, now);
        }
        const spending = { bytes, cost, calls: 1 };
        const result = reserve(state, limits, spending, now);
        expect(result.kind === "short").toBe(shortOf(state, limits, spending, now) !== null);
        state = result.state;
        if (result.kind === "short") continue;
        const actual = { bytes: bytes * used, cost: cost * used, calls: 1 };
        state = settleBudget(state, limits, spending, actual, now);
        spent.calls += actual.calls;
        spent.bytes += actual.bytes;
        spent.cost += actual.cost;
        expect(spent.calls).toBeLessThanOrEqual(60 * (1 + forward / hour) + 1e-6);
        expect(spent.bytes).toBeLessThanOrEqual(1e6 * (1 + forward / hour) + 1e-3);
        expect(spent.bytes).toBeLessThanOrEqual(4e6 * (1 + forward / (24 * hour)) + 1e-3);
        expect(spent.cost).toBeLessThanOrEqual(2 * (1 + forward / (24 * hour)) + 1e-6);
        for (const bucket of buckets) expect(state.levels[bucket]).not.toBeNaN();
      }
    }),
    { numRuns: 200 },
  );
});

test("the default limits are as written", () => {
  const { levels } = fullBudget(defaultRouting.budget, 0);
  expect(levels).toEqual({
    callsPerHour: 600,
    bytesPerHour: 20_971_520,
    bytesPerDay: 209_715_200,
    costPerDay: 1,
  });
});
