import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { modelManifest, modelSpec } from "@fieldloop/shared/manifest/model";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { colourModel, type TinyModel, writeOnnx } from "../../test/tiny-onnx.ts";
import { completeSpec } from "./complete-spec.ts";
import { readOnnxInfo } from "./metadata.ts";
import { readNames } from "./ultralytics.ts";

const info = (model: TinyModel) => readOnnxInfo(writeOnnx(model));
const colours = {
  name: "colours",
  version: "1.0.0",
  licence: "MIT",
  task: "classification",
  labels: ["red", "green", "blue"],
  input: { mean: [0, 0, 0], std: [255, 255, 255] },
} as const;
const spec = (value: object) => modelSpec.parse(value);

const ultralytics = {
  author: "Ultralytics",
  license: "AGPL-3.0 License (https://ultralytics.com/license)",
  stride: "32",
  task: "detect",
  imgsz: "[480, 640]",
  names: `{0: 'person', 1: 'bicycle', 2: "men's hat"}`,
};
const yolo = (change: Partial<TinyModel> = {}) =>
  info({
    inputs: [{ name: "images", shape: [1, 3, 480, 640] }],
    outputs: [{ name: "output0", shape: [1, 7, 6300] }],
    metadata: ultralytics,
    ...change,
  });

