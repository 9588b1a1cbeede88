import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { ModelInput } from "@fieldloop/shared/manifest/model";
import { describe, expect, it } from "vitest";
import { colourModel, pixelModel } from "../test/tiny-onnx.ts";
import { type ModelOptions, openModel } from "./model.ts";

const testData = resolve(process.env.FIELDLOOP_TEST_DATA ?? "../shared/data");
const photographs = existsSync(join(testData, "face-detector.onnx"));
if (!photographs) console.info(`skipping real photographs: ${testData} is not there`);

const colourInput: ModelInput = {
  name: "image",
  layout: "NCHW",
  type: "float32",
  width: 8,
  height: 6,
  fit: "stretch",
  colour: "rgb",
  mean: [0, 0, 0],
  std: [25.5, 25.5, 25.5],
};

const colours = (change: Partial<ModelOptions["variant"]> = {}): ModelOptions => ({
  manifest: {
    name: "colours",
    version: "1.0.0",
    labels: ["red", "green", "blue"],
    output: { kind: "classification", scores: "logits", activation: "softmax" },
  },
  variant: { input: colourInput, temperature: 1, goldens: [], ...change },
  model: { kind: "bytes", bytes: colourModel(), name: "colours.onnx" },
});

const faces: ModelOptions = {
  manifest: {
    name: "face-detector",
    version: "1.0.0",
    labels: ["face"],
    output: {
      kind: "ssd",
      scores: "scores",
      boxes: "boxes",
      activation: "none",
      boxFormat: "xyxy-fraction",
      background: 0,
      scoreMin: 0.7,
      iouMax: 0.5,
      detectionsMax: 100,
    },
  },
  variant: {
    input: {
      ...colourInput,
      name: "input",
      width: 320,
      height: 240,
      mean: [127, 127, 127],
      std: [128, 128, 128],
    },
    temperature: 1,
    goldens: [],
  },
  model: { kind: "file", path: join(testData, "face-detector.onnx") },
};

const raw = (pixel: readonly [number, number, number], width = 8, height = 6) =>
  ({
    kind: "raw",
    data: Uint8Array.from({ length: 3 * width * height }, (_, i) => pixel[i % 3]!),
    width,
    height,
  }) as const;

const withOutput = (output: object, labels = ["face"]): ModelOptions => ({
  ...faces,
  manifest: {
    ...faces.manifest,
    labels,
    output: { ...faces.manifest.output, ...output } as ModelOptions["manifest"]["output"],
  },
});

