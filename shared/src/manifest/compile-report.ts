/**
 * What compiling a model found out: stored beside its version, shown by console and command line.
 * Figures were measured on the machine named in `machine`, never on a device; those of devices are
 * benchmarks (`contract/benchmarks.ts`).
 */
import * as z from "zod/mini";
import { count, semver, slug } from "../ids.ts";
import { latencyComparison } from "./latency.ts";
import { variantCalibration, variantKinds } from "./model.ts";

const text = z.string().check(z.maxLength(2000));
const nodeName = z.string().check(z.maxLength(512));
const share = z.number().check(z.gte(0), z.lte(1));
const nodesMax = 20_000;

/** A figure between 0 and 1, overall and per class. */
export const compileScore = z.object({
  /** `accuracy` against labels, `agreement` with the model as given. */
  kind: z.enum(["accuracy", "agreement"]),
  samples: count,
  overall: share,
  /** Recall per class; empty for a detector. */
  perClass: z.record(z.string(), share),
});
export type CompileScore = z.infer<typeof compileScore>;

const operatorCounts = z.record(z.string(), count);

/** How often each operator occurs in the graph that ONNX Runtime really runs. */
export const compiledOperators = z.object({
  int8: operatorCounts,
  float: operatorCounts,
  /** Quantize and Dequantize nodes between the two. */
  conversions: count,
  /** Nodes with weights that compute in float, by name. */
  floatWeighted: z.array(nodeName).check(z.maxLength(nodesMax)),
});
export type CompiledOperators = z.infer<typeof compiledOperators>;

/** Signal to quantisation noise of one node's output, in decibels; -200 to 200. */
export const layerNoise = z.object({ node: nodeName, opType: z.string(), sqnrDb: z.number() });
export type LayerNoise = z.infer<typeof layerNoise>;

const leftNode = z.object({ node: nodeName, opType: z.string(), why: text });

/** How an 8-bit file was made. */
export const quantisationReport = z.object({
  /** How ranges were found; `dynamic` finds them at run time. */
  calibration: z.enum(["min-max", "percentile", "entropy", "dynamic"]),
  /** What was tried on top and kept: it lost less. */
  helped: z.array(z.enum(["equalisation", "bias-correction"])),
  /** Evaluations that the search made. */
  trials: count,
  /** Names of nodes that stay in float for the sake of accuracy. */
  float: z.array(nodeName).check(z.maxLength(nodesMax)),
  /** Nodes with weights that cannot be quantised, with the reason. */
  left: z.array(leftNode).check(z.maxLength(nodesMax)),
  /** Nodes that were planned in 8 bits and run in float all the same. */
  notFused: z.array(nodeName).check(z.maxLength(nodesMax)),
  layers: z.array(layerNoise).check(z.maxLength(nodesMax)),
});
export type QuantisationReport = z.infer<typeof quantisationReport>;

/** One file that was made, published or not. */
export const variantReport = z.object({
  kind: z.enum(variantKinds),
  published: z.boolean(),
  /** Why it is published or not, in one or two sentences with the numbers. */
  because: text,
  bytes: count,
  score: compileScore,
  /** Points (hundredths) lost against the model as given; negative where it is a gain. */
  lossPoints: z.number(),
  operators: compiledOperators,
  /** `null` for float files. */
  quantisation: z.nullable(quantisationReport),
  calibration: z.nullable(variantCalibration),
  /** Against the float32 file; `null` for that itself, and where a file was not worth measuring. */
  latency: z.nullable(latencyComparison),
});
export type VariantReport = z.infer<typeof variantReport>;

export const compileReport = z.object({
  schema: z.literal("fieldloop.compile-report/2"),
  model: z.object({ name: slug, version: semver, file: text, bytes: count }),
  machine: z.object({ processor: text, features: z.array(slug) }),
  passes: z.array(
    z.object({
      pass: z.string(),
      changed: count,
      left: z.array(z.object({ node: nodeName, why: text })).check(z.maxLength(nodesMax)),
    }),
  ),
  /** Why agents still prepare pixels themselves; `null` where the graph takes them. */
  inputLeft: z.nullable(text),
  samples: z.object({
    calibration: count,
    evaluation: count,
    /** Whether the pictures that judged had no part in calibration. */
    heldOut: z.boolean(),
  }),
  lossPointsMax: z.number(),
  /** Of the model as given. */
  source: compileScore,
  /** Every file that was made, the published ones first and in the order devices try them. */
  variants: z.array(variantReport).check(z.minLength(1), z.maxLength(16)),
  /** Files that were asked for and cannot be made of this model, with the reason. */
  notMade: z._default(z.array(z.object({ kind: z.enum(variantKinds), because: text })), []),
  /** What came of it, in one or two sentences. */
  outcome: text,
});
export type CompileReport = z.infer<typeof compileReport>;

/** What the report says about one kind of file; `undefined` where none was made. */
export function fileOf(
  { variants }: CompileReport,
  kind: VariantReport["kind"],
): VariantReport | undefined {
  return variants.find((variant) => variant.kind === kind);
}
