/** Routes, queue and the real process on a real database; the compiler is the real one. */
import { join } from "node:path";
import type { Compilation } from "@fieldloop/shared/contract/compilations";
import type { LiveEvent } from "@fieldloop/shared/contract/live";
import { compileReport } from "@fieldloop/shared/manifest/compile-report";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { testApp, testPlatform } from "@fieldloop/test/support/platform";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  redOrBlue,
  redOrBluePicture,
  redOrBlueSpec,
} from "../../../../test/support/red-or-blue.ts";
import { listAudit } from "../../platform/ledger/store.ts";
import { modelRoutes } from "../registry/routes.ts";
import { createTrialRunner } from "../registry/run-trial.ts";
import { Compilations } from "./compilations.ts";
import { compilationRoutes } from "./routes.ts";

const { platform, db, folder, clock } = await testPlatform();
const trial = createTrialRunner();
const compilations = new Compilations({ platform, trial, folder: join(folder, "compiling") });
const app = await testApp(platform, [
  (a, p) => modelRoutes(a, p, { trial }),
  (a, p) => compilationRoutes(a, p, { trial, compilations }),
]);
const news: Compilation[] = [];
platform.live.subscribe((event: LiveEvent) => {
  if (event.kind === "compilation") news.push(event.compilation);
});

const samples: { name: string; image: string; label: string }[] = [];
let model: string;
beforeAll(async () => {
  model = await put(redOrBlue());
  for (let i = 0; i < 80; i++) {
    const { name, label, jpeg } = await redOrBluePicture(i);
    samples.push({ name, label, image: await put(jpeg) });
  }
});
afterAll(() => compilations.stop());

async function put(bytes: Uint8Array): Promise<string> {
  return (await platform.blobs.putBytes(bytes)).digest;
}

const post = (change: object = {}) =>
  app.inject({
    method: "POST",
    url: "/api/v1/compilations",
    payload: {
      spec: redOrBlueSpec,
      model,
      samples,
      goldens: samples.slice(0, 1).map(({ image }) => image),
      ...change,
    },
  });
const get = (path = "") => app.inject({ method: "GET", url: `/api/v1/compilations${path}` });
const version = (text: string) => ({ ...redOrBlueSpec, version: text });
/** Starts what waits, and waits until it has ended. */
async function workOff() {
  await compilations.start();
  await compilations.idle();
}

