/**
 * How hard a frame was for the local model. Pure and total: whatever numbers a damaged model gives,
 * the answer is a hardness, and numbers that cannot be read count as the hardest there are.
 */
import type { DetectionRules, HardnessRule } from "@fieldloop/shared/manifest/routing";
import { softmax } from "@fieldloop/shared/vision/softmax";
import { topK } from "@fieldloop/shared/vision/top-k";

/** Why a frame counts as hard. */
export const hardSigns = [
  "unsure",
  "near-threshold",
  "empty-with-motion",
  "changing-track",
  "unreadable",
] as const;
export type HardSign = (typeof hardSigns)[number];

export interface Hardness {
  /** In the unit of the score; larger is harder, +Infinity where it cannot be read. */
  readonly value: number;
  /** The same as a number from 0 to 1, for bins: monotone in `value`. */
  readonly level: number;
  /** Empty where the frame was easy. */
  readonly signs: readonly HardSign[];
}

/** What a classifier said, by class. The temperature is that of the variant that ran. */
export interface ClassEvidence {
  readonly kind: "classes";
  /** `logits`, or `probabilities` where the graph ends in them. */
  readonly scale: "logits" | "probabilities";
  /** A copy: a session's own buffer may hold the next frame by the time this is read. */
  readonly values: ArrayLike<number>;
  readonly temperature: number;
}

/** What a detector said about one frame, and what is known of the frames before. */
export interface DetectionEvidence {
  readonly kind: "detections";
  /** Scores of the findings; those that just missed `scoreMin` too, where the caller has them. */
  readonly scores: readonly number[];
  /** The manifest's threshold, which decides what counts as found. */
  readonly scoreMin: number;
  /** Share of the picture that moved, 0 to 1; `null` where nobody measured. */
  readonly motionShare: number | null;
  /** Tracks through this frame: the label in each of the last frames, oldest first; `null` is lost. */
  readonly tracks: readonly (readonly (string | null)[])[];
}

export type Evidence = ClassEvidence | DetectionEvidence;

const unreadable: Hardness = { value: Number.POSITIVE_INFINITY, level: 1, signs: ["unreadable"] };

/** Hardness of whatever the model gave. */
export function hardnessOf(
  evidence: Evidence,
  rules: { readonly hardness: HardnessRule; readonly detection: DetectionRules },
): Hardness {
  return evidence.kind === "classes"
    ? classHardness(evidence, rules.hardness)
    : detectionHardness(evidence, rules.detection);
}

/**
 * Hardness of a classifier's answer: 1 − p₁, 1 − (p₁ − p₂), entropy over ln n, or energy (see
 * `hardnessScores`). A single class leaves no doubt between classes: margin and entropy are 0.
 * Energy of a graph that ends in probabilities is known only up to a constant, which is why
 * `routingProblems` refuses that pair.
 */
export function classHardness(evidence: ClassEvidence, rule: HardnessRule): Hardness {
  const value = scoreOf(evidence, rule.score);
  if (Number.isNaN(value)) return unreadable;
  const level = rule.score === "energy" ? logistic(value - rule.threshold) : value;
  return { value, level, signs: value >= rule.threshold ? ["unsure"] : [] };
}

/**
 * Hardness of a detector's answer, 0 to 1: the largest of three doubts. How close a score comes to
 * the threshold; movement where nothing was found (a detector's misses never look unsure); tracks
 * that change their label or get lost.
 */