describe("openModel", () => {
  it("decides on raw frames and reports which processor did the work", async () => {
    const model = await openModel(colours());
    const { decision, stagesMs } = await model.infer(raw([10, 250, 30], 64, 48));
    expect(decision.label).toBe("green");
    expect(decision.confidence).toBeGreaterThan(0.99);
    expect(decision.detections).toBeNull();
    expect(Object.keys(stagesMs)).toEqual(["decode", "tensor", "run", "post"]);
    expect(model.id).toBe("colours@1.0.0");
    expect(model.provider).toMatchObject({ effective: "cpu", source: "profile", refused: [] });
    expect(model.provider.nodes.CPUExecutionProvider).toBeGreaterThan(0);
    await model.close();
  });

  it("keeps frames apart that are asked for at once", async () => {
    const model = await openModel(colours());
    const frames = [raw([250, 0, 0]), raw([0, 250, 0]), raw([0, 0, 250])];
    const asked = Array.from({ length: 30 }, (_, i) => model.infer(frames[i % 3]!));
    const labels = (await Promise.all(asked)).map(({ decision }) => decision.label);
    expect(labels).toEqual(Array.from({ length: 30 }, (_, i) => ["red", "green", "blue"][i % 3]));
    await model.close();
  });

  it("tries a provider that is not there, says so, and goes on with the processor", async () => {
    const model = await openModel({ ...colours(), providers: ["cuda", "cpu"] });
    expect(model.provider.requested).toEqual(["cuda", "cpu"]);
    expect(model.provider.effective).toBe("cpu");
    expect(model.provider.refused.map(({ provider }) => provider)).toEqual(["cuda"]);
    await model.close();
  });

  it("fixes dimensions that the graph leaves open", async () => {
    const bytes = colourModel(8, 6, "batch");
    const model = await openModel({
      ...colours(),
      model: { kind: "bytes", bytes, name: "open.onnx" },
    });
    expect((await model.infer(raw([0, 0, 200]))).decision.label).toBe("blue");
    await model.close();
  });

  it("swaps channels for a model that wants blue first", async () => {
    const model = await openModel(colours({ input: { ...colourInput, colour: "bgr" } }));
    expect((await model.infer(raw([250, 0, 0]))).decision.label).toBe("blue");
    await model.close();
  });

  it("gives a graph that takes pixels the picture's bytes, and agrees with the float path", async () => {
    const float = await openModel(colours());
    const straight = await openModel({
      ...colours({ input: { ...colourInput, layout: "NHWC", type: "uint8", std: [1, 1, 1] } }),
      model: { kind: "bytes", bytes: pixelModel(), name: "pixels.onnx" },
    });
    for (const size of [
      [8, 6],
      [33, 20],
    ] as const) {
      const data = Uint8Array.from({ length: 3 * size[0] * size[1] }, (_, i) => (i * 89) % 251);
      const image = { kind: "raw", data, width: size[0], height: size[1] } as const;
      const pixels = await float.prepare(image);
      const [expected, found] = [await float.outputs(pixels), await straight.outputs(pixels)];
      const [a, b] = [[...expected.logits!.data], [...found.logits!.data]];
      for (const [i, value] of a.entries()) expect(b[i]).toBeCloseTo(value, 4);
      expect((await straight.run(pixels)).decision.label).toBe(
        (await float.run(pixels)).decision.label,
      );
    }
    await Promise.all([float.close(), straight.close()]);
  });

  it("applies the calibration temperature", async () => {
    const sharp = await openModel(colours());
    const calm = await openModel(colours({ temperature: 10 }));
    const frame = raw([120, 100, 90]);
    const [a, b] = [await sharp.infer(frame), await calm.infer(frame)];
    expect(b.decision.label).toBe(a.decision.label);
    expect(b.decision.confidence).toBeLessThan(a.decision.confidence);
    await Promise.all([sharp.close(), calm.close()]);
  });

  it("says in one sentence what is no model", async () => {
    const text = { kind: "bytes", bytes: Buffer.from("not a model"), name: "a.onnx" } as const;
    await expect(openModel({ ...colours(), model: text })).rejects.toMatchObject({
      code: "model-unreadable",
      message: "a.onnx cannot be opened: it is no ONNX model, or it is damaged or cut short",
    });
    const missing = { kind: "file", path: "/nowhere/b.onnx" } as const;
    await expect(openModel({ ...colours(), model: missing })).rejects.toThrow(
      /^b\.onnx cannot be opened: .*doesn't exist/,
    );
  });

  it("names an input or label list that does not fit the graph", async () => {
    const wide = colours({ input: { ...colourInput, width: 10 } });
    await expect(openModel(wide)).rejects.toMatchObject({
      code: "model-mismatch",
      message:
        'colours 1.0.0 does not fit its manifest: input "image" is [1, 3, 6, 8] in the model and [1, 3, 6, 10] in the manifest (NCHW, 10 wide, 6 high): set input.layout to NCHW, input.width to 8 and input.height to 6',
    });
    const renamed = colours({ input: { ...colourInput, name: "pixels" } });
    await expect(openModel(renamed)).rejects.toThrow(
      'the model has no input named "pixels"; its input is "image" float32 [1, 3, 6, 8]: set input.name to "image"',
    );
    const few = colours();
    await expect(
      openModel({ ...few, manifest: { ...few.manifest, labels: ["red", "green"] } }),
    ).rejects.toThrow(
      'output "logits" float32 [1, 3] gives 3 classes and the manifest names 2 labels: write one label per class',
    );
  });

  it("passes and fails golden questions with the reason", async () => {
    const golden = {
      image: "0".repeat(64),
      bytes: 1,
      label: "red",
      detections: null,
      confidence: 1,
      tolerance: 0.05,
    };
    const model = await openModel(colours({ goldens: [golden] }));
    const { default: sharp } = await import("sharp");
    const picture = (background: string) =>
      sharp({ create: { width: 8, height: 6, channels: 3, background } })
        .png()
        .toBuffer();
    expect(await model.checkGoldens(() => picture("#ff0000"))).toEqual({
      kind: "pass",
      checked: 1,
    });
    expect(await model.checkGoldens(() => picture("#00ff00"))).toEqual({
      kind: "fail",
      reason: 'golden image 000000000000 gives "green" and should give "red"',
    });
    expect(await model.checkGoldens(() => picture("#808080"))).toMatchObject({
      kind: "fail",
      reason: expect.stringMatching(/gives a confidence of 0\.333 and should give 1\.000/),
    });
    await model.close();
  });
});

describe.skipIf(!photographs)("the face detector on real photographs", () => {
  // From the data folder's README: faces, and the most certain box.
  const photos: readonly [string, number, readonly number[] | null][] = [
    ["one-person.jpg", 1, [0.48, 0.15, 0.66, 0.45]],
    ["four-people.jpg", 4, [0.13, 0.23, 0.22, 0.51]],
    ["five-people.jpg", 5, [0.78, 0.12, 0.85, 0.26]],
    ["six-people.jpg", 6, [0.2, 0.07, 0.28, 0.21]],
    ["daisy.jpg", 0, null],
    ["tulip.jpg", 0, null],
    ["wolves.jpg", 0, null],
    ["horse-cart.jpg", 0, null],
  ];

  it.each(photos)("finds in %s %i faces", async (photo, count, box) => {
    const model = await openModel(faces);
    const bytes = await readFile(join(testData, "photos", photo));
    const { decision } = await model.infer({ kind: "encoded", bytes }, photo);
    await model.close();
    expect(decision.detections).toHaveLength(count);
    expect(decision.label).toBeNull();
    expect(decision.confidence).toBe(decision.detections?.[0]?.score ?? 0);
    box?.forEach((side, i) => {
      expect(Math.abs(decision.detections![0]!.box[i]! - side)).toBeLessThan(0.025);
    });
  });

  it("says which output a wrong manifest means", async () => {
    await expect(openModel(withOutput({ scores: "score" }))).rejects.toThrow(
      'the model has no output named "score"; it has "scores" float32 [1, 4420, 2], "boxes" float32 [1, 4420, 4]: set output.scores to one of these',
    );
    await expect(openModel(withOutput({ boxes: "scores" }))).rejects.toThrow(
      'output "scores" float32 [1, 4420, 2] must have the shape [1, boxes, 4] for kind "ssd"',
    );
    await expect(openModel(withOutput({}, ["face", "hand"]))).rejects.toThrow(
      "gives 1 classes without the background (column 0) and the manifest names 2 labels",
    );
  });

  it("says that a model file is cut short", async () => {
    const whole = await readFile(join(testData, "face-detector.onnx"));
    const bytes = whole.subarray(0, whole.length >> 1);
    await expect(
      openModel({ ...faces, model: { kind: "bytes", bytes, name: "half.onnx" } }),
    ).rejects.toThrow("half.onnx cannot be opened: it is no ONNX model, or it is damaged or cut");
  });
});
