/**
 * How good a compiled model is: the share of right answers where the truth is known, and otherwise
 * how far it agrees with the float model. Both run the very path that agents run.
 */
import type { ModelManifest, ModelVariant } from "@fieldloop/shared/manifest/model";
import { type Decision, decide } from "@fieldloop/shared/vision/decide";
import { iou } from "@fieldloop/shared/vision/iou";
import type { Pixels } from "@fieldloop/shared-node/image";
import { openModel } from "@fieldloop/shared-node/model";

/** A picture in the model's size. */
export interface Sample {
  readonly name: string;
  readonly pixels: Pixels;
  /** The true class; `null` where it is not known. */
  readonly label: string | null;
}

/** A model file and how it is fed and read. */
export interface Subject {
  readonly bytes: Uint8Array;
  readonly manifest: Pick<ModelManifest, "name" | "version" | "labels" | "output">;
  readonly variant: Pick<ModelVariant, "input" | "temperature">;
}

/** What a model says about one sample. */
export interface Answer {
  readonly decision: Decision;
  /** A classifier's scores before softmax and temperature; `null` for a detector. */
  readonly scores: Float32Array | null;
}

/** Boxes of the same finding overlap at least this much. */
const sameBoxIouMin = 0.8;

/** Asks a model about every sample, in order. */
export async function askAll(
  subject: Subject,
  samples: readonly Sample[],
  progress?: (share: number) => void,
): Promise<readonly Answer[]> {
  const { manifest, variant } = subject;
  const model = await openModel({
    manifest,
    variant: { ...variant, goldens: [] },
    model: { kind: "bytes", bytes: subject.bytes, name: manifest.name },
  });
  try {
    const answers: Answer[] = [];
    for (const { pixels } of samples) {
      const outputs = await model.outputs(pixels);
      const reading = { ...manifest, temperature: variant.temperature };
      const { output } = manifest;
      const scores = output.kind === "classification" ? outputs[output.scores] : undefined;
      answers.push({
        decision: decide(reading, outputs, pixels.geometry),
        scores: scores?.data ?? null,
      });
      progress?.(answers.length / samples.length);
    }
    return answers;
  } finally {
    await model.close();
  }
}

/** A figure between 0 and 1, overall and per class. */
export interface Score {
  /** `accuracy` against labels, `agreement` with the float model. */
  readonly kind: "accuracy" | "agreement";
  readonly samples: number;
  readonly overall: number;
  /** Recall per class; empty for a detector. */
  readonly perClass: Readonly<Record<string, number>>;
}

/**
 * Scores answers against the labels if every sample has one and the model is a classifier, else
 * against the answers of the float model.
 */
export function scoreOf(
  answers: readonly Answer[],
  samples: readonly Sample[],
  reference: readonly Answer[],
): Score {
  const labelled = samples.every(({ label }) => label !== null);
  const classifies = answers.every(({ decision }) => decision.detections === null);
  const truths = samples.map((sample, i) =>
    labelled ? sample.label : (reference[i]?.decision.label ?? null),
  );
  const hits = answers.map(({ decision }, i) => {
    if (classifies) return decision.label === truths[i] ? 1 : 0;
    const expected = reference[i]?.decision;
    return expected === undefined ? 0 : detectionAgreement(expected, decision);
  });
  return {
    kind: labelled && classifies ? "accuracy" : "agreement",
    samples: samples.length,
    overall: mean(hits),
    perClass: classifies ? meansBy(truths, hits) : {},
  };
}

/** F1 of matching boxes of the same label at IoU 0.8; 1 where neither finds anything. */
export function detectionAgreement(a: Decision, b: Decision): number {
  const rest = [...(b.detections ?? [])];
  const count = (a.detections?.length ?? 0) + rest.length;
  if (count === 0) return 1;
  let matched = 0;
  for (const one of a.detections ?? []) {
    const overlaps = rest.map((other) => (other.label === one.label ? iou(one.box, other.box) : 0));
    const best = Math.max(0, ...overlaps);
    if (best < sameBoxIouMin) continue;
    rest.splice(overlaps.indexOf(best), 1);
    matched++;
  }
  return (2 * matched) / count;
}

/** Loss in points (hundredths) from one score to another; negative where it is a gain. */
export function lossPoints(before: Score, after: Score): number {
  return 100 * (before.overall - after.overall);
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, v) => sum + v, 0) / values.length;
}

function meansBy(
  keys: readonly (string | null)[],
  values: readonly number[],
): Record<string, number> {
  const groups = new Map<string, number[]>();
  keys.forEach((key, i) => {
    if (key === null) return;
    const group = groups.get(key) ?? [];
    group.push(values[i] ?? 0);
    groups.set(key, group);
  });
  return Object.fromEntries([...groups].map(([key, group]) => [key, mean(group)]));
}