export function detectionHardness(evidence: DetectionEvidence, rules: DetectionRules): Hardness {
  const { scores, scoreMin, motionShare, tracks } = evidence;
  if (!Number.isFinite(scoreMin) || !scores.every(Number.isFinite)) return unreadable;
  const nearness = Math.max(0, ...scores.map((score) => nearnessOf(score - scoreMin, rules)));
  const empty = !scores.some((score) => score >= scoreMin);
  const { motionShareMin, trackChangeShareMin, trackFramesMin } = rules;
  const moved = motionShareMin !== null && motionShare !== null && motionShare >= motionShareMin;
  const missed = empty && moved ? 1 : 0;
  const judged = tracks.filter((track) => track.length >= trackFramesMin);
  const change = trackChangeShareMin === null ? 0 : Math.max(0, ...judged.map(trackChangeShare));
  const value = Math.max(nearness, missed, change);
  const signs: HardSign[] = [];
  if (nearness > 0) signs.push("near-threshold");
  if (missed > 0) signs.push("empty-with-motion");
  if (trackChangeShareMin !== null && change >= trackChangeShareMin) signs.push("changing-track");
  return { value, level: value, signs };
}

/** Share of a track's steps in which the label changes, is lost or comes back: 0 to 1. */
export function trackChangeShare(track: readonly (string | null)[]): number {
  if (track.length < 2) return 0;
  const changes = track.slice(1).filter((label, i) => label !== track[i]).length;
  return changes / (track.length - 1);
}

/** 1 at the threshold, 0 at the edge of the band and beyond. */
function nearnessOf(distance: number, { bandEpsilon }: DetectionRules): number {
  return bandEpsilon > 0 ? Math.max(0, 1 - Math.abs(distance) / bandEpsilon) : 0;
}

/** The score, or NaN where the numbers make no sense. */
function scoreOf(evidence: ClassEvidence, score: HardnessRule["score"]): number {
  const { temperature, values } = evidence;
  if (values.length === 0 || !(temperature > 0)) return Number.NaN;
  if (score === "energy") return energy(logitsOf(evidence), temperature);
  const probabilities = probabilitiesOf(evidence);
  if (!probabilities.every((p) => p >= 0 && p <= 1)) return Number.NaN;
  if (score === "entropy") return entropy(probabilities);
  const [first = -1, second = -1] = topK(probabilities, 2);
  const p1 = probabilities[first] ?? Number.NaN;
  return score === "margin" ? 1 - (p1 - (probabilities[second] ?? 0)) : 1 - p1;
}

/** Log-probabilities are logits up to a constant; the floor keeps log(0) out. */
function logitsOf({ scale, values }: ClassEvidence): ArrayLike<number> {
  if (scale === "logits") return values;
  return Float64Array.from(values, (p) => (Number.isNaN(p) ? p : Math.log(Math.max(p, 1e-12))));
}

/** As `classProbabilities` has them, so that hardness and confidence speak of the same numbers. */
function probabilitiesOf(evidence: ClassEvidence): Float64Array {
  const { scale, values, temperature } = evidence;
  // Rounding may leave a probability a little outside.
  if (scale === "probabilities" && temperature === 1)
    return Float64Array.from(values, (p) => (p > 1 && p < 1.001 ? 1 : p < 0 && p > -1e-3 ? 0 : p));
  return softmax(logitsOf(evidence), temperature);
}

/** −Σ p·ln p / ln n with 0·ln 0 = 0, of the values scaled to the sum 1; 0 for one class. */
function entropy(probabilities: Float64Array): number {
  const sum = probabilities.reduce((total, p) => total + p, 0);
  if (!(sum > 0)) return Number.NaN;
  if (probabilities.length === 1) return 0;
  let nats = 0;
  for (const p of probabilities) if (p > 0) nats -= (p / sum) * Math.log(p / sum);
  return Math.min(1, Math.max(0, nats / Math.log(probabilities.length)));
}

/** −T·ln Σ exp(z / T), with the largest logit taken out first so that nothing overflows. */
function energy(logits: ArrayLike<number>, temperature: number): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) highest = Math.max(highest, logits[i] ?? 0);
  if (!Number.isFinite(highest)) return Number.NaN;
  let sum = 0;
  for (let i = 0; i < logits.length; i++)
    sum += Math.exp(((logits[i] ?? 0) - highest) / temperature);
  return -(highest + temperature * Math.log(sum));
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
