/** Every kind of output, by graphs that ONNX Runtime runs. */
import type { ModelOutput } from "@fieldloop/shared/manifest/model";
import { buildBank } from "@fieldloop/shared/vision/anomaly";
import { expect, it } from "vitest";
import { colourModel, writeOnnx } from "../test/tiny-onnx.ts";
import { openModel } from "./model.ts";

const [width, height] = [8, 6];

const open = (output: ModelOutput, labels: readonly string[], bytes: Uint8Array) =>
  openModel({
    manifest: { name: "tiny", version: "1.0.0", labels: [...labels], output },
    variant: {
      input: {
        name: "image",
        layout: "NCHW",
        type: "float32",
        width,
        height,
        fit: "stretch",
        colour: "rgb",
        mean: [0, 0, 0],
        std: [25.5, 25.5, 25.5],
      },
      temperature: 1,
      goldens: [],
    },
    model: { kind: "bytes", bytes, name: "tiny.onnx" },
  });

/** Red, with green where `isGreen` says. */
const picture = (isGreen: (x: number, y: number) => boolean) =>
  ({
    kind: "raw",
    data: Uint8Array.from({ length: 3 * width * height }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
      return i % 3 === (isGreen(x, y) ? 1 : 0) ? 250 : 5;
    }),
    width,
    height,
  }) as const;

it("a segmentation model outlines what it finds", async () => {
  const bytes = writeOnnx({
    inputs: [{ name: "image", shape: [1, 3, height, width] }],
    outputs: [{ name: "map", shape: [1, 3, height, width] }],
    nodes: [{ opType: "Identity", input: ["image"], output: ["map"] }],
  });
  const output = {
    kind: "segmentation",
    scores: "map",
    layout: "NCHW",
    activation: "softmax",
    background: 0,
    scoreMin: 0.5,
    areaShareMin: 0,
    detectionsMax: 10,
  } as const;
  const model = await open(output, ["green", "blue"], bytes);
  const { decision } = await model.infer(picture((x, y) => x >= 2 && x < 6 && y >= 3));
  expect(decision.detections).toMatchObject([
    {
      label: "green",
      box: [0.25, 0.5, 0.75, 1],
      polygon: [
        [0.25, 0.5],
        [0.75, 0.5],
        [0.75, 1],
        [0.25, 1],
      ],
    },
  ]);
  await model.close();
});

it("a graph that suppresses by itself may give whole numbers", async () => {
  const bytes = writeOnnx({
    inputs: [{ name: "image", shape: [1, 3, height, width] }],
    outputs: [
      { name: "detection_boxes", shape: [1, 2, 4] },
      { name: "detection_scores", shape: [1, 2] },
      { name: "detection_classes", type: "int64", shape: [2] },
      { name: "num_detections", type: "int64", shape: [1] },
    ],
    nodes: ["boxes", "scores", "classes", "count"].map((name, i) => ({
      opType: "Identity",
      input: [name],
      output: [["detection_boxes", "detection_scores", "detection_classes", "num_detections"][i]!],
    })),
    weights: {
      boxes: { dims: [1, 2, 4], data: [0.25, 0.5, 0.75, 1, 0, 0, 1, 1] },
      scores: { dims: [1, 2], data: [0.75, 0.75] },
    },
    int64: { classes: [2, 1], count: [1] },
  });
  const output = {
    kind: "detections",
    boxes: "detection_boxes",
    scores: "detection_scores",
    classes: "detection_classes",
    count: "num_detections",
    boxFormat: "yxyx-fraction",
    classOffset: 1,
    scoreMin: 0.5,
    detectionsMax: 10,
  } as const;
  const model = await open(output, ["cat", "dog"], bytes);
  const { decision } = await model.infer(picture(() => false));
  expect(decision.detections).toEqual([{ label: "dog", score: 0.75, box: [0.5, 0.25, 1, 0.75] }]);
  await model.close();
});

it("an embedding is held against a bank of usual ones", async () => {
  const usual = [
    [9.8, 0.2, 0.2],
    [9, 0.4, 0.2],
  ];
  const output = {
    kind: "embedding",
    embedding: "logits",
    metric: "cosine",
    bank: buildBank(usual, { size: 2, metric: "cosine" }),
    neighbours: 1,
    threshold: 0.1,
    spread: 0.02,
  } as const;
  const model = await open(output, ["usual", "unusual"], colourModel(width, height));
  const red = (await model.infer(picture(() => false))).decision;
  const green = (await model.infer(picture(() => true))).decision;
  expect([red.label, green.label]).toEqual(["usual", "unusual"]);
  expect(red.anomaly).toBeLessThan(0.01);
  expect(green.anomaly).toBeGreaterThan(0.9);
  await model.close();
});

it.each([
  [
    {
      kind: "embedding",
      embedding: "logits",
      metric: "cosine",
      bank: buildBank([[1, 2]], { size: 1, metric: "cosine" }),
      neighbours: 1,
      threshold: 1,
      spread: 1,
    },
    'output "logits" float32 [1, 3] must have the shape [1, 2], as the vectors of output.bank have: make the bank with this model',
  ],
  [
    {
      kind: "segmentation",
      scores: "logits",
      layout: "NCHW",
      activation: "none",
      background: 0,
      scoreMin: 0.5,
      areaShareMin: 0,
      detectionsMax: 1,
    },
    'output "logits" float32 [1, 3] must have the shape [1, classes, height, width] for kind "segmentation"',
  ],
  [
    {
      kind: "detections",
      boxes: "logits",
      scores: "logits",
      classOffset: 0,
      boxFormat: "xyxy-pixels",
      scoreMin: 0.5,
      detectionsMax: 1,
    },
    'output "logits" float32 [1, 3] must have the shape [1, boxes, 4] for kind "detections"',
  ],
  [
    {
      kind: "yolo",
      output: "logits",
      head: "end2end",
      scoreMin: 0.5,
      iouMax: 0.5,
      detectionsMax: 1,
    },
    'does not fit output.head "end2end", which is [1, boxes, 6]',
  ],
] satisfies [ModelOutput, string][])(
  "says what does not fit a graph: %#",
  async (output, sentence) => {
    await expect(open(output, ["usual", "unusual"], colourModel(width, height))).rejects.toThrow(
      sentence,
    );
  },
);
