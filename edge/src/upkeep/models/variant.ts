/** Which of a model's files runs on this board. Pure. */
import type { ModelManifest, ModelVariant } from "@fieldloop/shared/manifest/model";
import type { DeviceProfile } from "@fieldloop/shared/manifest/profile";

/**
 * The first variant that asks for nothing the board lacks: a manifest lists its variants best first.
 * `undefined` where every variant asks for something else.
 */
export function chooseVariant(
  manifest: Pick<ModelManifest, "variants">,
  profile: Pick<DeviceProfile, "features" | "providers">,
): ModelVariant | undefined {
  const has = new Set<string>([...profile.features, ...profile.providers]);
  return manifest.variants.find(({ requires }) => requires.every((need) => has.has(need)));
}
