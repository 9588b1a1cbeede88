/** Small invented models for tests: a valid manifest, with any bytes as the model file. */
import type { ModelManifest } from "@fieldloop/shared/manifest/model";
import { canonicalJson } from "@fieldloop/shared-node/crypto/canonical-json";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import type { TestCloud } from "./cloud.ts";

export interface PublishedModel {
  readonly target: { name: string; version: string; manifest: string; manifestBytes: number };
  readonly manifest: ModelManifest;
  readonly modelDigest: string;
  readonly goldenDigest: string;
}

/** Puts a model version's blobs into the cloud. */
export function publishModel(
  cloud: TestCloud,
  version: string,
  options: {
    readonly modelBytes?: number;
    readonly requires?: string[];
    /** Puts an 8-bit variant first that asks for these. */
    readonly int8Requires?: string[];
  } = {},
): PublishedModel {
  const model = cloud.addBlob(Buffer.alloc(options.modelBytes ?? 50_000, `model ${version} `));
  const golden = cloud.addBlob(`golden image of ${version}`);
  const manifest: ModelManifest = {
    schema: "fieldloop.model/1",
    name: "eggs",
    version,
    task: "classification",
    licence: null,
    description: "",
    labels: ["clean", "cracked"],
    output: { kind: "classification", scores: "logits", activation: "softmax" },
    confidenceMin: 0.6,
    variants: [
      {
        kind: "float32",
        digest: model.digest,
        bytes: model.bytes,
        input: {
          name: "input",
          layout: "NCHW",
          type: "float32",
          width: 8,
          height: 8,
          fit: "stretch",
          colour: "rgb",
          mean: [0, 0, 0],
          std: [1, 1, 1],
        },
        requires: options.requires ?? [],
        goldens: [
          {
            image: golden.digest,
            bytes: golden.bytes,
            label: "clean",
            detections: null,
            confidence: 0.9,
            tolerance: 0.1,
          },
        ],
        temperature: 1,
      },
    ],
  };
  const [float] = manifest.variants;
  if (float !== undefined && options.int8Requires !== undefined) {
    const { digest, bytes } = cloud.addBlob(`8-bit model ${version}`);
    const requires = options.int8Requires;
    manifest.variants.unshift({ ...float, kind: "int8", digest, bytes, requires });
  }
  const text = canonicalJson(manifest);
  const { bytes } = cloud.addBlob(text);
  return {
    target: { name: "eggs", version, manifest: sha256Of(text), manifestBytes: bytes },
    manifest,
    modelDigest: model.digest,
    goldenDigest: golden.digest,
  };
}
