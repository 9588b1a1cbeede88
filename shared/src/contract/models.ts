/** Registry: blobs, versions, and the aliases devices follow. */
import * as z from "zod/mini";
import { count, semver, sha256, slug, timeMs } from "../ids.ts";
import { compileReport } from "../manifest/compile-report.ts";
import { type ModelVariant, modelManifest, modelSpec, modelVariant } from "../manifest/model.ts";
import { endpoint } from "./endpoint.ts";

export const blobBytesMax = 1024 * 1024 * 1024;

export const modelVersion = z.object({
  name: slug,
  version: semver,
  /** Digest of the canonical manifest. */
  manifest: sha256,
  createdAt: timeMs,
  createdBy: z.string(),
  task: z.string(),
  licence: z.nullable(z.string()),
  bytes: count,
  aliases: z.array(slug),
  /** Cameras that report running it, and cameras that are meant to. */
  running: count,
  desired: count,
  warnings: z.array(z.string()),
});
export type ModelVersion = z.infer<typeof modelVersion>;

/** `production` for the fleet, or the name of a group. */
export const modelAlias = z.object({
  alias: slug,
  version: semver,
  changedAt: timeMs,
  changedBy: z.string(),
});

export const modelSummary = z.object({
  name: slug,
  task: z.string(),
  versions: count,
  newest: semver,
  aliases: z.array(modelAlias),
});
export type ModelSummary = z.infer<typeof modelSummary>;

/** One file of a version that has several. */
export const pushedVariant = z.strictObject({
  kind: modelVariant.shape.kind,
  /** Digest of the ONNX file, already uploaded. */
  model: sha256,
  input: modelVariant.shape.input,
  temperature: modelVariant.shape.temperature,
  requires: modelVariant.shape.requires,
  calibration: modelVariant.shape.calibration,
});
export type PushedVariant = z.infer<typeof pushedVariant>;

/** What a push says about a file that was compiled; the server makes the golden answers anew. */
export function pushedOf({ digest, bytes: _, goldens: __, ...rest }: ModelVariant): PushedVariant {
  return { ...rest, model: digest };
}

const modelParams = z.object({ name: slug });
const versionParams = z.object({ name: slug, version: semver });

export const models = {
  list: endpoint({
    method: "GET",
    path: "/api/v1/models",
    summary: "Models with their aliases",
    access: "models:read",
    reply: z.object({ items: z.array(modelSummary) }),
  }),
  versions: endpoint({
    method: "GET",
    path: "/api/v1/models/:name/versions",
    summary: "Versions of a model, highest first",
    access: "models:read",
    params: modelParams,
    reply: z.object({ items: z.array(modelVersion) }),
  }),
  version: endpoint({
    method: "GET",
    path: "/api/v1/models/:name/versions/:version",
    summary: "One version with its canonical manifest",
    access: "models:read",
    params: versionParams,
    reply: z.object({ ...modelVersion.shape, document: modelManifest }),
  }),
  report: endpoint({
    method: "GET",
    path: "/api/v1/models/:name/versions/:version/report",
    summary: "What compiling the version found out; 404 where it was not compiled",
    access: "models:read",
    params: versionParams,
    reply: compileReport,
  }),
  /** The bytes of all files must be uploaded before, with `uploadBlob`. */
  register: endpoint({
    method: "POST",
    path: "/api/v1/models",
    summary: "Register a version: manifest and files are checked against each other and run once",
    access: "models:push",
    body: z.strictObject({
      spec: modelSpec,
      model: sha256,
      /**
       * All files of the version, best first: a device takes the first that it can run. `model` is
       * one of them, and the one that the others must agree with. Empty where it is the only one,
       * which is then fed as `spec` says.
       */
      variants: z._default(z.array(pushedVariant).check(z.maxLength(16)), []),
      /** What the compiler wrote about the files (JSON, already uploaded). */
      report: z.optional(sha256),
      /** Golden images, already uploaded. Without any, the server makes test pictures. */
      goldens: z._default(z.array(sha256).check(z.maxLength(64)), []),
    }),
    reply: z.object({ ...modelVersion.shape, document: modelManifest }),
    status: 201,
  }),
  promote: endpoint({
    method: "PUT",
    path: "/api/v1/models/:name/aliases/:alias",
    summary: "Point an alias at a version; devices that follow the alias update at once",
    access: "models:promote",
    params: z.object({ name: slug, alias: slug }),
    body: z.strictObject({ version: semver }),
    reply: z.object({ ...modelAlias.shape, devices: count }),
  }),
  /** Body: the bytes, application/octet-stream. */
  uploadBlob: endpoint({
    method: "PUT",
    path: "/api/v1/blobs/:digest",
    summary: "Store bytes under their SHA-256; storing them again changes nothing",
    access: "models:push",
    params: z.object({ digest: sha256 }),
    reply: z.object({ digest: sha256, bytes: count }),
    status: 201,
    rawBody: "application/octet-stream",
  }),
  hasBlob: endpoint({
    method: "GET",
    path: "/api/v1/blobs/:digest",
    summary: "Whether these bytes are stored",
    access: "models:push",
    params: z.object({ digest: sha256 }),
    reply: z.object({ digest: sha256, bytes: count }),
  }),
};
