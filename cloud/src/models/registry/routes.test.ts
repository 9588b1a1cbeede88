import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { LiveEvent } from "@fieldloop/shared/contract/live";
import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import { everywhere } from "@fieldloop/shared/permissions";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { encodeJpeg } from "@fieldloop/shared-node/image";
import { admin, testApp, testPlatform } from "@fieldloop/test/support/platform";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { colourModel, pixelModel, writeOnnx } from "../../../../shared/node/test/tiny-onnx.ts";
import { addCamera } from "../../../../test/support/camera.ts";
import type { Caller } from "../../platform/caller.ts";
import { listAudit } from "../../platform/ledger/store.ts";
import { modelRoutes } from "./routes.ts";
import { tryModel } from "./trial.ts";
import type { Trial } from "./trial-messages.ts";
import { uploadBlob } from "./upload-blob.ts";

const testData = resolve(process.env.FIELDLOOP_TEST_DATA ?? "../shared/data");
const photographs = existsSync(join(testData, "face-detector.onnx"));
if (!photographs) console.info(`skipping real photographs: ${testData} is not there`);

const { platform, db, clock, sent } = await testPlatform();
const asking: { caller: Caller } = { caller: admin };
/** The trial runs here and is counted; `run-trial.test.ts` runs it in its own process. */
const trials: string[] = [];
const trial: Trial = async (request) => {
  trials.push(`${request.spec.name}@${request.spec.version}`);
  return await tryModel(request);
};
const moved: string[] = [];
const app = await testApp(
  platform,
  [(a, p) => modelRoutes(a, p, { trial, changed: (id) => moved.push(id) })],
  () => asking.caller,
);
const news: LiveEvent[] = [];
platform.live.subscribe((event) => news.push(event));

const colours: ModelSpec = {
  name: "colours",
  version: "1.0.0",
  licence: "MIT",
  labels: ["red", "green", "blue"],
  input: { mean: [0, 0, 0], std: [25.5, 25.5, 25.5] },
  output: { kind: "classification" },
};

async function upload(bytes: Uint8Array, digest = sha256Of(bytes)) {
  return await app.inject({
    method: "PUT",
    url: `/api/v1/blobs/${digest}`,
    headers: { "content-type": "application/octet-stream" },
    payload: Buffer.from(bytes),
  });
}

async function push(spec: ModelSpec, bytes: Uint8Array, pictures: readonly Uint8Array[] = []) {
  for (const part of [bytes, ...pictures]) expect((await upload(part)).statusCode).toBe(201);
  const payload = { spec, model: sha256Of(bytes), goldens: pictures.map((p) => sha256Of(p)) };
  return await app.inject({ method: "POST", url: "/api/v1/models", payload });
}

const get = async (path: string) => await app.inject({ method: "GET", url: `/api/v1/${path}` });
const promoteTo = async (name: string, version: string, alias = "production") =>
  await app.inject({
    method: "PUT",
    url: `/api/v1/models/${name}/aliases/${alias}`,
    payload: { version },
  });

/** The sentences of a refused push, by the key they concern. */
const errorsOf = (response: { json(): { errors?: { path: string; message: string }[] } }) =>
  (response.json().errors ?? []).map(({ path, message }) => `${path}: ${message}`);

const plain = (colour: readonly [number, number, number]) =>
  encodeJpeg(
    {
      kind: "raw",
      data: Uint8Array.from({ length: 3 * 32 * 24 }, (_, i) => colour[i % 3]!),
      width: 32,
      height: 24,
    },
    { widthMax: 32, bytesMax: 10_000 },
  );

