import {
  defaultRouting,
  effectiveRouting,
  type RoutingOverride,
  routingModes,
} from "@fieldloop/shared/manifest/routing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { buckets } from "./budget.ts";
import { decideRoute, localReasons, offloadReasons, type RouteInputs } from "./decide-route.ts";
import { hardSigns } from "./hardness.ts";
import { transferMs } from "./link.ts";

const decision = { label: "egg", confidence: 0.4, detections: null };
const hard = { decision, hardness: { value: 0.6, level: 0.6, signs: ["unsure"] as const } };
const easy = { decision, hardness: { value: 0.1, level: 0.1, signs: [] } };
const online = { connection: "online", rttP95Ms: 40, uplinkBytesPerS: 1e6, ewmaMs: 35 } as const;

/** A hard frame in sync mode that nothing forbids, changed as a test wants it. */
function route(over: Partial<RouteInputs> = {}, settings: RoutingOverride = {}) {
  return decideRoute({
    settings: effectiveRouting({ mode: "sync", ...settings }),
    local: hard,
    deadlineLeftMs: 100,
    breaker: "call",
    budgetShort: null,
    link: online,
    requestBytes: 20_000,
    inFlight: 0,
    random: 0.5,
    ...over,
  });
}

test("a hard frame is asked about, an easy one is not", () => {
  expect(route()).toEqual({ kind: "offload", because: "unsure" });
  expect(route({ local: easy })).toEqual({ kind: "local", because: "easy" });
});

test.each([
  ["edge-only", {}, { mode: "edge-only" }],
  ["oversized", { requestBytes: 300_000 }, {}],
  ["oversized", { requestBytes: Number.NaN }, {}],
  ["offline", { link: { ...online, connection: "offline" } }, {}],
  ["metered", { link: { ...online, connection: "metered" } }, {}],
  ["breaker", { breaker: "no" }, {}],
  ["busy", { inFlight: 4 }, {}],
  ["deadline", { deadlineLeftMs: 69.9 }, {}],
  ["deadline", { deadlineLeftMs: 10, link: { ...online, rttP95Ms: null } }, {}],
  ["deadline", { deadlineLeftMs: Number.NaN }, {}],
  ["deadline", { link: { ...online, rttP95Ms: 20_000 } }, { mode: "async" }],
  ["budget-calls", { budgetShort: "callsPerHour" }, {}],
  ["budget-bytes", { budgetShort: "bytesPerDay" }, {}],
  ["budget-cost", { budgetShort: "costPerDay" }, {}],
  ["never-label", {}, { labels: { never: ["egg"] } }],
  ["never-label", {}, { mode: "cloud-first", labels: { never: ["egg"], always: ["egg"] } }],
  ["label-unknown", { local: null }, { mode: "cloud-first", labels: { never: ["person"] } }],
] as const satisfies readonly (readonly [string, Partial<RouteInputs>, RoutingOverride])[])(
  "a hard frame stays here because of %s",
  (because, over, settings) => {
    expect(route(over, settings)).toEqual({ kind: "local", because });
  },
);

test.each([
  [
    "a metered line that may be used",
    { link: { ...online, connection: "metered" } },
    { meteredAllowed: true },
  ],
  ["just enough time", { deadlineLeftMs: 70 }, {}],
  ["a line nobody knows yet", { link: { ...online, rttP95Ms: null } }, {}],
  ["a breaker that wants a probe", { breaker: "probe" }, {}],
  ["no time at all, but nobody waits", { deadlineLeftMs: -5 }, { mode: "async" }],
] as const satisfies readonly (readonly [string, Partial<RouteInputs>, RoutingOverride])[])(
  "%s is no obstacle",
  (_, over, settings) => expect(route(over, settings).kind).toBe("offload"),
);

test("some easy frames are explored", () => {
  expect(route({ local: easy, random: 0.009 })).toEqual({ kind: "offload", because: "explore" });
  expect(route({ local: easy, random: 0.01 }).kind).toBe("local");
  expect(route({ local: easy, random: 0 }, { exploreShare: 0 }).kind).toBe("local");
});

