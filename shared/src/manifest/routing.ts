/**
 * Hybrid inference: when a device also asks the cloud's larger model, and what it may spend on that.
 * The parameters stand in the signed model manifest, because they belong to one model and its
 * calibration; a device's desired settings may override them. What neither says holds by default:
 * defaults ← manifest ← desired settings (`effectiveRouting`).
 */
import * as z from "zod/mini";
import { slug } from "../ids.ts";
import type { ModelOutput } from "./model.ts";

/**
 * `edge-only`: never asks. `sync`: waits for the cloud, at most until the deadline. `async`: answers
 * locally at once, the cloud's answer follows as a correction. `cloud-first`: asks for every frame
 * while the local model runs and takes the cloud's answer if it is in time.
 */
export const routingModes = ["edge-only", "sync", "async", "cloud-first"] as const;
export type RoutingMode = (typeof routingModes)[number];

/**
 * How hard a frame was for a classifier; for each of them a larger number is harder.
 * `max-probability`: 1 − p₁. `margin`: 1 − (p₁ − p₂). `entropy`: −Σ p·ln p / ln n. All three lie in
 * [0, 1] and are taken from the calibrated probabilities. `energy`: −T·ln Σ exp(zᵢ / T) over the
 * logits, any number (Liu et al., "Energy-based Out-of-distribution Detection", 2020).
 */
export const hardnessScores = ["max-probability", "margin", "entropy", "energy"] as const;
export type HardnessScore = (typeof hardnessScores)[number];

/** A score and its threshold go together: one without the other's unit means nothing. */
const hardnessRule = z
  .strictObject({
    /** Default `max-probability`. */
    score: z.enum(hardnessScores),
    /** From this hardness on a frame is hard; 0 to 1, for `energy` ±1,000,000. Default 0.5. */
    threshold: z.number().check(z.gte(-1e6), z.lte(1e6)),
  })
  .check(
    z.refine(
      ({ score, threshold }) => score === "energy" || (threshold >= 0 && threshold <= 1),
      "a threshold lies between 0 and 1, except that of energy",
    ),
  );
export type HardnessRule = z.infer<typeof hardnessRule>;

const detectionRules = z.strictObject({
  /**
   * A finding whose score is closer than this to the model's `scoreMin` makes the frame hard.
   * Score units, 0 to 0.5; 0 switches the rule off. Default 0.1.
   */
  bandEpsilon: z.number().check(z.gte(0), z.lte(0.5)),
  /**
   * A frame without findings is hard where at least this share of its picture moved, 0 to 1; `null`
   * switches the rule off. Default 0.02.
   */
  motionShareMin: z.nullable(z.number().check(z.gte(0), z.lte(1))),
  /**
   * A track whose label changes (or that is lost) in at least this share of its steps is hard, above
   * 0 to 1; `null` switches the rule off. Default 0.4.
   */
  trackChangeShareMin: z.nullable(z.number().check(z.gt(0), z.lte(1))),
  /** Tracks with fewer frames are not judged; 2 to 64 frames. Default 5. */
  trackFramesMin: z.int().check(z.gte(2), z.lte(64)),
});
export type DetectionRules = z.infer<typeof detectionRules>;

/** Limits are token buckets: full at first, and filled again evenly over their hour or day. */
const budgetLimits = z.strictObject({
  /** Bytes an hour, both directions; 0 to 10¹². 0 forbids. Default 20 MiB. */
  bytesPerHourMax: z.int().check(z.gte(0), z.lte(1e12)),
  /** Bytes a day, both directions; 0 to 10¹³. 0 forbids. Default 200 MiB. */
  bytesPerDayMax: z.int().check(z.gte(0), z.lte(1e13)),
  /** Calls an hour; 0 to 1,000,000. 0 forbids. Default 600. */
  callsPerHourMax: z.int().check(z.gte(0), z.lte(1e6)),
  /** Cost a day in any one currency; 0 to 1,000,000. Default 1; free calls are not held to it. */
  costPerDayMax: z.number().check(z.gte(0), z.lte(1e6)),
  /** Cost of one call in that currency; 0 to 1000. Default 0. */
  costPerCall: z.number().check(z.gte(0), z.lte(1000)),
});
export type BudgetLimits = z.infer<typeof budgetLimits>;

