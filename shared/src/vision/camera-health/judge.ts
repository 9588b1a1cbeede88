/** Features → how far each condition holds, and which of them explains which. */
import type { HealthFeatures } from "./measure.ts";
import type { Registration } from "./register.ts";
import type { Condition, HealthSettings } from "./settings.ts";

/** `null`: it cannot be seen now. `undefined`: it was not looked at. Else 0 (well) to 1. */
export type ConditionValue = number | null | undefined;

/** Registrations with fewer tiles agreeing say nothing: the scene has changed, or is hidden. */
const confidenceMin = 0.35;
/** Shifts that explain less than this of the unlikeness are the noise of the registration. */
const explainedMin = 0.18;
/** Greyer references cannot tell a picture without colour. */
export const saturationMin = 0.04;
/** Where the reference has no layout, a veil must at least raise its darkest spots by this. */
const darkChannelRise = 0.1;
/** Covers beyond this share leave too little to judge anything else. */
export const fullCoverShareMin = 0.75;
/** A picture that is black or white all over stands still by nature. */
const clippedShareMax = 0.95;

/** @param isDay whether it is surely day; `null` where nobody knows */
export function valuesOf(
  features: HealthFeatures,
  isDay: boolean | null,
): Readonly<Record<Condition, ConditionValue>> {
  const { tone, compared, usual } = features;
  return {
    dark: beyond(tone.darkShare, usual?.darkShare ?? 0),
    overexposed: beyond(tone.brightShare, usual?.brightShare ?? 0),
    covered: compared?.coveredShare ?? null,
    moved: movedOf(features.registration),
    fogged: foggedOf(features),
    blurred: lossOf(compared?.sharpness ?? null),
    "infrared-stuck": isDay === false ? null : colourLossOf(features),
    frozen: frozenOf(features),
  };
}

/** Whether a registration could find anything: in the dark or behind a cover it only costs time. */
export function isWorthRegistering({ compared }: HealthFeatures): boolean {
  if (compared === null || compared.contrastKept === null) return false;
  return (compared.coveredShare ?? 0) < fullCoverShareMin;
}

/** Whether the registration says where the camera points. */
export function isConfident(registration: Registration): boolean {
  return registration.confidence >= confidenceMin;
}

function movedOf(registration: Registration | null | undefined): ConditionValue {
  if (registration === undefined) return undefined;
  if (registration === null || !isConfident(registration)) return null;
  return registration.explained < explainedMin ? 0 : Math.min(1, registration.displacementShare);
}

/** What a veil takes from the coarse and the middle band alike; defocus takes the middle alone. */
function foggedOf({ compared, usual, darkChannel }: HealthFeatures): number | null {
  if (compared === null || compared.contrastKept === null) return null;
  const lost = lossOf(compared.contrastKept) ?? 0;
  if (compared.layoutSlope !== null) return Math.min(lost, lossOf(compared.layoutSlope) ?? 0);
  return darkChannel >= (usual?.darkChannel ?? 1) + darkChannelRise ? lost : 0;
}

function colourLossOf({ saturation, usual }: HealthFeatures): number | null {
  const known = usual?.saturation ?? null;
  if (saturation === null || known === null || known < saturationMin) return null;
  return lossOf(saturation / known);
}

function frozenOf({ change, compared, tone }: HealthFeatures): number | null {
  if (change === null) return null;
  if (Math.max(tone.darkShare, tone.brightShare) > clippedShareMax) return null;
  if (compared === null) return change.identical ? 1 : 0;
  return compared.stillShare;
}

/** Share of what was not so at commissioning that is so now; 0 where nearly all of it was. */
function beyond(share: number, usual: number): number {
  return usual > clippedShareMax ? 0 : Math.max(0, (share - usual) / (1 - usual));
}

function lossOf(kept: number | null): number | null {
  return kept === null ? null : Math.min(1, Math.max(0, 1 - kept));
}

/** Whether it is surely day at this instant. */
export function isDayAt(now: number, { daylight }: HealthSettings): boolean | null {
  if (daylight === null) return null;
  const minute = Math.floor(now / 60_000) % 1440;
  const { fromMinute, toMinute } = daylight;
  return fromMinute <= toMinute
    ? minute >= fromMinute && minute < toMinute
    : minute >= fromMinute || minute < toMinute;
}

/**
 * What explains a condition when both hold: it is then not raised. Without light, or
 * with everything covered, nothing can be seen; where the camera points elsewhere, the reference no
 * longer fits; a veil or defocus takes structure that would else look covered in places.
 */
export function explainersOf(
  condition: Condition,
  coveredShare: number | undefined,
): readonly Condition[] {
  const isHidden = (coveredShare ?? 0) >= fullCoverShareMin;
  const hidden: readonly Condition[] = isHidden ? ["covered"] : [];
  switch (condition) {
    case "dark":
      return [];
    case "overexposed":
      return ["dark"];
    case "covered":
      return isHidden ? ["dark", "overexposed"] : ["dark", "overexposed", "moved", "fogged", "blurred"]; // biome-ignore format: one thought
    case "moved":
      return ["dark", "overexposed", ...hidden];
    case "fogged":
    case "infrared-stuck":
      return ["dark", "overexposed", "moved", ...hidden];
    case "blurred":
      return ["dark", "overexposed", "moved", "fogged", ...hidden];
    case "frozen":
      return ["dark"];
  }
}
