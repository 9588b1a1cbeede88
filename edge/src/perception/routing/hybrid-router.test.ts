import {
  effectiveRouting,
  type RoutingMode,
  type RoutingOverride,
} from "@fieldloop/shared/manifest/routing";
import { histogramCount, quantile } from "@fieldloop/shared/sketches/histogram";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Answer, Correction, LocalAnswer } from "./answer.ts";
import type { SavedBudget } from "./budget.ts";
import type { RoutedFrame } from "./cloud.ts";
import { type FakeBehaviour, FakeCloud } from "./fake-cloud.ts";
import { HybridRouter, type HybridRouterOptions } from "./hybrid-router.ts";
import type { Connection } from "./link.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const answers = (afterMs: number, label = "crack"): FakeBehaviour => ({
  kind: "answers",
  afterMs,
  label,
});
const fails = (afterMs: number, code = "inference-refused"): FakeBehaviour => ({
  kind: "fails",
  afterMs,
  code,
});

/** A local answer with this probability for its label. */
const local = (p = 0.45, label = "egg"): LocalAnswer => ({
  decision: { label, confidence: p, detections: null },
  evidence: { kind: "classes", scale: "probabilities", values: [p, 1 - p], temperature: 1 },
});
// max-probability 0.55 at p = 0.45, so the two classes are [0.45, 0.55]; hard from 0.4 on.
const hardFrom: RoutingOverride = { hardness: { score: "max-probability", threshold: 0.4 } };

const frame = (id: string, over: Partial<RoutedFrame> = {}): RoutedFrame => ({
  id,
  key: `dev-1:boot:${id}`,
  cropBytesMax: 20_000,
  encode: () => Promise.resolve(new Uint8Array(20_000)),
  ...over,
});

function setUp(
  mode: RoutingMode,
  over: RoutingOverride = {},
  options: Partial<HybridRouterOptions> = {},
) {
  const cloud = new FakeCloud();
  const corrections: Correction[] = [];
  const faults: unknown[] = [];
  const saves: SavedBudget[] = [];
  const line: { connection: Connection } = { connection: "online" };
  const router = new HybridRouter({
    cloud,
    settings: effectiveRouting(hardFrom, { mode }, over),
    connection: () => line.connection,
    monotonicMs: () => performance.now(),
    random: () => 0.5,
    savedBudget: undefined,
    saveBudget: (saved) => saves.push(saved),
    onCorrection: (correction) => corrections.push(correction),
    onFault: (error) => faults.push(error),
    ...options,
  });
  return { router, cloud, corrections, faults, saves, line };
}

/** Asks and waits, and tells how long that took by the fake clock. */
async function timed(asked: Promise<Answer>, atMostMs = 20_000) {
  const from = performance.now();
  let doneAt: number | undefined;
  const watched = asked.then((answer) => {
    doneAt = performance.now();
    return answer;
  });
  watched.catch(() => {});
  while (doneAt === undefined && performance.now() - from < atMostMs)
    await vi.advanceTimersByTimeAsync(1);
  return { answer: await watched, ms: (doneAt ?? Number.NaN) - from };
}
const inMs = (ms: number) => performance.now() + ms;