const breakerLimits = z.strictObject({
  /** How far back calls count, in milliseconds; 1000 to 600,000. Default 30,000. */
  windowMs: z.int().check(z.gte(1000), z.lte(600_000)),
  /** Of these the last so many; 1 to 1000. Default 20. */
  callsMax: z.int().check(z.gte(1), z.lte(1000)),
  /** Fewer calls than this are no evidence; 1 to 1000. Default 5. */
  callsMin: z.int().check(z.gte(1), z.lte(1000)),
  /** The breaker opens from this share of failures on, above 0 to 1. Default 0.5. */
  failureShareMin: z.number().check(z.gt(0), z.lte(1)),
  /** Shortest time it stays open, in milliseconds; 100 to 600,000. Default 5000. */
  openMsMin: z.int().check(z.gte(100), z.lte(600_000)),
  /** Longest time it stays open, in milliseconds; 100 to 3,600,000. Default 60,000. */
  openMsMax: z.int().check(z.gte(100), z.lte(3_600_000)),
  /** Probes in a row that must succeed before it closes; 1 to 20. Default 3. */
  successesMin: z.int().check(z.gte(1), z.lte(20)),
});
export type BreakerLimits = z.infer<typeof breakerLimits>;

const label = z.string().check(z.minLength(1), z.maxLength(128));
const labelLists = z.strictObject({
  /** A frame with one of these is asked about even when it was easy; up to 1000. Default none. */
  always: z.array(label).check(z.maxLength(1000)),
  /** A frame with one of these never leaves the device, whatever else says; up to 1000. Default none. */
  never: z.array(label).check(z.maxLength(1000)),
});

/** Fields that stand by themselves. */
const single = {
  /** Default `edge-only`. */
  mode: z.enum(routingModes),
  /** Name of the model that the cloud answers with; `null` asks for the model's own name. */
  cloudModel: z.nullable(slug),
  /** An answer is due so long after the frame was taken in, in milliseconds; 1 to 60,000. Default 100. */
  deadlineMs: z.int().check(z.gte(1), z.lte(60_000)),
  /** Kept free before the deadline when a call is planned, in milliseconds; 0 to 10,000. Default 10. */
  guardMs: z.int().check(z.gte(0), z.lte(10_000)),
  /**
   * How long a call may take altogether, in milliseconds; 1 to 120,000. What arrives after the
   * deadline and within this time becomes a correction. Default 10,000.
   */
  callMsMax: z.int().check(z.gte(1), z.lte(120_000)),
  /** Calls under way at once, late ones included; 1 to 64. Default 4. */
  inFlightMax: z.int().check(z.gte(1), z.lte(64)),
  /** Largest picture that is sent, in bytes; 1024 to 8 MiB. Default 256 KiB. */
  cropBytesMax: z.int().check(z.gte(1024), z.lte(8 * 1024 * 1024)),
  /** Whether a metered line (mobile data) may carry calls. Default false. */
  meteredAllowed: z.boolean(),
  /**
   * Share of easy frames that are asked about all the same, 0 to 1. Without it nothing is ever
   * learnt about frames the local model is wrongly sure of. Default 0.01.
   */
  exploreShare: z.number().check(z.gte(0), z.lte(1)),
};

/** All parameters, as they hold on a device. */
export const routingParameters = z.strictObject({
  ...single,
  hardness: hardnessRule,
  detection: detectionRules,
  budget: budgetLimits,
  breaker: breakerLimits,
  labels: labelLists,
});
export type RoutingParameters = z.infer<typeof routingParameters>;

