import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { colourModel, writeOnnx } from "../../../shared/node/test/tiny-onnx.ts";
import { inferCommand } from "./command.ts";

const testData = resolve(process.env.FIELDLOOP_TEST_DATA ?? "../shared/data");
const detector = join(testData, "face-detector.onnx");
const photographs = existsSync(detector);
if (!photographs) console.info(`skipping real photographs: ${testData} is not there`);

async function run(...argv: string[]) {
  let out = "";
  let err = "";
  const code = await inferCommand(argv, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

const spec = {
  name: "colours",
  version: "1.0.0",
  licence: "MIT",
  task: "classification",
  labels: ["red", "green", "blue"],
  input: { mean: [0, 0, 0], std: [25.5, 25.5, 25.5] },
};

let folder: string;
const at = (name: string) => join(folder, name);
const write = (name: string, content: Uint8Array | string) => writeFile(at(name), content);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fieldloop-infer-"));
  const picture = (background: string, width = 40, height = 30) =>
    sharp({ create: { width, height, channels: 3, background } })
      .jpeg()
      .toBuffer();
  const red = await picture("#ff0000");
  const huge = Buffer.from(red);
  const header = huge.findIndex((byte, i) => byte === 0xff && huge[i + 1] === 0xc0);
  huge.writeUInt32BE(0x27102710, header + 5); // 10,000 x 10,000
  await write("model.onnx", colourModel());
  await write("model.yaml", stringify(spec));
  await write("red.jpg", red);
  await write("green.jpg", await picture("#00ff00"));
  await write("pixel.jpg", await picture("#0000ff", 1, 1));
  await write("cut.jpg", red.subarray(0, red.length - 30));
  await write("huge.jpg", huge);
  await write("notes.txt", "no image at all");
});
afterAll(() => rm(folder, { recursive: true }));

const model = () => ["--model", at("model.onnx"), "--manifest", at("model.yaml")];