describe("blobs", () => {
  it("are stored under their digest, and storing them again changes nothing", async () => {
    const bytes = Buffer.from("some bytes");
    const digest = sha256Of(bytes);
    expect((await get(`blobs/${digest}`)).json()).toMatchObject({
      status: 404,
      code: "no-such-blob",
    });
    for (const _ of [1, 2]) {
      const response = await upload(bytes);
      expect(response.statusCode).toBe(201);
      expect(response.json()).toEqual({ digest, bytes: 10 });
    }
    expect((await get(`blobs/${digest}`)).json()).toEqual({ digest, bytes: 10 });
  });

  it("are refused under another digest, and nothing is kept", async () => {
    const digest = sha256Of("something else");
    const response = await upload(Buffer.from("some bytes"), digest);
    expect(response.json()).toMatchObject({ status: 422, code: "digest-mismatch" });
    expect(await platform.blobs.size(digest)).toBeUndefined();
  });

  it("are refused before the first byte when the announced size is too large", async () => {
    const { Readable } = await import("node:stream");
    let read = 0;
    const body = new Readable({
      read() {
        read++;
        this.push(null);
      },
    });
    const digest = sha256Of("");
    await expect(
      uploadBlob(platform, { digest, body, announcedBytes: 11, by: "Ada" }, 10),
    ).rejects.toMatchObject({
      status: 413,
      message: "the upload has 11 bytes and at most 10 are allowed",
    });
    expect(read).toBe(0);
  });

  it("are refused with a sentence when they are more than announced or break off", async () => {
    const { Readable } = await import("node:stream");
    const bytes = Buffer.from("twelve bytes");
    const digest = sha256Of(bytes);
    const long = { digest, body: Readable.from([bytes]), announcedBytes: undefined, by: "Ada" };
    await expect(uploadBlob(platform, long, 10)).rejects.toMatchObject({ status: 413 });
    const broken = Readable.from(
      (async function* () {
        yield bytes.subarray(0, 5);
        throw Object.assign(new Error("aborted"), { code: "ECONNRESET" });
      })(),
    );
    await expect(uploadBlob(platform, { ...long, body: broken }, 100)).rejects.toMatchObject({
      status: 400,
      code: "upload-broken",
      retryable: true,
    });
    expect(await platform.blobs.size(digest)).toBeUndefined();
  });

  it("need a body and the right to push", async () => {
    const digest = sha256Of("");
    const empty = await app.inject({ method: "PUT", url: `/api/v1/blobs/${digest}` });
    expect(empty.json()).toMatchObject({ status: 400, code: "no-body" });
    asking.caller = { ...admin, acts: new Set(["models:read"]) };
    expect((await upload(Buffer.from("x"))).statusCode).toBe(403);
    asking.caller = admin;
  });
});

