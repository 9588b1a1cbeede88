import { expect, test } from "vitest";
import {
  defaultRouting,
  effectiveRouting,
  routingOverride,
  routingParameters,
  routingProblems,
} from "./routing.ts";

test("the defaults are valid parameters, and no frame leaves a device by default", () => {
  expect(routingParameters.parse(defaultRouting)).toEqual(defaultRouting);
  expect(effectiveRouting()).toEqual(defaultRouting);
  expect(defaultRouting.mode).toBe("edge-only");
});

test("an empty override parses to nothing, so that it changes nothing", () => {
  expect(routingOverride.parse({})).toEqual({});
  expect(routingOverride.parse({ budget: {}, breaker: {} })).toEqual({ budget: {}, breaker: {} });
  expect(effectiveRouting({}, null, undefined, { budget: {} })).toEqual(defaultRouting);
});

test("a device's settings override the manifest field by field", () => {
  const manifest = routingOverride.parse({
    mode: "sync",
    hardness: { score: "entropy", threshold: 0.3 },
    budget: { callsPerHourMax: 100, costPerCall: 0.002 },
    labels: { never: ["person"] },
  });
  const device = routingOverride.parse({
    mode: "async",
    budget: { callsPerHourMax: 10 },
    labels: { always: ["crack"] },
  });
  const effective = effectiveRouting(manifest, device);
  expect(routingParameters.parse(effective)).toEqual(effective);
  expect(effective).toMatchObject({
    mode: "async",
    hardness: { score: "entropy", threshold: 0.3 },
    labels: { always: ["crack"], never: ["person"] },
  });
  expect(effective.budget).toEqual({
    ...defaultRouting.budget,
    callsPerHourMax: 10,
    costPerCall: 0.002,
  });
});

test("a field that is undefined changes nothing", () => {
  expect(effectiveRouting({ mode: "sync", deadlineMs: undefined }).deadlineMs).toBe(100);
});

test.each([
  ["a score without its threshold", { hardness: { score: "margin" } }],
  ["a threshold that is no probability", { hardness: { score: "margin", threshold: -3 } }],
  ["a field nobody knows", { budget: { bytesPerWeekMax: 1 } }],
  ["an endless deadline", { deadlineMs: 60_001 }],
  ["a mode nobody knows", { mode: "cloud-only" }],
  ["a share above 1", { exploreShare: 1.1 }],
  ["a window without bounds", { breaker: { windowMs: 1e9 } }],
])("%s is refused", (_, override) => {
  expect(routingOverride.safeParse(override).success).toBe(false);
});

test("energy may have any finite threshold", () => {
  const hardness = { score: "energy", threshold: -12.5 };
  expect(routingOverride.parse({ hardness })).toEqual({ hardness });
  for (const threshold of [Number.NaN, Number.POSITIVE_INFINITY])
    expect(routingOverride.safeParse({ hardness: { ...hardness, threshold } }).success).toBe(false);
});

test("parameters that do not fit a model are named", () => {
  const model = {
    labels: ["egg", "crack"],
    output: { kind: "classification", activation: "none" },
  } as const;
  expect(routingProblems(defaultRouting, model)).toEqual([]);
  const routing = effectiveRouting({
    hardness: { score: "energy", threshold: -5 },
    labels: { always: ["crack"], never: ["crack", "person"] },
    breaker: { openMsMin: 2000, openMsMax: 1000 },
  });
  expect(routingProblems(routing, model)).toEqual([
    "energy needs logits, and this model ends in probabilities; use entropy or margin",
    'the model has no label "person"; correct routing.labels',
    '"crack" is listed as always and as never; keep one of the two',
    "breaker.openMsMax must be at least breaker.openMsMin (2000)",
  ]);
});