/** What a manifest or a device's desired settings say; whatever is left out is not changed. */
export const routingOverride = z.strictObject({
  ...z.partial(z.strictObject(single)).shape,
  hardness: z.optional(hardnessRule),
  detection: z.optional(z.partial(detectionRules)),
  budget: z.optional(z.partial(budgetLimits)),
  breaker: z.optional(z.partial(breakerLimits)),
  labels: z.optional(z.partial(labelLists)),
});
export type RoutingOverride = z.infer<typeof routingOverride>;

/** What holds where nobody has said anything: no frame leaves the device. */
export const defaultRouting: RoutingParameters = {
  mode: "edge-only",
  cloudModel: null,
  deadlineMs: 100,
  guardMs: 10,
  callMsMax: 10_000,
  inFlightMax: 4,
  cropBytesMax: 256 * 1024,
  meteredAllowed: false,
  exploreShare: 0.01,
  hardness: { score: "max-probability", threshold: 0.5 },
  detection: {
    bandEpsilon: 0.1,
    motionShareMin: 0.02,
    trackChangeShareMin: 0.4,
    trackFramesMin: 5,
  },
  budget: {
    bytesPerHourMax: 20 * 1024 * 1024,
    bytesPerDayMax: 200 * 1024 * 1024,
    callsPerHourMax: 600,
    costPerDayMax: 1,
    costPerCall: 0,
  },
  breaker: {
    windowMs: 30_000,
    callsMax: 20,
    callsMin: 5,
    failureShareMin: 0.5,
    openMsMin: 5000,
    openMsMax: 60_000,
    successesMin: 3,
  },
  labels: { always: [], never: [] },
};

/**
 * The parameters that hold: the defaults, then each layer over the one before it, field by field.
 * `hardness` is replaced as a whole, and so is each list of labels.
 * @param layers first the manifest's, then the device's
 */
export function effectiveRouting(
  ...layers: readonly (RoutingOverride | null | undefined)[]
): RoutingParameters {
  return layers.reduce<RoutingParameters>((below, layer) => {
    if (layer === null || layer === undefined) return below;
    return {
      ...over(below, layer),
      hardness: layer.hardness ?? below.hardness,
      detection: over(below.detection, layer.detection),
      budget: over(below.budget, layer.budget),
      breaker: over(below.breaker, layer.breaker),
      labels: over(below.labels, layer.labels),
    };
  }, defaultRouting);
}

/** What of a manifest says whether parameters make sense for it. */
export interface RoutedModel {
  readonly labels: readonly string[];
  readonly output: {
    readonly kind: ModelOutput["kind"];
    readonly activation?: "softmax" | "none";
  };
}

/** Why parameters do not fit a model, one sentence each; empty where they do. */
export function routingProblems(
  routing: Pick<RoutingParameters, "hardness" | "labels" | "breaker">,
  model: RoutedModel,
): readonly string[] {
  const { hardness, labels, breaker } = routing;
  const { kind, activation } = model.output;
  const unknown = [...labels.always, ...labels.never].filter((one) => !model.labels.includes(one));
  const both = labels.always.filter((one) => labels.never.includes(one));
  return [
    ...(hardness.score === "energy" && kind === "classification" && activation === "none"
      ? ["energy needs logits, and this model ends in probabilities; use entropy or margin"]
      : []),
    ...unknown.map((one) => `the model has no label "${one}"; correct routing.labels`),
    ...both.map((one) => `"${one}" is listed as always and as never; keep one of the two`),
    ...(breaker.openMsMax < breaker.openMsMin
      ? [`breaker.openMsMax must be at least breaker.openMsMin (${breaker.openMsMin})`]
      : []),
  ];
}

/** The lower object with those fields of the upper one that say something. */
function over<T extends object>(below: T, above: object | undefined): T {
  if (above === undefined) return below;
  const said = Object.entries(above).filter(
    ([key, value]) => value !== undefined && Object.hasOwn(below, key),
  );
  return { ...below, ...Object.fromEntries(said) };
}