describe("a compilation", () => {
  it("is refused with everything that is missing or does not fit", async () => {
    const missing = sha256Of("nowhere");
    const gone = await post({
      model: missing,
      goldens: [missing],
      samples: [{ name: "a.jpg", image: missing }],
    });
    expect(gone.statusCode).toBe(422);
    expect(gone.json()).toMatchObject({
      code: "compilation-rejected",
      errors: [
        { path: "model", message: expect.stringContaining("is not on the server; upload it") },
        { path: "goldens.0" },
        { path: "samples.0.image", message: expect.stringMatching(/^the picture a\.jpg, /) },
      ],
    });
    const noModel = await post({ model: await put(Buffer.from("no model")) });
    expect(noModel.json()).toMatchObject({
      status: 422,
      detail:
        "red-or-blue 1.0.0 cannot be compiled: the model is no ONNX model, or it is damaged or cut short",
    });
    const [first] = samples;
    const label = await post({ samples: [{ ...first, label: "green" }] });
    expect(label.json()).toMatchObject({
      status: 422,
      errors: [
        {
          path: "samples.0.label",
          message: "000.jpg is said to be green; the model knows red, blue",
        },
      ],
    });
    expect((await post({ lossPointsMax: 101 })).statusCode).toBe(400);
    expect((await post({ samples: [] })).statusCode).toBe(400);
    expect((await get()).json()).toEqual({ items: [] });
  });

  it("waits in a row of its own, and is there once", async () => {
    const response = await post();
    expect(response.statusCode).toBe(202);
    const waiting = response.json<Compilation>();
    expect(waiting).toMatchObject({
      ...{ name: "red-or-blue", version: "1.0.0", state: "queued", stage: null, share: 0 },
      ...{ samples: 80, lossPointsMax: 0.5, kinds: ["int8", "int8-reduced"], error: null },
      ...{ createdAt: clock.now, createdBy: "Ada", finishedAt: null },
    });
    expect(news).toEqual([waiting]);
    expect((await post()).json()).toMatchObject({
      status: 409,
      code: "compiles-already",
      detail: expect.stringContaining(waiting.id),
    });
    const [audit] = await listAudit(db, 1, undefined);
    expect(audit).toMatchObject({
      actor: "Ada",
      act: "compilations:start",
      subject: "model:red-or-blue@1.0.0",
      detail: { compilation: waiting.id, samples: 80, model },
    });
  });

  it("ends in a registered version with its report", async () => {
    await workOff();
    const [{ id }] = (await get()).json<{ items: [Compilation] }>().items;
    const { report, ...done } = (await get(`/${id}`)).json();
    expect(done).toMatchObject({ state: "succeeded", error: null, finishedAt: clock.now });
    expect(compileReport.parse(report).source).toMatchObject({ kind: "accuracy", overall: 1 });
    const registered = await app.inject({
      method: "GET",
      url: "/api/v1/models/red-or-blue/versions/1.0.0",
    });
    const { document, createdBy } = registered.json();
    expect(createdBy).toBe("Ada");
    expect(document.variants.at(-1)).toMatchObject({
      kind: "float32",
      input: { type: "uint8" },
      goldens: [{ image: samples[0]?.image, label: "red" }],
    });
    const stored = await app.inject({
      method: "GET",
      url: "/api/v1/models/red-or-blue/versions/1.0.0/report",
    });
    expect(stored.json()).toEqual(report);
    const stages = [...new Set(news.map(({ stage }) => stage))];
    expect(stages).toEqual(expect.arrayContaining([null, "reading", "searching"]));
    expect(news.at(-1)).toEqual(done);
  });

  it("does not begin for a version that exists", async () => {
    expect((await post()).json()).toMatchObject({
      status: 409,
      code: "version-exists",
      detail: "red-or-blue version 1.0.0 exists; raise the version",
    });
  });

  it("fails with one sentence where pictures are broken", async () => {
    const [first, second] = await Promise.all([redOrBluePicture(0), redOrBluePicture(1)]);
    const cut = await put(first.jpeg.subarray(0, first.jpeg.length / 2));
    const broken = { name: "cut.jpg", image: cut, label: "red" };
    const text = { name: "text.jpg", image: await put(Buffer.from("text")), label: "red" };
    const whole = { name: "whole.jpg", image: await put(second.jpeg), label: "red" };
    const asked = await post({ spec: version("1.0.1"), samples: [broken, whole, text] });
    await workOff();
    expect((await get(`/${asked.json().id}`)).json()).toMatchObject({
      state: "failed",
      report: null,
      error: expect.stringMatching(
        /^2 of 3 pictures cannot be used: cut\.jpg .* \(and 1 more like it\); take them out or replace them$/,
      ),
    });
  });

  it("fails with one sentence where weights are not numbers", async () => {
    const asked = await post({
      spec: version("1.0.2"),
      model: await put(redOrBlue(Number.NaN)),
      goldens: [],
    });
    expect(asked.statusCode).toBe(202);
    await workOff();
    expect((await get(`/${asked.json().id}`)).json()).toMatchObject({
      state: "failed",
      error: expect.stringMatching(/^red-or-blue\.onnx cannot be compiled: .* not finite numbers/),
    });
  });

  it("is unknown under another id", async () => {
    for (const method of ["GET", "DELETE"] as const) {
      const response = await app.inject({ method, url: "/api/v1/compilations/none" });
      expect(response.json()).toMatchObject({ status: 404, code: "no-such-compilation" });
    }
  });

  it("takes as many pictures as the contract says, and no more", async () => {
    const [first] = samples;
    const many = Array.from({ length: 5000 }, (_, i) => ({
      ...first,
      name: `${"a-folder-with-a-long-name/".repeat(8)}${i}.jpg`,
    }));
    const accepted = await post({ spec: version("1.0.3"), samples: many });
    expect(accepted.json()).toMatchObject({ state: "queued", samples: 5000 });
    expect((await post({ samples: [...many, first] })).statusCode).toBe(400);
    const { id } = accepted.json();
    for (const _ of [1, 2])
      expect(
        (await app.inject({ method: "DELETE", url: `/api/v1/compilations/${id}` })).statusCode,
      ).toBe(204);
    expect((await get(`/${id}`)).json()).toMatchObject({ state: "cancelled", error: null });
  });
});
