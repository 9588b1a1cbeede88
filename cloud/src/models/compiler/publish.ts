/** From the bytes of a compiled model to a variant of a manifest: digest, golden answers, temperature. */
import type { Golden, ModelVariant, VariantCalibration } from "@fieldloop/shared/manifest/model";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { openModel } from "@fieldloop/shared-node/model";
import { goldenTolerance } from "../registry/registry.ts";
import type { Answer, Sample, Subject } from "./evaluate.ts";
import { fitTemperature } from "./temperature.ts";

/** A picture whose answer a device checks before it switches. */
export interface GoldenPicture {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface CompiledVariant {
  readonly variant: ModelVariant;
  readonly bytes: Uint8Array;
}

/** A temperature from fewer answers is guesswork. */
const temperatureSamplesMin = 100;

/** The variant of a compiled model; its goldens are its own answers. */
export async function publishVariant(
  subject: Subject,
  how: {
    readonly kind: ModelVariant["kind"];
    readonly goldens: readonly GoldenPicture[];
    /** What a processor must be able to do to run it; nothing where any may. */
    readonly requires: readonly string[];
    readonly calibration: VariantCalibration | null;
  },
): Promise<CompiledVariant> {
  const { kind, goldens, requires, calibration } = how;
  const { bytes, variant } = subject;
  return {
    bytes,
    variant: {
      kind,
      digest: sha256Of(bytes),
      bytes: bytes.length,
      input: variant.input,
      requires: [...requires],
      goldens: goldens.length === 0 ? [] : await answer(subject, kind, goldens),
      temperature: variant.temperature,
      ...(calibration === null ? {} : { calibration }),
    },
  };
}

async function answer(
  { bytes, manifest, variant }: Subject,
  kind: ModelVariant["kind"],
  pictures: readonly GoldenPicture[],
): Promise<Golden[]> {
  const model = await openModel({
    manifest,
    variant: { ...variant, goldens: [] },
    model: { kind: "bytes", bytes, name: manifest.name },
  });
  try {
    const answers: Golden[] = [];
    for (const picture of pictures) {
      const image = { kind: "encoded", bytes: picture.bytes } as const;
      const { decision } = await model.infer(image, picture.name);
      answers.push({
        image: sha256Of(picture.bytes),
        bytes: picture.bytes.length,
        label: decision.label,
        detections: decision.detections?.length ?? null,
        confidence: Math.round(decision.confidence * 1e4) / 1e4,
        tolerance: goldenTolerance[kind],
      });
    }
    return answers;
  } finally {
    await model.close();
  }
}

/** The temperature that fits a classifier's answers, where enough of them can be judged. */
export function calibrate(
  { manifest, variant }: Omit<Subject, "bytes">,
  answers: readonly Answer[],
  samples: readonly Sample[],
): VariantCalibration | null {
  const { output, labels } = manifest;
  if (output.kind !== "classification") return null;
  const judged = answers.flatMap(({ scores }, i) => {
    const truth = labels.indexOf(samples[i]?.label ?? "");
    if (scores === null || truth < 0) return [];
    // Probabilities are logits but for a constant, once their logarithm is taken.
    const logits =
      output.activation === "softmax" ? scores : scores.map((p) => Math.log(Math.max(p, 1e-12)));
    return [{ scores: logits, truth }];
  });
  if (judged.length < temperatureSamplesMin) return null;
  return { samples: judged.length, ...fitTemperature(judged, variant.temperature) };
}
