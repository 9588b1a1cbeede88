/**
 * Models on disk.
 *
 *   {folder}/current.json        which slot is used, and which one was before
 *   {folder}/journal.json        where the update under way stands
 *   {folder}/{manifest digest}/  manifest.json, and each file under its own digest
 *
 * A file has its final name only once its digest was right.
 */
import { join } from "node:path";
import { AppError } from "@fieldloop/shared/errors";
import { sha256 } from "@fieldloop/shared/ids";
import {
  type ModelManifest,
  type ModelVariant,
  modelManifest,
} from "@fieldloop/shared/manifest/model";
import type { DeviceProfile } from "@fieldloop/shared/manifest/profile";
import type { BlobRef } from "@fieldloop/shared/messages/control";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import * as z from "zod/mini";
import type { Files } from "../../platform/files.ts";
import type { SlotFacts } from "./plan.ts";
import { chooseVariant, type PassedOver } from "./variant.ts";

const pointerSchema = z.strictObject({
  v: z.literal(1),
  current: z.nullable(sha256),
  previous: z.nullable(sha256),
});
export type Pointer = Pick<z.infer<typeof pointerSchema>, "current" | "previous">;

/** A model that lies complete on disk. */
export interface Slot {
  /** Digest of the manifest; `null` for a model configured by file. */
  readonly digest: string | null;
  readonly manifest: ModelManifest;
  readonly variant: ModelVariant;
  /** Better variants that this board cannot run. */
  readonly passedOver: readonly PassedOver[];
  readonly modelPath: string;
  /** A golden image by its digest. */
  readonly readGolden: (digest: string) => Promise<Uint8Array>;
}

/** Access to the slots of one device. */
export class Slots {
  readonly #files: Files;
  readonly #folder: string;
  readonly #profile: DeviceProfile;

  constructor(options: { files: Files; folder: string; profile: DeviceProfile }) {
    this.#files = options.files;
    this.#folder = options.folder;
    this.#profile = options.profile;
  }

  /** Which slot is used; a pointer that cannot be read counts as none. */
  async pointer(): Promise<Pointer> {
    const bytes = await this.#files.read(join(this.#folder, "current.json"));
    const parsed = pointerSchema.safeParse(parseJson(bytes));
    return parsed.success ? parsed.data : { current: null, previous: null };
  }

  /** Moves the pointer, atomically and durably. */
  async setPointer({ current, previous }: Pointer): Promise<void> {
    const text = JSON.stringify({ v: 1, current, previous });
    await this.#files.writeAtomic(join(this.#folder, "current.json"), text);
  }

  path(digest: string, name: string): string {
    return join(this.#folder, digest, name);
  }

  /** What is there of a slot. @throws AppError `variant-none` where no variant suits the board */
  async facts(digest: string): Promise<SlotFacts> {
    const manifest = await this.#manifest(digest);
    if (manifest === undefined) return { manifest: false, missing: [] };
    const missing: BlobRef[] = [];
    for (const blob of blobsOf(this.#choose(manifest).variant))
      if ((await this.#files.size(this.path(digest, blob.digest))) !== blob.bytes)
        missing.push(blob);
    return { manifest: true, missing };
  }

  /** All the bytes a slot needs, the manifest apart. */
  async bytesTotal(digest: string): Promise<number> {
    const manifest = await this.#manifest(digest);
    if (manifest === undefined) return 0;
    return blobsOf(this.#choose(manifest).variant).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * Opens a complete slot, checking the model file's digest once more: disks rot.
   * @throws AppError `slot-damaged`, `variant-none`
   */
  async open(digest: string): Promise<Slot> {
    const manifest = await this.#manifest(digest);
    if (manifest === undefined) throw damaged(digest, "its manifest is missing");
    const { variant, passedOver } = this.#choose(manifest);
    const modelPath = this.path(digest, variant.digest);
    const { missing } = await this.facts(digest);
    if (missing.length > 0) throw damaged(digest, `${missing.length} of its files are missing`);
    if ((await this.#files.sha256(modelPath)) !== variant.digest) {
      await this.#files.remove(modelPath); // so that it is fetched again
      throw damaged(digest, "the model file is not what it was");
    }
    const readGolden = async (golden: string): Promise<Uint8Array> => {
      const bytes = await this.#files.read(this.path(digest, golden));
      if (bytes === undefined || sha256Of(bytes) !== golden) {
        await this.#files.remove(this.path(digest, golden));
        throw damaged(digest, "a golden image is missing or damaged");
      }
      return bytes;
    };
    return { digest, manifest, variant, passedOver, modelPath, readGolden };
  }

  /** Removes every slot but the given ones. */
  async keepOnly(digests: readonly (string | null)[]): Promise<void> {
    for (const name of await this.#files.list(this.#folder))
      if (sha256.safeParse(name).success && !digests.includes(name))
        await this.#files.remove(join(this.#folder, name));
  }

  /** A manifest is only believed when its bytes have the digest it is asked for by. */
  async #manifest(digest: string): Promise<ModelManifest | undefined> {
    const bytes = await this.#files.read(this.path(digest, "manifest.json"));
    if (bytes === undefined || sha256Of(bytes) !== digest) return undefined;
    const parsed = modelManifest.safeParse(parseJson(bytes));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new AppError({
      code: "manifest-unusable",
      message: `the manifest ${digest.slice(0, 12)} cannot be used by this agent: ${issue?.path.join(".")} ${issue?.message}`,
    });
  }

  #choose(manifest: ModelManifest): Pick<Slot, "variant" | "passedOver"> {
    const { variant, passedOver } = chooseVariant(manifest, this.#profile);
    if (variant !== undefined) return { variant, passedOver };
    const needs = manifest.variants.map(({ kind, requires }) => `${kind}: ${requires.join(", ")}`);
    throw new AppError({
      code: "variant-none",
      message: `${manifest.name} ${manifest.version} has no variant for the profile ${this.#profile.id} (${needs.join("; ")})`,
    });
  }
}

function blobsOf(variant: ModelVariant): BlobRef[] {
  const goldens = variant.goldens.map(({ image, bytes }) => ({ digest: image, bytes }));
  const all = [...goldens, { digest: variant.digest, bytes: variant.bytes }];
  return [...new Map(all.map((blob) => [blob.digest, blob])).values()];
}

function damaged(digest: string, what: string): AppError {
  return new AppError({
    code: "slot-damaged",
    message: `the model slot ${digest.slice(0, 12)} is damaged: ${what}`,
  });
}

function parseJson(bytes: Buffer | undefined): unknown {
  try {
    return bytes === undefined ? undefined : JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined; // the schema refuses it
  }
}