describe("with a cloud that hangs", () => {
  test.each([
    ["edge-only", 0],
    ["async", 0],
    ["sync", 100],
    ["cloud-first", 100],
  ] as const)("%s answers locally after at most %i ms", async (mode, expected) => {
    const { router, cloud } = setUp(mode);
    cloud.behaviour = { kind: "hangs" };
    const { answer, ms } = await timed(router.answer(frame("1"), local(), inMs(100)));
    expect(answer).toMatchObject({ source: "local", decision: { label: "egg" }, cloud: null });
    expect(ms).toBeLessThanOrEqual(Math.max(1, expected));
    expect(cloud.requests).toHaveLength(mode === "edge-only" ? 0 : 1);
  });

  test("the call is given up after its time, and its place is free again", async () => {
    const { router, cloud, corrections } = setUp("async");
    await timed(router.answer(frame("1"), local(), inMs(100)));
    expect(router.inFlight).toBe(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(router.inFlight).toBe(0);
    expect(cloud.aborts).toBe(1);
    expect(corrections).toEqual([]);
    expect(router.report().calls.timeout).toBe(1);
  });

  test("calls under way are bounded, even where the client does not hear the abort", async () => {
    const { router, cloud } = setUp("async", { inFlightMax: 3, breaker: { callsMin: 1000 } });
    cloud.deaf = true;
    for (let i = 0; i < 50; i++) await router.answer(frame(String(i)), local(), inMs(100));
    expect(router.inFlight).toBe(3);
    expect(cloud.requests).toHaveLength(3);
    expect(router.report().local.busy).toBe(47);
  });

  test("the breaker opens after five deadlines were missed, and no frame waits any more", async () => {
    const { router, cloud } = setUp("sync", { inFlightMax: 64 });
    for (let i = 0; i < 5; i++) await timed(router.answer(frame(String(i)), local(), inMs(100)));
    expect(router.breaker).toBe("open");
    const { answer, ms } = await timed(router.answer(frame("6"), local(), inMs(100)));
    expect(answer.route).toEqual({ kind: "local", because: "breaker" });
    expect(ms).toBeLessThanOrEqual(1);
    expect(cloud.requests).toHaveLength(5);
  });
});

describe("sync", () => {
  test("takes the cloud's answer where it is in time", async () => {
    const { router, cloud, corrections } = setUp("sync");
    cloud.behaviour = answers(40);
    const { answer, ms } = await timed(router.answer(frame("1"), local(), inMs(100)));
    expect(answer).toMatchObject({
      source: "cloud",
      decision: { label: "crack" },
      local: { label: "egg" },
      cloud: { model: "large@2.0.0" },
      route: { kind: "offload", because: "unsure" },
    });
    expect(ms).toBe(40);
    await vi.runAllTimersAsync();
    expect(corrections).toEqual([]);
    expect(router.report()).toMatchObject({ compared: 1, agreed: 0, calls: { answered: 1 } });
  });

  test("answers locally as soon as the call fails", async () => {
    const { router, cloud } = setUp("sync");
    cloud.behaviour = fails(7);
    const { answer, ms } = await timed(router.answer(frame("1"), local(), inMs(100)));
    expect([answer.source, ms]).toEqual(["local", 7]);
    expect(cloud.requests).toHaveLength(1); // one attempt
  });

  test("an answer after the deadline becomes exactly one correction", async () => {
    const { router, cloud, corrections } = setUp("sync");
    cloud.behaviour = answers(350);
    const { answer } = await timed(router.answer(frame("1"), local(), inMs(100)));
    expect(answer.source).toBe("local");
    expect(corrections).toEqual([]);
    await vi.runAllTimersAsync();
    expect(corrections).toEqual([
      {
        kind: "correction",
        frame: "1",
        local: local().decision,
        cloud: { label: "crack", confidence: 0.97, detections: null },
        agrees: false,
        proposed: { label: "crack", detections: null, confidence: 0.97, by: "large@2.0.0" },
        hardness: expect.objectContaining({ signs: ["unsure"] }),
        afterMs: 250,
      },
    ]);
    expect(router.report().calls).toMatchObject({ late: 1, answered: 0 });
  });

  test("an easy frame asks nobody", async () => {
    const { router, cloud } = setUp("sync");
    const { answer } = await timed(router.answer(frame("1"), local(0.9), inMs(100)));
    expect(answer.route).toEqual({ kind: "local", because: "easy" });
    expect(cloud.requests).toEqual([]);
  });

  test("a deadline that is no number, or long past, waits for nobody", async () => {
    const { router, cloud } = setUp("sync");
    for (const deadline of [Number.NaN, -1e9]) {
      const { answer, ms } = await timed(router.answer(frame("1"), local(), deadline));
      expect(answer.route.because).toBe("deadline");
      expect(ms).toBeLessThanOrEqual(1);
    }
    expect(cloud.requests).toEqual([]);
  });

  test("a deadline in the far future ends with the call", async () => {
    const { router } = setUp("sync");
    const asked = router.answer(frame("1"), local(), Number.POSITIVE_INFINITY);
    const { answer, ms } = await timed(asked);
    expect([answer.source, ms]).toEqual(["local", 10_000]);
  });

  test("a local model that fails is not hidden", async () => {
    const { router } = setUp("sync");
    const broken = Promise.reject(new Error("no tensor"));
    await expect(router.answer(frame("1"), broken, inMs(100))).rejects.toThrow("no tensor");
  });
});

describe("async", () => {
  test("answers at once, and the cloud's answer follows as one correction", async () => {
    const { router, cloud, corrections } = setUp("async");
    cloud.behaviour = answers(900, "egg");
    const { ms } = await timed(router.answer(frame("1"), local(), inMs(100)));
    expect(ms).toBeLessThanOrEqual(1);
    await vi.runAllTimersAsync();
    expect(corrections).toHaveLength(1);
    expect(corrections[0]).toMatchObject({ agrees: true, proposed: { label: "egg" } });
    expect(router.report()).toMatchObject({ compared: 1, agreed: 1, calls: { answered: 1 } });
  });

  test("the answer comes before its correction, even from a cloud that answers in no time", async () => {
    const order: string[] = [];
    const reply = { decision: local().decision, model: "m@1", traffic: { sent: 1, received: 1 } };
    const { router } = setUp(
      "async",
      {},
      {
        cloud: { ask: async () => reply },
        onCorrection: () => order.push("correction"),
      },
    );
    let asked: Promise<unknown> = router.answer(frame("1"), local(), inMs(100));
    for (let i = 0; i < 20; i++) asked = asked.then((answer) => answer); // a caller's own layers
    void asked.then(() => order.push("answer"));
    await vi.runAllTimersAsync();
    expect(order).toEqual(["answer", "correction"]);
  });

  test("a callback that throws is a fault and no more", async () => {
    const { router, cloud, faults } = setUp(
      "async",
      {},
      {
        onCorrection: () => {
          throw new Error("full disk");
        },
      },
    );
    cloud.behaviour = answers(5);
    await timed(router.answer(frame("1"), local(), inMs(100)));
    await vi.runAllTimersAsync();
    expect(faults).toEqual([new Error("full disk")]);
  });
});

describe("cloud-first", () => {
  const slowLocal = (ms: number, p?: number) =>
    new Promise<LocalAnswer>((resolve) => setTimeout(() => resolve(local(p)), ms));

  test("asks before the local model has answered, and for easy frames too", async () => {
    const { router, cloud } = setUp("cloud-first");
    cloud.behaviour = answers(20);
    const { answer, ms } = await timed(router.answer(frame("1"), slowLocal(60, 0.99), inMs(100)));
    expect(answer).toMatchObject({ source: "cloud", local: null, hardness: null });
    expect(ms).toBe(20);
    await vi.runAllTimersAsync();
    expect(router.report()).toMatchObject({ compared: 1, agreed: 0 });
  });

  test("falls back on the local model at the deadline", async () => {
    const { router, cloud, corrections } = setUp("cloud-first");
    cloud.behaviour = answers(500);
    const { answer, ms } = await timed(router.answer(frame("1"), slowLocal(60), inMs(100)));
    expect([answer.source, ms]).toEqual(["local", 100]);
    await vi.runAllTimersAsync();
    expect(corrections).toHaveLength(1);
  });

  test("a local answer that is later than the deadline is given when it comes", async () => {
    const { router } = setUp("cloud-first");
    const { answer, ms } = await timed(router.answer(frame("1"), slowLocal(250), inMs(100)));
    expect([answer.source, ms]).toEqual(["local", 250]);
  });

  test("past the deadline the first answer counts, whose ever it is", async () => {
    const { router, cloud, corrections } = setUp("cloud-first");
    cloud.behaviour = answers(170);
    const { answer, ms } = await timed(router.answer(frame("1"), slowLocal(250), inMs(100)));
    expect([answer.source, ms]).toEqual(["cloud", 170]);
    await vi.runAllTimersAsync();
    expect(corrections).toEqual([]);
  });

  test("the cloud's answer stands in for a local model that fails", async () => {
    const { router, cloud } = setUp("cloud-first");
    cloud.behaviour = answers(20);
    const broken = Promise.reject(new Error("no tensor"));
    const { answer } = await timed(router.answer(frame("1"), broken, inMs(100)));
    expect(answer.source).toBe("cloud");
    cloud.behaviour = fails(20);
    const none = router.answer(frame("2"), Promise.reject(new Error("no tensor")), inMs(100));
    none.catch(() => {});
    await vi.advanceTimersByTimeAsync(50);
    await expect(none).rejects.toThrow("no tensor");
  });

  test("waits for the label where some labels must not leave the device", async () => {
    const { router, cloud } = setUp("cloud-first", { labels: { never: ["person"] } });
    cloud.behaviour = answers(20);
    const person = new Promise<LocalAnswer>((resolve) =>
      setTimeout(() => resolve(local(0.45, "person")), 30),
    );
    const { answer } = await timed(router.answer(frame("1"), person, inMs(100)));
    expect(answer.route).toEqual({ kind: "local", because: "never-label" });
    expect(cloud.requests).toEqual([]);
    const { ms } = await timed(router.answer(frame("2"), slowLocal(30), inMs(100)));
    expect(ms).toBe(50);
    expect(cloud.requests).toHaveLength(1);
  });
});

describe("limits", () => {
  test("a budget of three calls allows three", async () => {
    const { router, cloud } = setUp("sync", { budget: { callsPerHourMax: 3 } });
    cloud.behaviour = answers(5);
    for (let i = 0; i < 10; i++) await timed(router.answer(frame(String(i)), local(), inMs(100)));
    expect(cloud.requests).toHaveLength(3);
    expect(router.report().local["budget-calls"]).toBe(7);
  });

  test("a restart with what was kept begins no better than it ended", async () => {
    const first = setUp("sync", { budget: { callsPerHourMax: 3 } });
    first.cloud.behaviour = answers(5);
    for (let i = 0; i < 3; i++) await timed(first.router.answer(frame("1"), local(), inMs(100)));
    const crashed = first.saves.at(-1);
    first.router.stop();
    for (const savedBudget of [crashed, first.saves.at(-1)]) {
      const again = setUp("sync", { budget: { callsPerHourMax: 3 } }, { savedBudget });
      await timed(again.router.answer(frame("1"), local(), inMs(100)));
      expect(again.cloud.requests).toEqual([]);
    }
  });

  test("bytes are settled as they were, and a call that was never sent costs nothing", async () => {
    // room for two reservations of 22,048 bytes, but for three real calls of 20,900
    const { router, cloud, faults } = setUp("sync", { budget: { bytesPerHourMax: 64_000 } });
    cloud.behaviour = answers(5);
    const unsent = frame("0", { encode: () => Promise.reject(new Error("no picture")) });
    await timed(router.answer(unsent, local(), inMs(100)));
    const large = frame("0", { encode: () => Promise.resolve(new Uint8Array(20_001)) });
    await timed(router.answer(large, local(), inMs(100)));
    for (let i = 0; i < 5; i++) await timed(router.answer(frame(String(i)), local(), inMs(100)));
    expect(cloud.requests).toHaveLength(3);
    expect(faults).toEqual([new Error("no picture")]);
    const report = router.report();
    expect(report.calls).toMatchObject({ unsent: 2, answered: 3 });
    expect(report.bytesSent + report.bytesReceived).toBe(62_700);
    expect(report.local["budget-bytes"]).toBe(2);
  });

  test("an offline or metered line asks nobody", async () => {
    const { router, cloud, line } = setUp("sync");
    for (const connection of ["offline", "metered"] as const) {
      line.connection = connection;
      const { answer } = await timed(router.answer(frame("1"), local(), inMs(100)));
      expect(answer.route).toEqual({ kind: "local", because: connection });
    }
    expect(cloud.requests).toEqual([]);
  });

  test("a line that has become too slow for the deadline is left alone for a minute", async () => {
    const { router, cloud } = setUp("sync", { breaker: { callsMin: 1000 } });
    cloud.behaviour = answers(300);
    await timed(router.answer(frame("1"), local(), inMs(100)));
    await vi.advanceTimersByTimeAsync(300);
    const { answer } = await timed(router.answer(frame("2"), local(), inMs(100)));
    expect(answer.route.because).toBe("deadline");
    await vi.advanceTimersByTimeAsync(60_000);
    cloud.behaviour = answers(30);
    expect((await timed(router.answer(frame("3"), local(), inMs(100)))).answer.source).toBe(
      "cloud",
    );
  });

  test("settings change for the frames that follow", async () => {
    const { router, cloud } = setUp("sync");
    router.configure(effectiveRouting({ mode: "edge-only" }));
    const { answer } = await timed(router.answer(frame("1"), local(), inMs(100)));
    expect(answer.route.because).toBe("edge-only");
    expect(cloud.requests).toEqual([]);
  });
});

describe("the breaker", () => {
  const quick = { callMsMax: 2000, breaker: { openMsMin: 100, openMsMax: 100 } };

  test("hears of a missed deadline once, however the call ends afterwards", async () => {
    const { router, cloud, corrections } = setUp("sync", { breaker: { callsMin: 5 } });
    cloud.behaviour = answers(300);
    const three = ["1", "2", "3"].map((id) => router.answer(frame(id), local(), inMs(100)));
    await vi.advanceTimersByTimeAsync(1000);
    await Promise.all(three);
    expect(corrections).toHaveLength(3);
    expect(router.breaker).toBe("closed");
  });

  test("keeps a probe's place until its call has ended, long after the deadline", async () => {
    const { router, cloud } = setUp("sync", quick);
    cloud.behaviour = fails(1);
    for (let i = 0; i < 5; i++) await timed(router.answer(frame(String(i)), local(), inMs(100)));
    expect(router.breaker).toBe("open");
    await vi.advanceTimersByTimeAsync(100);
    cloud.behaviour = { kind: "hangs" };
    await timed(router.answer(frame("probe"), local(), inMs(100)));
    for (let i = 0; i < 15; i++) {
      const { answer } = await timed(router.answer(frame(`n${i}`), local(), inMs(100)));
      expect(answer.route).toEqual({ kind: "local", because: "breaker" });
      expect(router.breaker).toBe("half-open");
      await vi.advanceTimersByTimeAsync(100);
    }
    await vi.advanceTimersByTimeAsync(500);
    expect([router.breaker, cloud.requests.length]).toEqual(["open", 6]);
  });

  test("closes again once the cloud is well", async () => {
    const { router, cloud } = setUp("sync", quick);
    cloud.behaviour = fails(1);
    for (let i = 0; i < 5; i++) await timed(router.answer(frame(String(i)), local(), inMs(100)));
    await vi.advanceTimersByTimeAsync(100);
    cloud.behaviour = answers(10);
    for (let i = 0; i < 3; i++) await timed(router.answer(frame(`p${i}`), local(), inMs(100)));
    expect(router.breaker).toBe("closed");
  });
});

describe("stop", () => {
  test("told from within a correction, the next one is not told", async () => {
    const told: string[] = [];
    const reply = { decision: local().decision, model: "m@1", traffic: { sent: 1, received: 1 } };
    const { router } = setUp(
      "async",
      {},
      {
        cloud: { ask: async () => reply }, // so both wait to be told in the same turn
        onCorrection: (correction) => {
          told.push(correction.frame);
          router.stop();
        },
      },
    );
    await Promise.all(["1", "2"].map((id) => router.answer(frame(id), local(), inMs(100))));
    await vi.runAllTimersAsync();
    expect(told).toEqual(["1"]);
    expect(router.report().calls.answered).toBe(2);
  });

  test("frames that wait are answered at once, and nothing follows", async () => {
    for (const mode of ["sync", "cloud-first"] as const) {
      const { router, cloud, corrections } = setUp(mode);
      cloud.behaviour = answers(50);
      cloud.deaf = true;
      const asked = router.answer(frame("1"), local(), inMs(100));
      await vi.advanceTimersByTimeAsync(10);
      router.stop();
      const { answer, ms } = await timed(asked);
      expect(answer.source).toBe("local");
      expect(ms).toBeLessThanOrEqual(1);
      expect(cloud.aborts).toBe(1);
      await vi.runAllTimersAsync();
      expect(corrections).toEqual([]);
      expect(router.report().calls).toMatchObject({ gone: 1, answered: 0, late: 0 });
    }
  });

  test("later frames stay here, and no timer is left behind", async () => {
    const { router, cloud, saves } = setUp("async");
    await router.answer(frame("1"), local(), inMs(100));
    router.stop();
    router.stop();
    const answer = await router.answer(frame("2"), local(), inMs(100));
    expect(answer.route).toEqual({ kind: "local", because: "stopped" });
    expect(cloud.requests).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
    expect(saves.at(-1)?.levels.callsPerHour).toBe(599);
  });
});

/** Frames, one every few milliseconds, with whatever the cloud does with each. */
const script = fc.record({
  mode: fc.constantFrom("sync" as const, "async" as const, "cloud-first" as const),
  inFlightMax: fc.integer({ min: 1, max: 5 }),
  deaf: fc.boolean(),
  frames: fc.array(
    fc.record({
      gapMs: fc.integer({ min: 0, max: 400 }),
      localMs: fc.integer({ min: 0, max: 150 }),
      p: fc.constantFrom(0.45, 0.99),
      behaviour: fc.oneof(
        fc.integer({ min: 0, max: 1500 }).map((ms) => answers(ms)),
        fc.integer({ min: 0, max: 90 }).map((ms) => answers(ms)),
        fc.integer({ min: 0, max: 300 }).map((ms) => fails(ms)),
        fc.constant<FakeBehaviour>({ kind: "hangs" }),
      ),
    }),
    { minLength: 1, maxLength: 25 },
  ),
  stopAfter: fc.option(fc.integer({ min: 0, max: 25 }), { nil: null }),
});

test("whatever the cloud does: one answer each in time, one correction at most, all bounded", async () => {
  await fc.assert(
    fc.asyncProperty(script, async ({ mode, inFlightMax, deaf, frames, stopAfter }) => {
      const settings = {
        inFlightMax,
        callMsMax: 1000,
        breaker: { openMsMin: 100, openMsMax: 500 },
      };
      const { router, cloud, corrections, faults } = setUp(mode, settings);
      cloud.deaf = deaf;
      const given: Answer[] = [];
      const wrong: string[] = [];
      let tellings = 0;
      for (const [i, { gapMs, localMs, p, behaviour }] of frames.entries()) {
        if (i === stopAfter) {
          router.stop();
          tellings = corrections.length;
        }
        cloud.behaviour = behaviour;
        const [from, deadline] = [performance.now(), inMs(100)];
        const mine = new Promise<LocalAnswer>((resolve) =>
          setTimeout(() => resolve(local(p)), localMs),
        );
        const told = corrections.length;
        void router.answer(frame(String(i)), mine, deadline).then((answer) => {
          given.push(answer);
          const ms = performance.now() - from;
          if (ms > Math.max(100, localMs)) wrong.push(`${i} was answered after ${ms} ms`);
          if (corrections.slice(told).some((one) => one.frame === String(i)))
            wrong.push(`${i} was corrected before it was answered`);
        });
        await vi.advanceTimersByTimeAsync(gapMs);
        expect(router.inFlight).toBeLessThanOrEqual(inFlightMax);
      }
      await vi.advanceTimersByTimeAsync(5000);
      expect(given.map((one) => one.frame).toSorted()).toEqual(
        frames.map((_, i) => String(i)).toSorted(),
      );
      expect(router.inFlight).toBe(0);
      expect([faults, wrong]).toEqual([[], []]);
      const corrected = corrections.map((one) => one.frame);
      expect(new Set(corrected).size).toBe(corrected.length);
      for (const one of given) {
        const asked = one.route.kind === "offload";
        if (one.source === "cloud") expect(corrected).not.toContain(one.frame);
        if (!asked) expect([one.source, corrected.includes(one.frame)]).toEqual(["local", false]);
      }
      if (stopAfter !== null && stopAfter < frames.length)
        expect(corrections.length).toBe(tellings);
      const { calls, frames: counted, offloaded } = router.report();
      expect(counted).toBe(frames.length);
      expect(Object.values(calls).reduce((sum, n) => sum + n, 0)).toBe(offloaded);
      if (stopAfter === null)
        expect(calls.answered + calls.late).toBe(
          corrections.length + given.filter(({ source }) => source === "cloud").length,
        );
    }),
    { numRuns: 120 },
  );
});

test("half-open, never more than one call is under way among those it let through", async () => {
  const { router, cloud } = setUp("async", {
    callMsMax: 2000,
    breaker: { openMsMin: 100, openMsMax: 200 },
  });
  cloud.behaviour = fails(1);
  for (let i = 0; i < 5; i++) {
    await router.answer(frame(String(i)), local(), inMs(100));
    await vi.advanceTimersByTimeAsync(2);
  }
  expect(router.breaker).toBe("open");
  await vi.advanceTimersByTimeAsync(200);
  cloud.behaviour = { kind: "hangs" };
  cloud.underWayMax = 0;
  for (let i = 0; i < 100; i++) {
    await router.answer(frame(`p${i}`), local(), inMs(100));
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(cloud.underWayMax).toBe(1);
  expect(cloud.requests.length).toBeGreaterThan(6);
});

test("ten thousand frames against a hung cloud leave nothing behind", async () => {
  const { router, cloud } = setUp("sync", { callMsMax: 500 });
  for (let i = 0; i < 10_000; i++) {
    const asked = router.answer(frame(String(i)), local(), inMs(20));
    await vi.advanceTimersByTimeAsync(20);
    await asked;
  }
  await vi.advanceTimersByTimeAsync(1000);
  expect([router.inFlight, vi.getTimerCount()]).toEqual([0, 0]);
  const report = router.report();
  expect(report.frames).toBe(10_000);
  expect(cloud.requests.length).toBeLessThan(200);
  expect(histogramCount(report.localAnswerMs)).toBe(10_000);
  expect(quantile(report.localAnswerMs, 1)).toBeLessThanOrEqual(20 * 1.05);
});
