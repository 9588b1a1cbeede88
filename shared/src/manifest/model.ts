/**
 * The model manifest: what travels with a model's files and says how to feed it and how to read it.
 * A person writes a *spec* (`model.yaml`); the registry completes it into the canonical manifest
 * that devices fetch by digest.
 */
import * as z from "zod/mini";
import { count, semver, sha256, slug } from "../ids.ts";
import { routingOverride } from "./routing.ts";
import { variantKinds } from "./variant-kind.ts";

export { type VariantKind, variantKinds } from "./variant-kind.ts";

const tensorName = z.string().check(z.minLength(1), z.maxLength(256));
const three = z.tuple([z.number(), z.number(), z.number()]);
const labelName = z.string().check(z.minLength(1), z.maxLength(128));

/** How pixels become the input tensor. */
export const modelInput = z.strictObject({
  name: tensorName,
  layout: z.enum(["NCHW", "NHWC"]),
  type: z.enum(["float32", "uint8"]),
  width: z.int().check(z.gte(1), z.lte(8192)),
  height: z.int().check(z.gte(1), z.lte(8192)),
  /** `stretch` ignores the aspect ratio, `letterbox` keeps it and pads with grey 114. */
  fit: z.enum(["stretch", "letterbox"]),
  colour: z.enum(["rgb", "bgr"]),
  /** `(pixel - mean) / std` per channel, in pixel units 0-255, in the order of `colour`. */
  mean: three,
  std: three.check(z.refine((std) => std.every((s) => s !== 0), "std must not contain 0")),
});
export type ModelInput = z.infer<typeof modelInput>;

/** How a classifier's output becomes a class. */
const classificationOutput = z.strictObject({
  kind: z.literal("classification"),
  scores: tensorName,
  /** `softmax` for logits, `none` where the graph ends in probabilities. */
  activation: z.enum(["softmax", "none"]),
  embedding: z.optional(tensorName),
});

/** How an SSD-style detector's outputs (scores [1,N,C], boxes [1,N,4]) become detections. */
const ssdOutput = z.strictObject({
  kind: z.literal("ssd"),
  scores: tensorName,
  boxes: tensorName,
  activation: z.enum(["softmax", "none"]),
  /** `xyxy-fraction`: x1, y1, x2, y2 as fractions of the model's input. */
  boxFormat: z.enum(["xyxy-fraction", "cxcywh-fraction"]),
  /** Column of the score table that means "nothing"; `null` where there is none. */
  background: z.nullable(count),
  scoreMin: z.number().check(z.gte(0), z.lte(1)),
  iouMax: z.number().check(z.gte(0), z.lte(1)),
  detectionsMax: z.int().check(z.gte(1), z.lte(300)),
});

/**
 * YOLO heads v5 ([1,N,5+C], with objectness), v8/v11 ([1,4+C,N]) and `end2end` ([1,N,6], suppressed in
 * the graph, as v10 and exports with nms), boxes in input pixels.
 */
const yoloOutput = z.strictObject({
  kind: z.literal("yolo"),
  output: tensorName,
  head: z.enum(["v5", "v8", "end2end"]),
  /**
   * Prototype masks [1,M,h,w] of a segmentation head: each row of the output then ends with M
   * coefficients. For v8 and end2end.
   */
  prototypes: z.optional(tensorName),
  scoreMin: z.number().check(z.gte(0), z.lte(1)),
  iouMax: z.number().check(z.gte(0), z.lte(1)),
  detectionsMax: z.int().check(z.gte(1), z.lte(300)),
});

/** Outputs of a graph that suppresses by itself, such as TensorFlow's object detection models. */
const detectionsOutput = z.strictObject({
  kind: z.literal("detections"),
  /** [1,N,4] */
  boxes: tensorName,
  /** [1,N] */
  scores: tensorName,
  /** [1,N] numbers of classes; absent where there is one class. */
  classes: z.optional(tensorName),
  /** How many rows count; absent where all do. */
  count: z.optional(tensorName),
  boxFormat: z.enum(["xyxy-fraction", "yxyx-fraction", "xyxy-pixels"]),
  /** Number of the first label: TensorFlow's models count from 1. */
  classOffset: z.int().check(z.gte(0), z.lte(1)),
  scoreMin: z.number().check(z.gte(0), z.lte(1)),
  detectionsMax: z.int().check(z.gte(1), z.lte(300)),
});

