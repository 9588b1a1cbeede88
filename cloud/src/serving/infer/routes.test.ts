import type { AddressInfo } from "node:net";
import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import { everywhere } from "@fieldloop/shared/permissions";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { encodeJpeg } from "@fieldloop/shared-node/image";
import { OpenInferenceClient } from "@fieldloop/shared-node/wire/open-inference-client";
import { admin, testApp, testPlatform } from "@fieldloop/test/support/platform";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { colourModel } from "../../../../shared/node/test/tiny-onnx.ts";
import { modelRoutes } from "../../models/registry/routes.ts";
import { tryModel } from "../../models/registry/trial.ts";
import type { Caller } from "../../platform/caller.ts";
import { ModelHost } from "./model-host.ts";
import { inferRoutes } from "./routes.ts";

const { platform } = await testPlatform();
const device: Caller = {
  kind: "device",
  id: "cam-1",
  name: "cam-1",
  role: null,
  acts: new Set(),
  scope: everywhere,
};
const asking: { caller: Caller } = { caller: admin };
const host = new ModelHost({ waitingMax: 4 });
const app = await testApp(
  platform,
  [(a, p) => modelRoutes(a, p, { trial: tryModel }), (a, p) => inferRoutes(a, p, host)],
  () => asking.caller,
);
let client: OpenInferenceClient;
const bytes = Buffer.from(colourModel());
const labels = ["red", "green", "blue"];

beforeAll(async () => {
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo; // listening on TCP
  client = new OpenInferenceClient({ url: `http://127.0.0.1:${port}` });
  const headers = { "content-type": "application/octet-stream" };
  const url = `/api/v1/blobs/${sha256Of(bytes)}`;
  await app.inject({ method: "PUT", url, headers, payload: bytes });
  for (const version of ["1.0.0", "1.1.0"]) {
    const spec: ModelSpec = {
      name: "colours",
      version,
      // The second one calls the colours otherwise, so that answers tell them apart.
      labels: version === "1.0.0" ? labels : labels.map((label) => `${label}-ish`),
      input: { mean: [0, 0, 0], std: [25.5, 25.5, 25.5] },
      output: { kind: "classification" },
    };
    const payload = { spec, model: sha256Of(bytes), goldens: [] };
    const made = await app.inject({ method: "POST", url: "/api/v1/models", payload });
    expect(made.statusCode).toBe(201);
  }
  asking.caller = device;
});
afterAll(async () => {
  client.close();
  await host.close();
});

const picture = (colour: readonly [number, number, number]) => {
  const data = Uint8Array.from({ length: 300 }, (_, i) => colour[i % 3] ?? 0);
  const options = { widthMax: 10, bytesMax: 10_000 };
  return encodeJpeg({ kind: "raw", data, width: 10, height: 10 }, options);
};
const ask = async (colour: readonly [number, number, number], version?: string) =>
  await client.infer({
    model: "colours",
    ...(version && { version }),
    image: await picture(colour),
    idempotencyKey: "k",
    timeoutMs: 5000,
  });

describe("a model on the server", () => {
  it("is served from the moment it is promoted", async () => {
    await expect(ask([250, 0, 0])).rejects.toThrow(
      "answered 404: no version of colours is served; promote one: fieldloop models promote colours VERSION",
    );
    asking.caller = admin;
    const url = "/api/v1/models/colours/aliases/production";
    await app.inject({ method: "PUT", url, payload: { version: "1.0.0" } });
    asking.caller = device;
    const { response, sent } = await ask([0, 250, 0]);
    expect(response).toMatchObject({ model: "colours", version: "1.0.0", labels, boxes: null });
    expect(response.scores.indexOf(Math.max(...response.scores))).toBe(1);
    expect(response.scores.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
    expect(sent).toBeGreaterThan(300);
  });

  it("answers with any version that is asked for, in JSON too", async () => {
    const { response } = await ask([0, 0, 250], "1.1.0");
    expect(response.labels).toEqual(["red-ish", "green-ish", "blue-ish"]);
    const image = Buffer.from(await picture([250, 0, 0])).toString("base64");
    const parameters = { content_type: "base64" };
    const inputs = [{ name: "image", shape: [1], datatype: "BYTES", parameters, data: [image] }];
    const reply = await app.inject({
      method: "POST",
      url: "/v2/models/colours/infer",
      payload: { id: "7", inputs },
    });
    expect(reply.json()).toMatchObject({
      model_name: "colours",
      model_version: "1.0.0",
      id: "7",
      outputs: [
        { name: "label", datatype: "BYTES", shape: [3], data: labels },
        { name: "scores", datatype: "FP32", shape: [3] },
      ],
    });
  });

  const nonsense = {
    inputs: [
      {
        name: "image",
        shape: [1],
        datatype: "BYTES",
        parameters: { content_type: "base64" },
        data: [Buffer.from("no picture").toString("base64")],
      },
    ],
  };
  it.each([
    ["another model", "/v2/models/shapes/infer", nonsense, 404, /^no version of shapes is served/],
    ["no picture", "/v2/models/colours/infer", { inputs: [] }, 400, /^inputs: /],
    [
      "a picture that is none",
      "/v2/models/colours/infer",
      nonsense,
      422,
      /^the picture is not an image in a known format/,
    ],
  ])("says in the protocol's form what is wrong with %s", async (_, url, payload, status, text) => {
    const reply = await app.inject({ method: "POST", url, payload });
    expect([reply.statusCode, reply.json().error]).toEqual([status, expect.stringMatching(text)]);
  });

  it("is for devices, which have a credential", async () => {
    asking.caller = { ...admin, kind: "anonymous", acts: new Set() } as Caller; // nobody
    const reply = await app.inject({
      method: "POST",
      url: "/v2/models/colours/infer",
      payload: {},
    });
    asking.caller = device;
    expect(reply.statusCode).toBe(401);
  });

  it("tells whoever comes when too many wait to come back, and answers the others", async () => {
    const results = await Promise.allSettled(Array.from({ length: 12 }, () => ask([250, 0, 0])));
    const refused = results.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    const answered = results.filter(({ status }) => status === "fulfilled");
    expect(answered.length).toBeGreaterThanOrEqual(4);
    for (const reason of refused)
      expect(reason).toMatchObject({
        code: "inference-overloaded",
        detail: { retryAfterMs: 1000 },
      });
    expect((await ask([250, 0, 0])).response.labels).toEqual(labels);
  });
});