describe("infer", () => {
  it("prints what the model says about each image and where the time goes", async () => {
    const { code, out, err } = await run(...model(), at("red.jpg"), at("pixel.jpg"));
    expect([code, err]).toEqual([0, ""]);
    const [head, ...lines] = out.trim().split("\n");
    expect(head).toMatch(/^colours@1\.0\.0 on cpu \(seen in the warm-up run\), ready in \d+ ms$/);
    expect(lines[0]).toMatch(
      /red\.jpg: red 100\.0 % {2}\[ms: decode [\d.]+, tensor [\d.]+, run [\d.]+, post [\d.]+\]$/,
    );
    expect(lines[1]).toContain("pixel.jpg: blue");
  });

  it("goes on after an image that cannot be read, and exits with 1", async () => {
    const bad = ["cut.jpg", "huge.jpg", "notes.txt", "missing.jpg"].map(at);
    const { code, out } = await run(...model(), "--json", at("red.jpg"), ...bad, at("green.jpg"));
    expect(code).toBe(1);
    const { images, provider } = JSON.parse(out);
    expect(provider).toMatchObject({ requested: ["cpu"], effective: "cpu" });
    expect(images.map(({ ok }: { ok: boolean }) => ok)).toEqual([
      true,
      false,
      false,
      false,
      false,
      true,
    ]);
    expect(images.slice(1, 5).map(({ error }: { error: object }) => error)).toEqual([
      {
        code: "image-unreadable",
        message: "cut.jpg is cut short: the image ends before its last pixel",
      },
      {
        code: "image-too-large",
        message:
          "huge.jpg has 10000 x 10000 pixels, more than the 24000000 allowed (framePixelsMax); send a smaller picture",
      },
      {
        code: "image-unreadable",
        message: "notes.txt is not an image in a known format (JPEG, PNG, WebP or TIFF)",
      },
      {
        code: "file-unreadable",
        message: `the image ${at("missing.jpg")} cannot be read: there is no such file`,
      },
    ]);
    expect(images[5]).toMatchObject({ label: "green", detections: null });
  });

  it("tries the processors in order and says which one refused", async () => {
    const { code, out } = await run(...model(), "--providers", "cuda,cpu", at("red.jpg"));
    expect(code).toBe(0);
    expect(out).toMatch(/on cpu .*\n {2}cuda refused: /);
  });

  it("lists everything that does not fit between model and manifest", async () => {
    await write("bad.yaml", stringify({ ...spec, labels: ["red"], input: { width: 9 } }));
    const { code, err } = await run(
      ...["--model", at("model.onnx"), "--manifest", at("bad.yaml")],
      at("red.jpg"),
    );
    expect(code).toBe(1);
    expect(err).toContain("model.onnx and bad.yaml do not fit:\n  - input.mean and input.std");
  });

  it("names what is wrong with a manifest, a model or a call", async () => {
    await write("typo.yaml", stringify({ ...spec, lables: ["x"] }));
    await write("broken.yaml", "a: [1");
    const image = at("red.jpg");
    const m = at("model.onnx");
    const calls: [string[], number, RegExp][] = [
      [["--model", m, "--manifest", at("typo.yaml"), image], 1, /typo\.yaml is not .*\n.*"lables"/],
      [["--model", m, "--manifest", at("broken.yaml"), image], 1, /broken\.yaml is not YAML/],
      [["--model", at("no.onnx"), image], 1, /the model .*no\.onnx cannot be read: there is no/],
      [["--model", at("notes.txt"), image], 1, /notes\.txt is no ONNX model, or it is damaged/],
      [[image], 2, /--model is missing/],
      [["--model", m], 2, /no image is named/],
      [["--model", m, "--threads", "0", image], 2, /--threads is "0"; allowed are/],
      [["--model", m, "--providers", "tpu", image], 2, /--providers is "tpu"; allowed are/],
      [["--model", m, "--speed", image], 2, /Unknown option '--speed'/],
    ];
    for (const [argv, code, message] of calls) {
      const result = await run(...argv);
      expect([result.code, result.err]).toEqual([code, expect.stringMatching(message)]);
    }
    expect(await run("--help")).toMatchObject({ code: 0, out: expect.stringContaining("Usage") });
  });

  it("takes a canonical manifest and refuses a file it does not list", async () => {
    const input = {
      ...{ name: "image", layout: "NCHW", type: "float32", width: 8, height: 6 },
      ...{ fit: "stretch", colour: "rgb", mean: [0, 0, 0], std: [25.5, 25.5, 25.5] },
    };
    const manifest = (digest: string) => ({
      schema: "fieldloop.model/1",
      ...{ name: "colours", version: "1.0.0", task: "classification", licence: null },
      ...{ description: "", labels: spec.labels, confidenceMin: 0.6 },
      output: { kind: "classification", scores: "logits", activation: "softmax" },
      variants: [
        { kind: "float32", digest, bytes: 1, input, requires: [], goldens: [], temperature: 1 },
      ],
    });
    const digest = createHash("sha256").update(colourModel()).digest("hex");
    await write("right.json", JSON.stringify(manifest(digest)));
    await write("other.json", JSON.stringify(manifest("0".repeat(64))));
    const call = (name: string) =>
      run("--model", at("model.onnx"), "--manifest", at(name), at("red.jpg"));
    expect(await call("right.json")).toMatchObject({ code: 0, err: "" });
    expect((await call("other.json")).err).toMatch(/model\.onnx .* is none of the variants/);
  });

  it("needs no manifest for a file that says enough, and warns of its licence", async () => {
    // The picture itself, as a table of [x, y, w, h, a, b] by twelve boxes: blue is the scores.
    const yolo = writeOnnx({
      inputs: [{ name: "images", shape: [1, 3, 4, 6] }],
      outputs: [{ name: "output0", shape: [1, 6, 12] }],
      nodes: [{ opType: "Reshape", input: ["images", "shape"], output: ["output0"] }],
      int64: { shape: [1, 6, 12] },
      metadata: {
        ...{ author: "Ultralytics", license: "AGPL-3.0", stride: "32", task: "detect" },
        ...{ imgsz: "[4, 6]", names: "{0: 'a', 1: 'b'}" },
      },
    });
    await write("YOLO 11n.onnx", yolo);
    const { code, out, err } = await run("--model", at("YOLO 11n.onnx"), at("pixel.jpg"));
    expect(code).toBe(0);
    expect(err).toMatch(/^warning: the model's licence is "AGPL-3\.0": .*source code too/);
    expect(out).toMatch(/^yolo-11n@0\.0\.0 on cpu[\s\S]*pixel\.jpg: \d+ detections? /);
  });
});

describe.skipIf(!photographs)("infer on real photographs", () => {
  const photo = (name: string) => join(testData, "photos", name);

  it("finds the faces", async () => {
    const photos = ["one", "four", "five", "six"].map((n) =>
      photo(`${n === "one" ? "one-person" : `${n}-people`}.jpg`),
    );
    const none = ["daisy", "tulip", "wolves", "horse-cart"].map((name) => photo(`${name}.jpg`));
    const manifest = resolve("test/fixtures/face-detector.yaml");
    const { code, out, err } = await run(
      ...["--model", detector, "--manifest", manifest, "--json"],
      ...photos,
      ...none,
    );
    expect([code, err]).toEqual([0, ""]);
    const counts = JSON.parse(out).images.map(
      ({ detections }: { detections: unknown[] }) => detections.length,
    );
    expect(counts).toEqual([1, 4, 5, 6, 0, 0, 0, 0]);
  });

  it("says that half a model is no model", async () => {
    const whole = await readFile(detector);
    await write("half.onnx", whole.subarray(0, whole.length >> 1));
    const { code, err } = await run("--model", at("half.onnx"), photo("daisy.jpg"));
    expect(code).toBe(1);
    expect(err).toBe(
      "fieldloop-agent infer: half.onnx is no ONNX model, or it is damaged or cut short\n",
    );
  });
});