/** Scores of classes for each cell of a map, [1,C,h,w] or [1,h,w,C]; connected cells are findings. */
const segmentationOutput = z.strictObject({
  kind: z.literal("segmentation"),
  scores: tensorName,
  layout: z.enum(["NCHW", "NHWC"]),
  /** `softmax` for logits, `none` where the graph ends in probabilities. */
  activation: z.enum(["softmax", "none"]),
  /** Class that means "nothing"; `null` where there is none. */
  background: z.nullable(count),
  /** Mean probability of a finding's cells. */
  scoreMin: z.number().check(z.gte(0), z.lte(1)),
  /** Part of the map that a finding must cover. */
  areaShareMin: z.number().check(z.gte(0), z.lte(1)),
  detectionsMax: z.int().check(z.gte(1), z.lte(300)),
});

/** Bytes of a bank as base64: 512 vectors of 512 numbers. */
const bankCharsMax = Math.ceil((512 * 512) / 3) * 4;

/** An embedding [1,D] that is compared with a bank of usual ones: labels are usual and unusual. */
const embeddingOutput = z.strictObject({
  kind: z.literal("embedding"),
  embedding: tensorName,
  metric: z.enum(["cosine", "euclidean"]),
  bank: z.strictObject({
    /** Numbers in a vector. */
    dims: z.int().check(z.gte(1), z.lte(4096)),
    /** What one step of the 8-bit numbers is worth. */
    scale: z.number().check(z.gt(0)),
    /** Vectors of 8-bit numbers one after the other, base64. */
    vectors: z
      .string()
      .check(z.minLength(4), z.maxLength(bankCharsMax), z.regex(/^[A-Za-z0-9+/]+=*$/)),
  }),
  /** The mean distance to so many nearest vectors counts. */
  neighbours: z.int().check(z.gte(1), z.lte(64)),
  /** Distance at which a picture is as likely unusual as not. */
  threshold: z.number().check(z.gte(0)),
  /** Distance beyond the threshold that raises the confidence from 0.5 to 0.73. */
  spread: z.number().check(z.gt(0)),
});

export const modelOutput = z.discriminatedUnion("kind", [
  classificationOutput,
  ssdOutput,
  yoloOutput,
  detectionsOutput,
  segmentationOutput,
  embeddingOutput,
]);
export type ModelOutput = z.infer<typeof modelOutput>;

export const modelTasks = ["classification", "detection"] as const;
export type ModelTask = (typeof modelTasks)[number];

/** Whether a model says one class for a picture, or what is where in it. */
export function taskOf({ kind }: ModelOutput): ModelTask {
  return kind === "classification" || kind === "embedding" ? "classification" : "detection";
}

/**
 * One question with a known answer, asked on the device before a switch. The answer is a decision
 * and not a tensor, since a quantised graph differs a little from processor to processor.
 */
export const golden = z.strictObject({
  /** Digest and size of an encoded image (JPEG or PNG). */
  image: sha256,
  bytes: count,
  /** Top class of a classifier; `null` for a detector. */
  label: z.nullable(labelName),
  /** Number of detections; `null` for a classifier. */
  detections: z.nullable(count),
  /** Probability of the top class or score of the best detection. */
  confidence: z.number().check(z.gte(0), z.lte(1)),
  /** Largest difference of `confidence` that still passes. */
  tolerance: z.number().check(z.gt(0), z.lte(1)),
});
export type Golden = z.infer<typeof golden>;

/** How honest a classifier's confidences are, before and after its temperature. */
export const variantCalibration = z.object({
  /** Divisor of the logits that fits best. */
  temperature: z.number().check(z.gt(0), z.lte(100)),
  /** Labelled pictures that it was fitted on. */
  samples: count,
  /** Mean negative log-likelihood in nats. */
  nll: z.object({ before: z.number(), after: z.number() }),
  /** Expected calibration error over 15 bins, 0 to 1. */
  ece: z.object({ before: z.number(), after: z.number() }),
});
export type VariantCalibration = z.infer<typeof variantCalibration>;

