import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { effectiveRouting, type RoutingOverride } from "@fieldloop/shared/manifest/routing";
import { encodeInferenceResponse } from "@fieldloop/shared-node/wire/open-inference";
import { OpenInferenceClient } from "@fieldloop/shared-node/wire/open-inference-client";
import { afterEach, expect, test } from "vitest";
import type { Correction, LocalAnswer } from "./answer.ts";
import type { RoutedFrame } from "./cloud.ts";
import { decisionOf, openInferenceCloud } from "./cloud-client.ts";
import { HybridRouter } from "./hybrid-router.ts";

const response = {
  model: "large",
  version: "2.0.0",
  id: null,
  labels: ["egg", "crack"],
  scores: [0.25, 0.75],
  boxes: null,
};

test("a classifier's label is the one with the highest score", () => {
  expect(decisionOf(response, "classification")).toEqual({
    label: "crack",
    confidence: 0.75,
    detections: null,
  });
});

test("a detector's boxes are brought back from the crop to the frame, best first", () => {
  const boxes = [
    [0, 0, 1, 1],
    [0.5, -0.5, 2, 0.5],
  ] as const;
  const found = decisionOf({ ...response, boxes }, "detection", [0.5, 0.25, 1, 0.75]);
  expect(found).toEqual({
    label: null,
    confidence: 0.75,
    detections: [
      { label: "crack", score: 0.75, box: [0.75, 0.25, 1, 0.5] },
      { label: "egg", score: 0.25, box: [0.5, 0.25, 1, 0.75] },
    ],
  });
});

test("a detector that found nothing says so", () => {
  const nothing = { ...response, labels: [], scores: [], boxes: [] };
  expect(decisionOf(nothing, "detection")).toEqual({ label: null, confidence: 0, detections: [] });
});

test("an answer to another task is malformed", () => {
  expect(() => decisionOf(response, "detection")).toThrow("no boxes");
  const nothing = { ...response, labels: [], scores: [] };
  expect(() => decisionOf(nothing, "classification")).toThrow("no label");
});

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** A router in front of a real server that does `answer` with every call. */
async function setUp(answer: (response: ServerResponse) => void, over: RoutingOverride) {
  const keys: unknown[] = [];
  const server = createServer((request, reply) => {
    keys.push(request.headers["idempotency-key"]);
    request.resume().on("end", () => answer(reply));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const client = new OpenInferenceClient({ url: `http://127.0.0.1:${port}` });
  const corrections: Correction[] = [];
  let told: () => void = () => {};
  const corrected = new Promise<void>((resolve) => {
    told = resolve;
  });
  const router = new HybridRouter({
    cloud: openInferenceCloud({ client, model: "large", task: "classification" }),
    settings: effectiveRouting(over),
    connection: () => "online",
    monotonicMs: () => performance.now(),
    random: () => 0.5,
    savedBudget: undefined,
    saveBudget: () => {},
    onCorrection: (correction) => {
      corrections.push(correction);
      told();
    },
    onFault: (error) => expect.fail(String(error)),
  });
  cleanUps.push(
    () => router.stop(),
    () => client.close(),
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return { router, keys, corrections, corrected };
}

const good = (reply: ServerResponse) => {
  const { headers, body } = encodeInferenceResponse(response, "json");
  reply.writeHead(200, headers).end(body);
};
const frame: RoutedFrame = {
  id: "17",
  key: "dev-1:boot:17",
  cropBytesMax: 1000,
  encode: () => Promise.resolve(new Uint8Array(1000)),
};
const local: LocalAnswer = {
  decision: { label: "egg", confidence: 0.4, detections: null },
  evidence: { kind: "classes", scale: "logits", values: [1, 1.2, 0.9], temperature: 1.5 },
};

test("over a real line the cloud's answer is taken", async () => {
  const { router, keys } = await setUp(good, { mode: "sync" });
  const answer = await router.answer(frame, local, performance.now() + 20_000);
  expect(answer).toMatchObject({
    source: "cloud",
    decision: { label: "crack", confidence: 0.75 },
    cloud: { model: "large@2.0.0" },
  });
  expect(keys).toEqual(["dev-1:boot:17"]);
  const { calls, bytesSent } = router.report();
  expect(calls.answered).toBe(1);
  expect(bytesSent).toBeGreaterThan(1000);
  expect(bytesSent).toBeLessThan(2000);
});

test("over a real line a late answer becomes a correction", async () => {
  const { router, corrected, corrections } = await setUp(good, { mode: "async" });
  const answer = await router.answer(frame, local, performance.now() + 100);
  expect(answer.source).toBe("local");
  await corrected;
  expect(corrections).toMatchObject([{ frame: "17", agrees: false, proposed: { label: "crack" } }]);
});

test("a server that hangs costs the frame its cloud answer and nothing else", async () => {
  const { router, corrections } = await setUp(() => {}, { mode: "sync", callMsMax: 150 });
  const deadlineAt = performance.now() + 50;
  const answer = await router.answer(frame, local, deadlineAt);
  expect(answer).toMatchObject({ source: "local", route: { kind: "offload" } });
  router.stop();
  expect([router.inFlight, corrections]).toEqual([0, []]);
});

test("a server that asks to be left alone is", async () => {
  const busy = (reply: ServerResponse) => reply.writeHead(503, { "retry-after": "30" }).end();
  const { router, keys } = await setUp(busy, { mode: "sync" });
  const first = await router.answer(frame, local, performance.now() + 20_000);
  expect(first.source).toBe("local");
  expect(router.breaker).toBe("open");
  const second = await router.answer(frame, local, performance.now() + 20_000);
  expect(second.route).toEqual({ kind: "local", because: "breaker" });
  expect(keys).toHaveLength(1);
  expect(router.report().calls.overloaded).toBe(1);
});

test("a server that sends garbage or breaks off is answered for locally", async () => {
  for (const answer of [
    (reply: ServerResponse) => void reply.end("<html>"),
    (reply: ServerResponse) => void reply.destroy(),
  ]) {
    const { router } = await setUp(answer, { mode: "sync" });
    expect((await router.answer(frame, local, performance.now() + 20_000)).source).toBe("local");
  }
});
