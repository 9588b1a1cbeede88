/** Near-duplicates of one camera: like pictures are kept once in a while. Bounded. */
import { bitsApart, type DifferenceHash } from "@fieldloop/shared/vision/difference-hash";

const rememberedMax = 64;

export class Likeness {
  readonly #byCamera = new Map<string, { readonly hash: DifferenceHash; readonly at: number }[]>();

  /** Whether a picture like it was kept within the time. */
  isKnown(
    camera: string,
    hash: DifferenceHash,
    at: number,
    { similarBitsMax, similarMs }: { readonly similarBitsMax: number; readonly similarMs: number },
  ): boolean {
    return (this.#byCamera.get(camera) ?? []).some(
      (kept) => Math.abs(at - kept.at) <= similarMs && bitsApart(kept.hash, hash) <= similarBitsMax,
    );
  }

  remember(camera: string, hash: DifferenceHash, at: number): void {
    const kept = this.#byCamera.get(camera) ?? [];
    this.#byCamera.set(camera, [...kept, { hash, at }].slice(-rememberedMax));
  }
}