/** One file of a version. Variants differ in arithmetic, not in meaning. */
export const modelVariant = z.strictObject({
  kind: z.enum(variantKinds),
  digest: sha256,
  bytes: count,
  input: modelInput,
  /**
   * Processor features or providers the variant needs, all of them: `vnni` (x86), `dot-product`
   * (ARM), `int8-dot` (either of these), `avx2`, `asimd`, `fp16`, `cuda`. Empty runs anywhere.
   */
  requires: z.array(slug).check(z.maxLength(16)),
  goldens: z.array(golden).check(z.maxLength(64)),
  /** Divisor of the logits that calibrates confidence (Guo et al. 2017); 1 leaves it as it is. */
  temperature: z.number().check(z.gt(0), z.lte(100)),
  /** Where the temperature comes from; absent where nothing was fitted on this file. */
  calibration: z.optional(variantCalibration),
});
export type ModelVariant = z.infer<typeof modelVariant>;

/**
 * What a variant asks for and a computer has not.
 * @param has features of its processor and its providers
 */
export function lackOf(
  { requires }: Pick<ModelVariant, "requires">,
  has: readonly string[],
): readonly string[] {
  return requires.filter((need) => !has.includes(need));
}

/** The file that the others are measured by: a float one where there is one. */
export function referenceVariant<V extends Pick<ModelVariant, "kind">>(variants: readonly V[]): V {
  const reference = variants.findLast(({ kind }) => kind === "float32") ?? variants.at(-1);
  if (reference === undefined) throw new Error("a manifest has at least one variant");
  return reference;
}

/** The canonical manifest of one model version. */
export const modelManifest = z.strictObject({
  schema: z.literal("fieldloop.model/1"),
  name: slug,
  version: semver,
  task: z.enum(modelTasks),
  licence: z.nullable(z.string().check(z.maxLength(128))),
  description: z.string().check(z.maxLength(2000)),
  labels: z.array(labelName).check(z.minLength(1), z.maxLength(10_000)),
  output: modelOutput,
  /** Below this confidence a result counts as an exception and is always reported. */
  confidenceMin: z.number().check(z.gte(0), z.lte(1)),
  variants: z.array(modelVariant).check(z.minLength(1), z.maxLength(16)),
  /** When devices ask the cloud's larger model; a device's settings may override it. */
  routing: z.optional(routingOverride),
  /** What the compiler wrote about the files (`compile-report.ts`); devices do not need it. */
  report: z.optional(z.strictObject({ digest: sha256, bytes: count })),
});
export type ModelManifest = z.infer<typeof modelManifest>;

/**
 * What a person writes. Everything the ONNX file already says may be left out: tensor names,
 * shapes, and what an exporter noted in the metadata (labels, task, size).
 */
export const modelSpec = z.strictObject({
  name: slug,
  version: semver,
  task: z.optional(z.enum(modelTasks)),
  licence: z.optional(z.string().check(z.maxLength(128))),
  description: z.optional(z.string().check(z.maxLength(2000))),
  labels: z.optional(z.array(labelName).check(z.minLength(1), z.maxLength(10_000))),
  input: z.optional(z.partial(modelInput)),
  output: z.optional(
    z.discriminatedUnion("kind", [
      z.strictObject({
        ...z.partial(classificationOutput).shape,
        kind: z.literal("classification"),
      }),
      z.strictObject({ ...z.partial(ssdOutput).shape, kind: z.literal("ssd") }),
      z.strictObject({ ...z.partial(yoloOutput).shape, kind: z.literal("yolo") }),
      z.strictObject({ ...z.partial(detectionsOutput).shape, kind: z.literal("detections") }),
      z.strictObject({ ...z.partial(segmentationOutput).shape, kind: z.literal("segmentation") }),
      z.strictObject({ ...z.partial(embeddingOutput).shape, kind: z.literal("embedding") }),
    ]),
  ),
  temperature: z.optional(z.number().check(z.gt(0), z.lte(100))),
  confidenceMin: z.optional(z.number().check(z.gte(0), z.lte(1))),
  routing: z.optional(routingOverride),
  /** Paths of golden images, relative to the file; a push turns them into blobs. */
  golden: z.optional(z.array(z.string()).check(z.maxLength(64))),
});
export type ModelSpec = z.infer<typeof modelSpec>;
