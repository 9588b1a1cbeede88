/** A push, step by step: read the manifest, hash and upload the files, register. */
import type { EndpointReply } from "@fieldloop/shared/contract/endpoint";
import { models } from "@fieldloop/shared/contract/models";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { type ModelSpec, modelSpec } from "@fieldloop/shared/manifest/model";
import { client } from "../../api/client.ts";
import { checkSize, isStored, sha256Of, uploadBlob } from "../../api/upload.ts";
import { tm } from "../../text/t-models.ts";

export interface PushFiles {
  readonly model: File;
  readonly manifest: File;
  readonly goldens: readonly File[];
}

/** What is going on, for the person to watch. */
export interface PushStep {
  readonly text: string;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

type Registered = EndpointReply<typeof models.register>;

/** Pushes a version; throws an `AppError` that names what does not fit. */
export async function push(
  files: PushFiles,
  onStep: (step: PushStep) => void,
): Promise<Registered> {
  const spec = await readSpec(files.manifest);
  const all = [files.model, ...files.goldens];
  for (const file of all) checkSize(file);
  const bytesTotal = all.reduce((sum, file) => sum + file.size, 0);
  const digests: string[] = [];
  let before = 0;
  for (const file of all) {
    const step = (text: string, bytes: number) =>
      onStep({ text, bytesDone: before + bytes, bytesTotal });
    step(tm("push.hashing", { name: file.name }), 0);
    const digest = await sha256Of(file);
    const uploading = tm("push.uploading", { name: file.name });
    if (!(await isStored(digest)))
      await uploadBlob(file, digest, (bytes) => step(uploading, Math.min(bytes, file.size)));
    digests.push(digest);
    before += file.size;
  }
  onStep({ text: tm("push.registering"), bytesDone: bytesTotal, bytesTotal });
  const [model = "", ...goldens] = digests;
  return client.call(models.register, { body: { spec, model, goldens } });
}

/** Reads `model.yaml`. The paths of golden images mean nothing in a browser and are left out. */
export async function readSpec(file: File): Promise<ModelSpec> {
  const { parse } = await import("yaml");
  let raw: unknown;
  try {
    raw = parse(await file.text());
  } catch (cause) {
    const message = tm("push.notYaml", { name: file.name, reason: messageOf(cause) });
    throw new AppError({ code: "not-yaml", message, cause });
  }
  const parsed = modelSpec.safeParse(raw);
  if (parsed.success) {
    const { golden: _paths, ...spec } = parsed.data;
    return spec;
  }
  const errors = parsed.error.issues.map(({ path, message }) => ({
    path: path.map(String).join("."),
    message,
  }));
  const message = tm("push.badSpec", { name: file.name });
  throw new AppError({ code: "bad-spec", message, detail: { errors } });
}