describe("registering", () => {
  it("completes the manifest, asks the model about test pictures, and records it all", async () => {
    const bytes = colourModel();
    const response = await push(colours, bytes);
    expect(response.statusCode).toBe(201);
    const { document, ...version } = response.json();
    expect(version).toMatchObject({
      name: "colours",
      version: "1.0.0",
      task: "classification",
      licence: "MIT",
      bytes: bytes.length,
      aliases: [],
      running: 0,
      desired: 0,
      warnings: [],
      createdAt: clock.now,
      createdBy: "Ada",
    });
    const [variant] = document.variants;
    expect(variant).toMatchObject({ kind: "float32", digest: sha256Of(bytes) });
    expect(variant.input).toMatchObject({ name: "image", layout: "NCHW", width: 8, height: 6 });
    expect(variant.goldens).toHaveLength(3);
    for (const golden of variant.goldens) {
      expect(await platform.blobs.size(golden.image)).toBe(golden.bytes);
      expect(golden).toMatchObject({ detections: null, tolerance: 0.15 });
      expect(colours.labels).toContain(golden.label);
    }
    const stored = await readFile(platform.blobs.path(version.manifest), "utf8");
    expect(sha256Of(stored)).toBe(version.manifest);
    expect(JSON.parse(stored)).toEqual(document);
    expect(news).toContainEqual({ kind: "model", name: "colours" });

    const [audit] = await listAudit(db, 1, undefined);
    expect(audit).toMatchObject({
      actor: "Ada",
      act: "models:push",
      subject: "model:colours@1.0.0",
    });
    const edges = await db
      .selectFrom("lineage")
      .select(["relation", "object"])
      .where("subject", "=", "model:colours@1.0.0")
      .execute();
    expect(edges.map(({ relation }) => relation).sort()).toEqual([
      "has-golden",
      "has-golden",
      "has-golden",
      "has-manifest",
      "has-variant",
    ]);
  });

  it("answers the same push with the version that exists, without another trial", async () => {
    const before = trials.length;
    const again = await push(colours, colourModel());
    expect(again.statusCode).toBe(201);
    expect(again.json()).toEqual((await get("models/colours/versions/1.0.0")).json());
    expect(trials.length).toBe(before);
  });

  it("refuses other content under the same version", async () => {
    const other = await push({ ...colours, description: "another" }, colourModel());
    expect(other.json()).toMatchObject({
      status: 409,
      code: "version-exists",
      detail: "colours version 1.0.0 exists with other content; raise the version",
    });
  });

  it("keeps one of several equal pushes at the same moment, and one of several different ones", async () => {
    const bytes = colourModel();
    const spec = { ...colours, version: "1.0.1" };
    const equal = await Promise.all([1, 2, 3, 4].map(() => push(spec, bytes)));
    expect(equal.map(({ statusCode }) => statusCode)).toEqual([201, 201, 201, 201]);
    expect(new Set(equal.map((response) => response.body)).size).toBe(1);

    const different = await Promise.all(
      ["a", "b", "c"].map((description) =>
        push({ ...colours, version: "1.0.2", description }, bytes),
      ),
    );
    expect(different.map(({ statusCode }) => statusCode).sort()).toEqual([201, 409, 409]);
    const rows = await db
      .selectFrom("audit")
      .select("subject")
      .where("subject", "in", ["model:colours@1.0.1", "model:colours@1.0.2"])
      .execute();
    expect(rows).toHaveLength(2);
  });

  it("makes golden questions of uploaded images and warns where the model is unsure", async () => {
    const red = await plain([250, 10, 10]);
    const grey = await plain([128, 128, 128]);
    const spec = { ...colours, name: "given", temperature: 2 };
    const { document, warnings } = (await push(spec, colourModel(), [red, grey])).json();
    const [first, second] = document.variants[0].goldens;
    expect(first).toMatchObject({ image: sha256Of(red), bytes: red.length, label: "red" });
    expect(first.confidence).toBeGreaterThan(0.9);
    expect(second.image).toBe(sha256Of(grey));
    expect(warnings).toEqual([
      expect.stringMatching(/^golden image .* with a confidence of only 0\.3/),
    ]);
  });

  it("refuses a golden image that is none, and blobs that were never uploaded", async () => {
    const text = Buffer.from("not a picture");
    const refused = await push({ ...colours, version: "2.0.0" }, colourModel(), [text]);
    expect(refused.statusCode).toBe(422);
    expect(errorsOf(refused)).toEqual([
      `golden: golden image ${sha256Of(text).slice(0, 12)} is not an image in a known format (JPEG, PNG, WebP or TIFF)`,
    ]);
    const payload = { spec: colours, model: "1".repeat(64), goldens: ["2".repeat(64)] };
    const absent = await app.inject({
      method: "POST",
      url: "/api/v1/models",
      payload: { ...payload, spec: { ...colours, version: "2.0.0" } },
    });
    expect(errorsOf(absent)).toEqual([
      expect.stringContaining("model: the model file 111111111111 is not on the server"),
      expect.stringContaining("goldens: golden image 222222222222 is not on the server"),
    ]);
  });

  describe("several files", () => {
    const float = colourModel();
    const int8 = pixelModel(8, 6, true);
    const common = { width: 8, height: 6, fit: "stretch", name: "image" } as const;
    const variants = [
      {
        kind: "int8",
        model: sha256Of(int8),
        input: {
          ...common,
          layout: "NHWC",
          type: "uint8",
          colour: "rgb",
          mean: [0, 0, 0],
          std: [1, 1, 1],
        },
        temperature: 1.1,
        requires: ["vnni"],
      },
      {
        kind: "float32",
        model: sha256Of(float),
        input: {
          ...common,
          layout: "NCHW",
          type: "float32",
          colour: "rgb",
          mean: [0, 0, 0],
          std: [25.5, 25.5, 25.5],
        },
        temperature: 1,
        requires: [],
      },
    ];
    const several = async (
      version: string,
      pictures: readonly Uint8Array[] = [],
      change: object = {},
    ) => {
      for (const part of [float, int8, ...pictures])
        expect((await upload(part)).statusCode).toBe(201);
      const goldens = pictures.map((picture) => sha256Of(picture));
      const spec = { ...colours, name: "several", version };
      const payload = { spec, model: sha256Of(float), variants, goldens, ...change };
      return await app.inject({ method: "POST", url: "/api/v1/models", payload });
    };
    const changed = (i: number, change: object) => ({
      variants: variants.map((variant, at) => (at === i ? { ...variant, ...change } : variant)),
    });

    it("are tried one by one and listed as given, each with its own answers", async () => {
      const response = await several("1.0.0");
      expect(response.statusCode).toBe(201);
      const { document, ...version } = response.json();
      expect(version).toMatchObject({ bytes: int8.length + float.length, warnings: [] });
      expect(document.variants).toMatchObject(
        variants.map(({ model: digest, ...rest }) => ({ ...rest, digest })),
      );
      const [first, second] = document.variants;
      expect(first.goldens).toHaveLength(3);
      for (const [i, golden] of first.goldens.entries()) {
        const float = second.goldens[i];
        expect(golden).toMatchObject({ image: float.image, label: float.label, tolerance: 0.2 });
        expect(float.tolerance).toBe(0.15);
        expect(golden.confidence).not.toBe(float.confidence);
        expect(golden.confidence).toBeCloseTo(float.confidence, 1);
      }
      const before = trials.length;
      expect((await several("1.0.0")).json()).toEqual(
        (await get("models/several/versions/1.0.0")).json(),
      );
      expect(trials.length).toBe(before);
    });

    it("are other content in another order or with other needs", async () => {
      expect((await several("1.0.0", [], { variants: variants.toReversed() })).statusCode).toBe(
        409,
      );
      expect((await several("1.0.0", [], changed(0, { requires: [] }))).statusCode).toBe(409);
    });

    it("are refused where one plainly answers a golden image otherwise", async () => {
      const red = await plain([250, 10, 10]);
      const blueFirst = changed(0, { input: { ...variants[0]!.input, colour: "bgr" } });
      const refused = await several("2.0.0", [red], blueFirst);
      expect(refused.statusCode).toBe(422);
      expect(errorsOf(refused)).toEqual([
        expect.stringMatching(
          /^variants\.0\.model: int8: golden image .{12} gives "blue" with a confidence of 1\.00, and "red" with a confidence of 1\.00 by the model it is compared with$/,
        ),
      ]);
      // On pictures of its own making the server only warns.
      const { warnings } = (await several("2.0.0", [], blueFirst)).json();
      expect(warnings[0]).toMatch(/^int8: golden image .{12} gives /);
    });

    it("are refused with a sentence where a file is not what the push says", async () => {
      expect(errorsOf(await several("3.0.0", [], changed(1, { kind: "int8" })))).toEqual([
        "variants.1.kind: int8: the file is float32 and the push calls it int8: set kind to float32",
      ]);
      expect(errorsOf(await several("3.0.0", [], { variants: variants.slice(0, 1) }))).toEqual([
        expect.stringMatching(/^model: the model file .{12}, with which .* is none of them/),
      ]);
      expect(errorsOf(await several("3.0.0", [], changed(0, { model: "3".repeat(64) })))).toEqual([
        expect.stringMatching(/^variants\.0\.model: the int8 file 333333333333 is not on the/),
      ]);
      const wide = { input: { ...variants[0]!.input, width: 10 } };
      expect(errorsOf(await several("3.0.0", [], changed(0, wide)))).toEqual([
        expect.stringMatching(/^variants\.0\.input\.layout: int8: input "image" is /),
      ]);
    });
  });

  it("says exactly what does not fit, and keeps nothing", async () => {
    const whole = colourModel();
    const version = "3.0.0";
    const cases: readonly [Partial<ModelSpec>, Uint8Array, string][] = [
      [
        { input: { ...colours.input, width: 10 } },
        whole,
        'input.layout: input "image" is [1, 3, 6, 8] in the model and [1, 3, 6, 10] in the manifest (NCHW, 10 wide, 6 high): set input.layout to NCHW, input.width to 8 and input.height to 6',
      ],
      [
        { input: { ...colours.input, name: "pixels" } },
        whole,
        'input.name: the model has no input named "pixels"; its input is "image" float32 [1, 3, 6, 8]: set input.name to "image"',
      ],
      [
        { output: { kind: "classification", scores: "score" } },
        whole,
        'output.scores: the model has no output named "score"; it has "logits" float32 [1, 3]: set output.scores to one of these',
      ],
      [
        { labels: ["red", "green"] },
        whole,
        'labels: output "logits" float32 [1, 3] gives 3 classes and the manifest names 2 labels: write one label per class',
      ],
      [
        {},
        whole.subarray(0, whole.length - 20),
        "model: the model is no ONNX model, or it is damaged or cut short",
      ],
      [
        {},
        Buffer.from("name: colours\nversion: 1.0.0\n"),
        "model: the model is no ONNX model, or it is damaged or cut short",
      ],
    ];
    for (const [change, bytes, sentence] of cases) {
      const refused = await push({ ...colours, version, ...change }, bytes);
      expect(refused.statusCode).toBe(422);
      expect(refused.json().code).toBe("model-rejected");
      expect(errorsOf(refused)).toEqual([sentence]);
    }
    expect((await get(`models/colours/versions/${version}`)).statusCode).toBe(404);
  });

  it("says what ONNX Runtime cannot run", async () => {
    const model = writeOnnx({
      inputs: [{ name: "image", shape: [1, 3, 6, 8] }],
      outputs: [{ name: "logits", shape: [1, 3] }],
      nodes: [{ opType: "NoSuchOperator", input: ["image"], output: ["logits"] }],
    });
    const refused = await push({ ...colours, version: "3.0.0" }, model);
    expect(errorsOf(refused)).toEqual([expect.stringMatching(/^model: .*NoSuchOperator/)]);
  });

  it("reads an Ultralytics export's own notes, and warns of its licence", async () => {
    const model = writeOnnx({
      inputs: [{ name: "images", shape: [1, 3, 8, 8] }],
      outputs: [{ name: "output0", shape: [1, 6, 12] }],
      nodes: [
        { opType: "GlobalAveragePool", input: ["images"], output: ["mean"] },
        { opType: "Flatten", input: ["mean"], output: ["flat"] },
        { opType: "MatMul", input: ["flat", "columns"], output: ["row"] },
        { opType: "Add", input: ["row", "table"], output: ["output0"] },
      ],
      weights: {
        columns: { dims: [3, 12], data: Array.from({ length: 36 }, () => 0) },
        table: { dims: [1, 6, 12], data: Array.from({ length: 72 }, () => 0) },
      },
      metadata: {
        author: "Ultralytics",
        task: "detect",
        names: "{0: 'egg', 1: 'stone'}",
        imgsz: "[8, 8]",
        stride: "32",
        license: "AGPL-3.0 License (https://ultralytics.com/license)",
      },
    });
    const { document, warnings } = (await push({ name: "yolo", version: "1.0.0" }, model)).json();
    expect(document).toMatchObject({
      task: "detection",
      labels: ["egg", "stone"],
      output: { kind: "yolo", output: "output0", head: "v8" },
    });
    expect(document.variants[0].input).toMatchObject({ fit: "letterbox", std: [255, 255, 255] });
    expect(document.variants[0].goldens[0]).toMatchObject({ label: null, detections: 0 });
    expect(warnings).toEqual([expect.stringContaining("AGPL-3.0")]);
  });
});

