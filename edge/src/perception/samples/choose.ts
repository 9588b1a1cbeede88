/** Which frames are worth keeping, and why. Pure. */

import type { SampleReason } from "@fieldloop/shared/samples/sample";
import type { SampleSettings } from "@fieldloop/shared/samples/settings";
import { hashUnit } from "@fieldloop/shared/sampling";
import type { Decision } from "@fieldloop/shared/vision/decide";

/** What is known about a frame. */
export interface Considered {
  readonly frame: string;
  readonly local: Decision;
  /** 0 to 1; `null` where nobody measured. */
  readonly hardness: number | null;
  /** Whether the cloud said something else; `null` where it was not asked. */
  readonly differs: boolean | null;
  /** Whether the camera's health has just changed. */
  readonly cameraEvent: boolean;
}

export interface Choice {
  readonly reasons: readonly SampleReason[];
  /** The share of such frames that is kept. */
  readonly share: number;
}

/** `undefined` for a frame that is not worth it. Chance is a hash of the frame's id. */
export function choose(
  { frame, local, hardness, differs, cameraEvent }: Considered,
  settings: SampleSettings,
): Choice | undefined {
  const certain: SampleReason[] = [];
  if (hardness !== null && hardness >= settings.hardnessMin) certain.push("uncertain");
  if (differs === true && settings.disagreements) certain.push("disagreement");
  if (cameraEvent && settings.cameraEvents) certain.push("camera-event");
  const classShare = Math.max(0, ...labelsOf(local).map((label) => shareOf(settings, label)));
  const drawn: SampleReason[] = [];
  // Independent draws: a frame chosen for its class is not more likely to be one of the random ones.
  if (hashUnit(`${frame}/class`) < classShare) drawn.push("class");
  if (hashUnit(`${frame}/random`) < settings.randomShare) drawn.push("random");
  const reasons = [...certain, ...drawn];
  if (reasons.length === 0) return undefined;
  const share =
    certain.length > 0 ? 1 : 1 - (1 - Math.min(1, classShare)) * (1 - settings.randomShare);
  return { reasons, share: Math.max(share, Number.MIN_VALUE) };
}

function labelsOf({ label, detections }: Decision): readonly string[] {
  if (label !== null) return [label];
  return [...new Set((detections ?? []).map((found) => found.label))];
}

function shareOf({ classes }: SampleSettings, label: string): number {
  return Object.hasOwn(classes, label) ? (classes[label] ?? 0) : 0;
}

/** How much a sample is wanted when room is short; more is kept longer. */
export function worth(reasons: readonly SampleReason[]): number {
  const worths = { disagreement: 5, uncertain: 4, "camera-event": 3, class: 2, random: 1 } as const;
  return Math.max(0, ...reasons.map((reason) => worths[reason]));
}
