/** A sample in words. Pure. */
import type { SampleOpinion, SampleReason } from "@fieldloop/shared/samples/sample";
import { formatShare } from "../../text/format.ts";
import { ts } from "../../text/t-samples.ts";

const reasonTexts: Readonly<Record<SampleReason, string>> = {
  uncertain: ts("samples.reason.uncertain"),
  disagreement: ts("samples.reason.disagreement"),
  "camera-event": ts("samples.reason.camera-event"),
  class: ts("samples.reason.class"),
  random: ts("samples.reason.random"),
};

export const reasonText = (reason: SampleReason): string => reasonTexts[reason];

/** "cracked 0.83", or how much was found. */
export function opinionText({ label, confidence, detections }: SampleOpinion): string {
  if (label !== null) return `${label} ${formatShare(confidence)}`;
  const n = detections?.length ?? 0;
  return n === 0 ? ts("samples.nothing") : ts("samples.found", { n });
}

/** Whether two models said different things, as far as a card shows it. */
export function differs(local: SampleOpinion, cloud: SampleOpinion | null): boolean {
  if (cloud === null) return false;
  return local.label !== cloud.label || local.detections?.length !== cloud.detections?.length;
}