describe("completeSpec", () => {
  it("takes names, shapes and layout from the file", async () => {
    const done = completeSpec(spec(colours), await readOnnxInfo(colourModel(8, 6)));
    expect(done).toMatchObject({
      kind: "ok",
      warnings: [],
      manifest: {
        schema: "fieldloop.model/1",
        task: "classification",
        output: { kind: "classification", scores: "logits", activation: "softmax" },
      },
      variant: {
        kind: "float32",
        input: { name: "image", layout: "NCHW", type: "float32", width: 8, height: 6 },
      },
    });
  });

  it("gives a manifest that the schema accepts", async () => {
    const done = completeSpec(spec(colours), await readOnnxInfo(colourModel()));
    if (done.kind === "problems") throw new Error(done.problems.join("; "));
    const variants = [{ ...done.variant, digest: "0".repeat(64), bytes: 1 }];
    expect(modelManifest.safeParse({ ...done.manifest, variants }).success).toBe(true);
  });

  it("reads an Ultralytics export from three lines, and warns of its licence", async () => {
    const done = completeSpec(spec({ name: "yard", version: "1.0.0" }), await yolo());
    expect(done).toMatchObject({
      kind: "ok",
      manifest: {
        task: "detection",
        labels: ["person", "bicycle", "men's hat"],
        output: { kind: "yolo", output: "output0", head: "v8" },
      },
      variant: {
        input: { width: 640, height: 480, fit: "letterbox", mean: [0, 0, 0], std: [255, 255, 255] },
      },
      warnings: [expect.stringContaining("must offer their source code too")],
    });
  });

  it("takes the size from the notes where the graph leaves it open", async () => {
    const inputs = [{ name: "images", shape: ["batch", 3, "height", "width"] }];
    const outputs = [{ name: "output0", shape: ["batch", 7, "anchors"] }];
    const open = await yolo({ inputs, outputs });
    const said = { name: "yard", version: "1.0.0", output: { kind: "yolo", head: "v8" } };
    expect(completeSpec(spec(said), open)).toMatchObject({
      kind: "ok",
      variant: { input: { width: 640, height: 480 } },
    });
  });

  it("tells a v5 head by its shape", async () => {
    const outputs = [{ name: "output0", shape: [1, 6300, 8] }];
    const done = completeSpec(spec({ name: "yard", version: "1.0.0" }), await yolo({ outputs }));
    expect(done).toMatchObject({ kind: "ok", manifest: { output: { head: "v5" } } });
  });

  it("knows channels last, bytes and a softmax at the end", async () => {
    const done = completeSpec(
      spec({ ...colours, input: undefined }),
      await info({
        inputs: [{ name: "x", type: "uint8", shape: [1, 6, 8, 3] }],
        outputs: [{ name: "p", shape: [1, 3] }],
        nodes: [{ opType: "Softmax", input: ["x"], output: ["p"] }],
      }),
    );
    expect(done).toMatchObject({
      kind: "ok",
      manifest: { output: { activation: "none" } },
      variant: { input: { layout: "NHWC", type: "uint8", width: 8, height: 6, std: [1, 1, 1] } },
    });
  });

  it("says how many labels there must be", async () => {
    const done = completeSpec(
      spec({ ...colours, labels: ["red", "green"] }),
      await readOnnxInfo(colourModel()),
    );
    expect(done).toEqual({
      kind: "problems",
      problems: [
        'output "logits" float32 [1, 3] gives 3 classes and the manifest names 2 labels: write one label per class',
      ],
    });
    const few = completeSpec(
      spec({ name: "y", version: "1.0.0", labels: ["person"] }),
      await yolo(),
    );
    expect(few).toMatchObject({
      kind: "problems",
      problems: [expect.stringContaining("with 1 labels that dimension is 5")],
    });
  });

  it("lists everything that is missing at once, and what to write", async () => {
    const done = completeSpec(
      spec({ name: "colours", version: "1.0.0" }),
      await readOnnxInfo(colourModel()),
    );
    expect(done).toEqual({
      kind: "problems",
      problems: [
        expect.stringContaining("input.mean and input.std cannot be read from the file"),
        expect.stringContaining("write output.kind"),
        expect.stringContaining("write labels, one per class"),
      ],
    });
  });

  it("says what a wrong size or tensor name should be", async () => {
    const done = completeSpec(
      spec({ ...colours, input: { ...colours.input, width: 224, height: 224 } }),
      await readOnnxInfo(colourModel()),
    );
    expect(done).toMatchObject({
      kind: "problems",
      problems: [expect.stringContaining("set input.layout to NCHW, input.width to 8")],
    });
    const renamed = completeSpec(
      spec({ ...colours, output: { kind: "classification", scores: "probs" } }),
      await readOnnxInfo(colourModel()),
    );
    expect(renamed).toMatchObject({
      kind: "problems",
      problems: [expect.stringMatching(/no output named "probs"; it has "logits"/)],
    });
  });

  it("asks which output is meant where several could be", async () => {
    const done = completeSpec(
      spec(colours),
      await info({
        inputs: [{ name: "image", shape: [1, 3, 6, 8] }],
        outputs: [
          { name: "logits", shape: [1, 3] },
          { name: "embedding", shape: [1, 64] },
        ],
      }),
    );
    expect(done).toMatchObject({
      kind: "problems",
      problems: [expect.stringContaining("output.scores is not said")],
    });
  });

  it("refuses what is no colour image, and a task that cannot run", async () => {
    const grey = await info({
      inputs: [{ name: "image", shape: [1, 1, 28, 28] }],
      outputs: [{ name: "logits", shape: [1, 3] }],
    });
    expect(completeSpec(spec(colours), grey)).toMatchObject({
      kind: "problems",
      problems: [expect.stringContaining("is no colour image")],
    });
    const pose = await yolo({ metadata: { ...ultralytics, task: "pose" } });
    expect(completeSpec(spec({ name: "p", version: "1.0.0" }), pose)).toMatchObject({
      problems: [expect.stringContaining('the file says its task is "pose"')],
    });
  });

  it("leaves the background out of a detector's labels", async () => {
    const ssd = await info({
      inputs: [{ name: "image", shape: [1, 3, 6, 8] }],
      outputs: [
        { name: "scores", shape: [1, 100, 3] },
        { name: "boxes", shape: [1, 100, 4] },
      ],
    });
    const base = { ...colours, task: "detection", output: { kind: "ssd" } };
    for (const labels of [
      ["background", "cat", "dog"],
      ["cat", "dog"],
    ]) {
      expect(completeSpec(spec({ ...base, labels }), ssd)).toMatchObject({
        kind: "ok",
        manifest: { labels: ["cat", "dog"], output: { scores: "scores", boxes: "boxes" } },
      });
    }
  });

  const detector = join(
    resolve(process.env.FIELDLOOP_TEST_DATA ?? "../shared/data"),
    "face-detector.onnx",
  );
  it.skipIf(!existsSync(detector))("completes the face detector's spec", async () => {
    const text = await readFile("test/fixtures/face-detector.yaml", "utf8");
    const done = completeSpec(
      modelSpec.parse(parse(text)),
      await readOnnxInfo(await readFile(detector)),
    );
    expect(done).toMatchObject({
      kind: "ok",
      warnings: [],
      variant: { input: { name: "input", width: 320, height: 240, layout: "NCHW" } },
    });
  });
});

describe("readNames", () => {
  it("reads Python's lists and dictionaries with both quotes", () => {
    expect(readNames(`{0: 'a', 1: "b's"}`)).toEqual(["a", "b's"]);
    expect(readNames("['x', 'y']")).toEqual(["x", "y"]);
    expect(readNames(String.raw`{0: 'it\'s'}`)).toEqual(["it's"]);
  });

  it("gives nothing where numbers are left out", () => {
    expect(readNames("{0: 'a', 2: 'b'}")).toBeUndefined();
    expect(readNames("")).toBeUndefined();
  });
});
