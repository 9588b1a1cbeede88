import type { Benchmark } from "@fieldloop/shared/contract/benchmarks";
import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import { addCamera } from "@fieldloop/test/support/camera";
import { admin, testApp, testPlatform } from "@fieldloop/test/support/platform";
import { beforeAll, describe, expect, it } from "vitest";
import { colourModel } from "../../../../shared/node/test/tiny-onnx.ts";
import type { Caller } from "../../platform/caller.ts";
import { listAudit } from "../../platform/ledger/store.ts";
import { distributionRoutes } from "../distribution/routes.ts";
import { registerVersion } from "../registry/register.ts";
import { tryModel } from "../registry/trial.ts";
import { benchmarkRoutes } from "./routes.ts";

const { platform, db, clock, sent } = await testPlatform();
const device = (id: string): Caller => ({ ...admin, kind: "device", id, name: id, role: null });
const asking: { caller: Caller } = { caller: admin };
const app = await testApp(platform, [benchmarkRoutes, distributionRoutes], () => asking.caller);
const path = "/api/v1/models/colours/versions/1.0.0/benchmarks";
const latency = {
  ...{ pairs: 200, ratioMedian: 1.7, ratioLower90: 1.6 },
  ...{ referenceMs: { p50: 4, p95: 5 }, subjectMs: { p50: 2, p95: 3 } },
};
const figures = {
  ...{ processor: "Raspberry Pi 5", features: ["int8-dot"], threads: 1, rssBytes: 1e8 },
  ...{ temperatureC: 51.2, passedOver: [{ kind: "float16", reason: "this board lacks cuda" }] },
  variants: [{ kind: "int8", provider: "cpu", latency }],
};
let model: string;

beforeAll(async () => {
  const { digest } = await platform.blobs.putBytes(colourModel());
  model = digest;
  const spec: ModelSpec = {
    ...{ name: "colours", version: "1.0.0", labels: ["red", "green", "blue"] },
    input: { mean: [0, 0, 0], std: [1, 1, 1] },
    output: { kind: "classification" },
  };
  await registerVersion(platform, tryModel, { spec, model, variants: [], goldens: [] }, "Ada");
  await addCamera(db, "cam-1");
  await addCamera(db, "cam-2", { group: "pilot" });
});

const start = (body: object) => app.inject({ method: "POST", url: path, payload: body });
const list = async () => (await app.inject({ method: "GET", url: path })).json().items;
async function as<T>(caller: Caller, ask: () => Promise<T>): Promise<T> {
  asking.caller = caller;
  const answer = await ask();
  asking.caller = admin;
  return answer;
}
const orders = (id: string) =>
  as(device(id), async () => {
    const { items } = (
      await app.inject({ method: "GET", url: "/api/v1/device/benchmarks" })
    ).json();
    return items as { id: string; manifest: string; manifestBytes: number; pairs: number }[];
  });
const finish = (caller: string, id: string, body: object) =>
  as(device(caller), () =>
    app.inject({ method: "PUT", url: `/api/v1/device/benchmarks/${id}`, payload: body }),
  );
const fetchModel = (id: string) =>
  as(device(id), () => app.inject({ method: "GET", url: `/api/v1/device/blobs/${model}` }));

describe("a measurement on a device", () => {
  let order: Benchmark;

  it("waits as a row, is told to the device at once, and is in the audit log", async () => {
    expect((await fetchModel("cam-1")).statusCode).toBe(404);
    const response = await start({ device: "cam-1" });
    expect(response.statusCode).toBe(202);
    order = response.json();
    expect(order).toMatchObject({
      ...{ name: "colours", version: "1.0.0", device: "cam-1", state: "waiting", pairs: 200 },
      ...{ error: null, figures: null, requestedAt: clock.now, requestedBy: "Ada" },
    });
    expect(sent.at(-1)).toEqual({
      ...{ device: "cam-1", channel: "cmd" },
      message: { v: 1, id: order.id, command: "benchmark" },
    });
    const [audit] = await listAudit(db, 1, undefined);
    expect(audit).toMatchObject({ act: "benchmarks:start", subject: "device:cam-1" });
  });

  it("opens the version's files to that device alone, as long as it is open", async () => {
    expect(await orders("cam-1")).toEqual([
      {
        ...{ id: order.id, pairs: 200 },
        ...{ manifest: expect.any(String), manifestBytes: expect.any(Number) },
      },
    ]);
    expect(await orders("cam-2")).toEqual([]);
    expect((await fetchModel("cam-1")).statusCode).toBe(200);
    expect((await fetchModel("cam-2")).statusCode).toBe(404);
  });

  it("is handed in once, by the device that was asked", async () => {
    expect((await finish("cam-2", order.id, { kind: "done", figures })).json()).toMatchObject({
      ...{ status: 404, code: "no-such-benchmark" },
    });
    expect((await finish("cam-1", order.id, { kind: "done", figures })).statusCode).toBe(204);
    const again = { kind: "failed", error: "it was said twice" };
    expect((await finish("cam-1", order.id, again)).statusCode).toBe(204);
    expect(await list()).toMatchObject([{ state: "done", error: null, figures }]);
    expect((await fetchModel("cam-1")).statusCode).toBe(404);
  });

  it("says why it could not be done", async () => {
    const { id } = (await start({ device: "cam-1", pairs: 20 })).json();
    await finish("cam-1", id, { kind: "failed", error: "measuring needs 67 MB of memory" });
    const [failed] = (await list()).filter((one: Benchmark) => one.id === id);
    expect(failed).toMatchObject({ state: "failed", error: "measuring needs 67 MB of memory" });
  });

  it("is refused for what is not there, and where too many wait", async () => {
    expect((await start({ device: "cam-9" })).statusCode).toBe(404);
    expect((await start({ device: "cam-1", pairs: 19 })).statusCode).toBe(400);
    for (let i = 0; i < 10; i++) expect((await start({ device: "cam-2" })).statusCode).toBe(202);
    expect((await start({ device: "cam-2" })).json()).toMatchObject({
      ...{ status: 409, code: "benchmarks-busy" },
      detail: expect.stringMatching(/^cam-2 has 10 measurements before it/),
    });
    const url = path.replace("1.0.0", "2.0.0");
    expect((await app.inject({ method: "GET", url })).statusCode).toBe(404);
  });

  it("is out of sight with its device", async () => {
    const limited: Caller = { ...admin, scope: { sites: null, groups: ["pilot"] } };
    const seen = await as(limited, list);
    expect(new Set(seen.map((one: Benchmark) => one.device))).toEqual(new Set(["cam-2"]));
    expect((await as(limited, () => start({ device: "cam-1" }))).statusCode).toBe(404);
  });

  it("fails when nobody has answered for a week", async () => {
    clock.now += 7 * 86_400_000 + 1;
    expect(await orders("cam-2")).toEqual([]);
    const expired = (await list()).filter((one: Benchmark) => one.device === "cam-2");
    expect(expired).toHaveLength(10);
    expect(expired[0]).toMatchObject({
      ...{ state: "failed", finishedAt: clock.now },
      error: expect.stringMatching(/^the device did not answer within 7 days/),
    });
  });
});
