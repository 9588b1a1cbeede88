/** What the routing rules are told of a frame. Pure. */
import type { ModelManifest, ModelVariant } from "@fieldloop/shared/manifest/model";
import type { FrameResult, Seen } from "../perception/pipeline.ts";
import type { DetectionEvidence, Evidence } from "../perception/routing/hardness.ts";

/** What routing takes from the model that runs. */
export interface RoutedModel {
  readonly manifest: Pick<ModelManifest, "name" | "labels" | "output" | "routing">;
  readonly variant: Pick<ModelVariant, "input" | "temperature">;
}

/** @param tracks what each object has been taken for */
export function evidenceOf(
  { manifest, variant }: RoutedModel,
  result: FrameResult,
  seen: Seen,
  tracks: DetectionEvidence["tracks"],
): Evidence {
  const { output } = manifest;
  if (output.kind === "classification") {
    return {
      kind: "classes",
      scale: output.activation === "softmax" ? "logits" : "probabilities",
      values: seen.classScores ?? [],
      temperature: variant.temperature,
    };
  }
  if (output.kind === "embedding") {
    const { confidence } = result.decision;
    const values = [confidence, 1 - confidence];
    return { kind: "classes", scale: "probabilities", values, temperature: 1 };
  }
  const scores = (result.decision.detections ?? []).map(({ score }) => score);
  const motionShare = seen.frame.motionShare ?? null;
  return { kind: "detections", scores, scoreMin: output.scoreMin, motionShare, tracks };
}