describe.skipIf(!photographs)("the face detector", () => {
  it("is registered with the faces it finds in a photograph as its golden question", async () => {
    const bytes = await readFile(join(testData, "face-detector.onnx"));
    const photo = await readFile(join(testData, "photos", "four-people.jpg"));
    const spec = parse(await readFile("test/fixtures/face-detector.yaml", "utf8"));
    const response = await push(spec, bytes, [photo]);
    expect(response.statusCode).toBe(201);
    const { document } = response.json();
    expect(document.variants[0].input).toMatchObject({ name: "input", width: 320, height: 240 });
    expect(document.variants[0].goldens).toEqual([
      {
        image: sha256Of(photo),
        bytes: photo.length,
        label: null,
        detections: 4,
        confidence: expect.closeTo(0.99, 1),
        tolerance: 0.15,
      },
    ]);
    const half = bytes.subarray(0, bytes.length >> 1);
    const cut = await push({ ...spec, version: "1.0.1" }, half);
    expect(errorsOf(cut)).toEqual([expect.stringContaining("damaged or cut short")]);
  });
});

describe("promoting", () => {
  it("moves the devices that follow the alias, tells them, and records old and new", async () => {
    await addCamera(db, "cam-1");
    await addCamera(db, "cam-2", { group: "line-2" });
    sent.length = 0;
    const first = await promoteTo("colours", "1.0.0");
    expect(first.json()).toEqual({
      alias: "production",
      version: "1.0.0",
      changedAt: clock.now,
      changedBy: "Ada",
      devices: 2,
    });
    expect(sent.map(({ device, channel }) => `${device} ${channel}`).sort()).toEqual([
      "cam-1 desired",
      "cam-2 desired",
    ]);
    expect(moved.sort()).toEqual(["cam-1", "cam-2"]);
    const canary = await promoteTo("colours", "1.0.1", "line-2");
    expect(canary.json().devices).toBe(1);
    expect(sent.at(-1)).toMatchObject({ device: "cam-2", message: { v: 1, version: 3 } });
    expect((await promoteTo("colours", "1.0.2")).json().devices).toBe(1);
    const [audit] = await listAudit(db, 1, undefined);
    expect(audit).toMatchObject({
      act: "models:promote",
      subject: "model:colours",
      detail: { alias: "production", from: "1.0.0", to: "1.0.2", devices: 1 },
    });
  });

  it("shows aliases and how many cameras run and should run each version", async () => {
    const { items } = (await get("models/colours/versions")).json();
    expect(
      items.map((v: { version: string; aliases: string[]; desired: number }) => [
        v.version,
        v.aliases,
        v.desired,
      ]),
    ).toEqual([
      ["1.0.2", ["production"], 1],
      ["1.0.1", ["line-2"], 1],
      ["1.0.0", [], 0],
    ]);
    const list = (await get("models")).json().items;
    expect(list.find((m: { name: string }) => m.name === "colours")).toMatchObject({
      task: "classification",
      versions: 3,
      newest: "1.0.2",
      aliases: [
        { alias: "line-2", version: "1.0.1" },
        { alias: "production", version: "1.0.2" },
      ],
    });
  });

  it("changes nothing when the alias points there already", async () => {
    sent.length = 0;
    const rows = (await listAudit(db, 1000, undefined)).length;
    clock.now += 60_000;
    const again = (await promoteTo("colours", "1.0.2")).json();
    expect(again).toMatchObject({ version: "1.0.2", changedAt: clock.now - 60_000, devices: 0 });
    expect(sent).toEqual([]);
    expect((await listAudit(db, 1000, undefined)).length).toBe(rows);
  });

  it("names the versions and models that exist when it is asked for others", async () => {
    expect((await promoteTo("colours", "9.9.9")).json()).toMatchObject({
      status: 404,
      detail: "colours has no version 9.9.9; it has 1.0.2, 1.0.1, 1.0.0",
    });
    expect((await promoteTo("colors", "1.0.0")).json()).toMatchObject({
      status: 404,
      detail: expect.stringMatching(/^there is no model colors; known: colours, /),
    });
    expect((await get("models/colors/versions")).statusCode).toBe(404);
  });

  it("keeps somebody with one group to that group's alias", async () => {
    const scope = { ...everywhere, groups: ["line-2"] };
    asking.caller = { ...admin, name: "Grace", scope };
    expect((await promoteTo("colours", "1.0.0")).json()).toMatchObject({ status: 403 });
    expect((await promoteTo("colours", "1.0.0", "line-9")).statusCode).toBe(403);
    expect((await promoteTo("colours", "1.0.0", "line-2")).statusCode).toBe(200);
    asking.caller = admin;
  });
});
