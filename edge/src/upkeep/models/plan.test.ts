import fc from "fast-check";
import { expect, test } from "vitest";
import { attemptsMax, nextStep, noProgress, type UpdateState } from "./plan.ts";

const base: UpdateState = {
  current: "old",
  previous: null,
  loaded: "old",
  slot: { manifest: true, missing: [] },
  progress: noProgress,
};
const blob = { digest: "b", bytes: 1 };

test.each<[string, Partial<UpdateState>, string | null, object]>([
  ["nothing is wanted", {}, null, { kind: "none" }],
  ["nothing is wanted after a start", { loaded: null }, null, { kind: "load-current" }],
  [
    "a model comes to be wanted",
    { slot: { manifest: false, missing: [] } },
    "new",
    { kind: "fetch-manifest" },
  ],
  [
    "a file is missing",
    { slot: { manifest: true, missing: [blob] } },
    "new",
    { kind: "fetch-blob", blob },
  ],
  ["all is there", {}, "new", { kind: "try" }],
  ["the old model is not loaded yet", { loaded: null }, "new", { kind: "load-current" }],
  ["it was given up", { progress: { ...noProgress, givenUp: true } }, "new", { kind: "none" }],
  [
    "it is on probation",
    { current: "new", loaded: "new", progress: { ...noProgress, probation: "running" } },
    "new",
    { kind: "none" },
  ],
  [
    "it has proved itself",
    { current: "new", loaded: "new", progress: { ...noProgress, probation: "passed" } },
    "new",
    { kind: "finish" },
  ],
])("when %s", (_, state, target, step) => {
  expect(nextStep({ ...base, ...state }, target)).toEqual(step);
});

test("what cannot succeed is given up with a reason, and the model before runs again", () => {
  const with_ = (progress: object) => ({ ...base, progress: { ...noProgress, ...progress } });
  expect(nextStep(with_({ corrupt: 3 }), "new")).toMatchObject({
    kind: "give-up",
    reason: "a download arrived damaged 3 times",
  });
  expect(nextStep(with_({ testStarts: 2 }), "new")).toMatchObject({ kind: "give-up" });
  const live = { ...with_({ probation: "failed" }), current: "new", loaded: "new" };
  expect(nextStep(live, "new")).toMatchObject({ kind: "restore" });
  const crashing = { ...with_({ probation: "running", probationStarts: 3 }), current: "new" };
  expect(nextStep(crashing, "new")).toMatchObject({ kind: "restore" });
});

test("from any state it comes to rest, and never tries a slot that is not complete", () => {
  const name = fc.constantFrom("old", "new", "older");
  const anyState = fc.record({
    current: fc.option(name),
    previous: fc.option(name),
    loaded: fc.option(name),
    slot: fc.record({
      manifest: fc.boolean(),
      missing: fc.array(fc.constant(blob), { maxLength: 3 }),
    }),
    progress: fc.record({
      testStarts: fc.nat(3),
      probationStarts: fc.nat(4),
      probation: fc.constantFrom("none", "running", "passed", "failed"),
      corrupt: fc.nat(4),
      givenUp: fc.boolean(),
    }),
  });
  fc.assert(
    fc.property(anyState, fc.option(name), fc.array(fc.boolean()), (from, target, luck) => {
      let state = from as UpdateState;
      for (let i = 0; i < 40; i++) {
        const step = nextStep(state, target);
        if (step.kind === "none") return;
        if (step.kind === "try") {
          expect(state.slot).toEqual({ manifest: true, missing: [] });
          expect(state.progress.testStarts).toBeLessThan(attemptsMax.tests);
        }
        state = after(state, step, target, luck[i] ?? true);
      }
      expect.fail("no rest");
    }),
  );
});

/** What an executor makes of a step in a world with good or bad luck. */
function after(
  state: UpdateState,
  step: ReturnType<typeof nextStep>,
  target: string | null,
  lucky: boolean,
): UpdateState {
  const { progress, slot } = state;
  if (step.kind === "fetch-manifest")
    return lucky
      ? { ...state, slot: { manifest: true, missing: slot.missing } }
      : { ...state, progress: { ...progress, corrupt: progress.corrupt + 1 } };
  if (step.kind === "fetch-blob")
    return lucky
      ? { ...state, slot: { manifest: true, missing: slot.missing.slice(1) } }
      : { ...state, progress: { ...progress, corrupt: progress.corrupt + 1 } };
  if (step.kind === "try") {
    const tried = { ...progress, testStarts: progress.testStarts + 1 };
    if (!lucky) return { ...state, progress: tried, loaded: null };
    const probation = "running" as const;
    return {
      ...state,
      current: target,
      previous: state.current,
      loaded: target,
      progress: { ...tried, probation },
    };
  }
  if (step.kind === "load-current") return { ...state, loaded: state.current };
  if (step.kind === "finish") return { ...state, progress: noProgress };
  if (step.kind === "none") return state;
  const givenUp = { ...progress, givenUp: true };
  if (step.kind === "give-up") return { ...state, progress: givenUp };
  return {
    ...state,
    current: state.previous,
    previous: null,
    loaded: state.previous,
    progress: givenUp,
  };
}
