/** Which of a model's files runs on this board. Pure. */
import { lackOf, type ModelManifest, type ModelVariant } from "@fieldloop/shared/manifest/model";
import type { DeviceProfile } from "@fieldloop/shared/manifest/profile";

/** A variant that would have been better and cannot run here. */
export interface PassedOver {
  readonly kind: ModelVariant["kind"];
  /** What it asks for and the board has not. */
  readonly lacks: readonly string[];
}

export interface VariantChoice {
  /** `undefined` where every variant asks for something the board lacks. */
  readonly variant: ModelVariant | undefined;
  /** Those before the chosen one, best first. */
  readonly passedOver: readonly PassedOver[];
}

/**
 * The first variant that asks for nothing the board lacks: a manifest lists its variants best first.
 * @param profile with the features that were measured at the start
 */
export function chooseVariant(
  manifest: Pick<ModelManifest, "variants">,
  profile: Pick<DeviceProfile, "features" | "providers">,
): VariantChoice {
  const passedOver: PassedOver[] = [];
  for (const variant of manifest.variants) {
    const lacks = lackOf(variant, [...profile.features, ...profile.providers]);
    if (lacks.length === 0) return { variant, passedOver };
    passedOver.push({ kind: variant.kind, lacks });
  }
  return { variant: undefined, passedOver };
}

/** `int8 was passed over, since this board lacks vnni`; empty where nothing was. */
export function passedOverText(passedOver: readonly PassedOver[]): string {
  return passedOver
    .map(
      ({ kind, lacks }) => `${kind} was passed over, since this board lacks ${lacks.join(" and ")}`,
    )
    .join("; ");
}