test("a listed label is asked about even when it was easy, in a detector's findings too", () => {
  const settings = { labels: { always: ["crack"] } };
  const found = {
    label: "crack",
    score: 0.9,
    box: [0, 0, 1, 1] as [number, number, number, number],
  };
  const local = { ...easy, decision: { label: null, confidence: 0.9, detections: [found] } };
  expect(route({ local }, settings)).toEqual({ kind: "offload", because: "always-label" });
  expect(route({ local: easy }, settings).kind).toBe("local");
  expect(route({ local }, { labels: { never: ["crack"] } }).because).toBe("never-label");
});

test("cloud-first asks about every frame, before the local answer where no label forbids that", () => {
  const settings = { mode: "cloud-first" } as const;
  expect(route({ local: null }, settings)).toEqual({ kind: "offload", because: "cloud-first" });
  expect(route({ local: easy }, settings)).toEqual({ kind: "offload", because: "cloud-first" });
  expect(route({ local: null }, { mode: "sync" }).because).toBe("label-unknown");
});

const anyNumber = fc.oneof(fc.double(), fc.double({ min: 0, max: 1000, noNaN: true }));
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const inputs = fc.record({
  settings: fc
    .record({
      mode: fc.constantFrom(...routingModes),
      meteredAllowed: fc.boolean(),
      exploreShare: fc.double({ min: 0, max: 1, noNaN: true }),
      labels: fc.record({
        always: fc.subarray(["egg", "crack"]),
        never: fc.subarray(["egg", "crack"]),
      }),
    })
    .map((over) => effectiveRouting(over)),
  local: orNull(
    fc.record({
      decision: fc.record({
        label: orNull(fc.constantFrom("egg", "crack")),
        confidence: anyNumber,
        detections: fc.constant(null),
      }),
      hardness: fc.record({
        value: anyNumber,
        level: anyNumber,
        signs: fc.subarray([...hardSigns]),
      }),
    }),
  ),
  deadlineLeftMs: anyNumber,
  breaker: fc.constantFrom("call" as const, "call" as const, "probe" as const, "no" as const),
  budgetShort: fc.option(fc.constantFrom(...buckets), { nil: null, freq: 1 }),
  link: fc.record({
    connection: fc.constantFrom("online" as const, "metered" as const, "offline" as const),
    rttP95Ms: orNull(anyNumber),
    uplinkBytesPerS: orNull(anyNumber),
    ewmaMs: fc.constant(null),
  }),
  requestBytes: fc.oneof(anyNumber, fc.integer({ min: 0, max: 400_000 })),
  inFlight: fc.nat({ max: 5 }),
  random: fc.double({ min: 0, max: 1, noNaN: true }),
});

test("always decides, with a reason of the list", () => {
  fc.assert(
    fc.property(inputs, (given) => {
      const { kind, because } = decideRoute(given);
      const reasons: readonly string[] = kind === "local" ? localReasons : offloadReasons;
      expect(reasons).toContain(because);
    }),
    { numRuns: 200 },
  );
});

test("never asks when budget, breaker, line, deadline, label or bound forbid it", () => {
  fc.assert(
    fc.property(inputs, (given) => {
      if (decideRoute(given).kind === "local") return;
      const { settings, link, local } = given;
      expect(settings.mode).not.toBe("edge-only");
      expect(given.budgetShort).toBeNull();
      expect(given.breaker).not.toBe("no");
      expect(link.connection).not.toBe("offline");
      if (link.connection === "metered") expect(settings.meteredAllowed).toBe(true);
      expect(given.inFlight).toBeLessThan(settings.inFlightMax);
      expect(given.requestBytes).toBeLessThanOrEqual(settings.cropBytesMax);
      expect(settings.labels.never).not.toContain(local?.decision.label);
      if (local === null) expect(settings.labels.never).toEqual([]);
      const left = settings.mode === "async" ? settings.callMsMax : given.deadlineLeftMs;
      expect(transferMs(link, given.requestBytes) ?? 0).toBeLessThanOrEqual(left);
    }),
    { numRuns: 200 },
  );
});

test("by default nothing ever leaves the device", () => {
  fc.assert(
    fc.property(inputs, (given) => {
      expect(decideRoute({ ...given, settings: defaultRouting }).because).toBe("edge-only");
    }),
    { numRuns: 50 },
  );
});
