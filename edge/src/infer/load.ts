/** Reads a model and what was written about it, for a run without cloud or slots. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, extname } from "node:path";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { modelManifest, modelSpec } from "@fieldloop/shared/manifest/model";
import type { ModelOptions } from "@fieldloop/shared-node/model";
import { completeSpec } from "@fieldloop/shared-node/onnx/complete-spec";
import { readOnnxInfo } from "@fieldloop/shared-node/onnx/metadata";
import { parse } from "yaml";
import { prettifyError, type ZodMiniType } from "zod/mini";

export interface LoadedModel {
  readonly options: Pick<ModelOptions, "manifest" | "variant" | "model">;
  readonly warnings: readonly string[];
}

/**
 * Reads model and manifest.
 * @param manifestPath a spec (`model.yaml`) or a canonical manifest (JSON is YAML too); `undefined`
 *   where the file's own notes must do, as an Ultralytics export's can
 * @throws AppError that names the file and everything that does not fit
 */
export async function loadModelFiles(
  modelPath: string,
  manifestPath: string | undefined,
): Promise<LoadedModel> {
  const bytes = await readInput(modelPath, "model");
  const name = basename(modelPath);
  const model = { kind: "bytes", bytes, name } as const;
  const written = manifestPath === undefined ? specFor(modelPath) : await readYaml(manifestPath);
  const what = manifestPath === undefined ? name : basename(manifestPath);
  if (isCanonical(written)) {
    const manifest = check(modelManifest, written, what);
    const digest = createHash("sha256").update(bytes).digest("hex");
    const variant = manifest.variants.find((one) => one.digest === digest);
    if (variant === undefined) throw foreign(name, what, digest);
    return { options: { manifest, variant, model }, warnings: [] };
  }
  const done = completeSpec(check(modelSpec, written, what), await readOnnxInfo(bytes, name));
  if (done.kind === "problems") {
    throw new AppError({
      code: "model-mismatch",
      message: `${name} and ${what} do not fit:\n${done.problems.map((one) => `  - ${one}`).join("\n")}`,
      detail: { problems: done.problems },
    });
  }
  const { manifest, variant, warnings } = done;
  return { options: { manifest, variant, model }, warnings };
}

/** Reads a file the person named. */
export async function readInput(path: string, what: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const missing = messageOf(cause).startsWith("ENOENT");
    const reason = missing ? "there is no such file" : messageOf(cause);
    const message = `the ${what} ${path} cannot be read: ${reason}`;
    throw new AppError({ code: "file-unreadable", message, cause });
  }
}

/** The smallest spec: a name made from the file's. */
function specFor(modelPath: string): { name: string; version: string } {
  const stem = basename(modelPath, extname(modelPath)).toLowerCase();
  const name = stem.replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-+|-+$/g, "");
  return { name: name.slice(0, 64).replace(/-$/, "") || "model", version: "0.0.0" };
}

async function readYaml(path: string): Promise<unknown> {
  const text = new TextDecoder().decode(await readInput(path, "manifest"));
  try {
    return parse(text);
  } catch (cause) {
    const [reason = ""] = messageOf(cause).split("\n");
    const message = `${basename(path)} is not YAML: ${reason}`;
    throw new AppError({ code: "manifest-unreadable", message, cause });
  }
}

function isCanonical(value: unknown): boolean {
  return typeof value === "object" && value !== null && "schema" in value;
}

function check<Value>(schema: ZodMiniType<Value>, value: unknown, what: string): Value {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AppError({
    code: "manifest-invalid",
    message: `${what} is not a valid manifest:\n${prettifyError(parsed.error)}`,
  });
}

function foreign(model: string, manifest: string, digest: string): AppError {
  return new AppError({
    code: "model-mismatch",
    message: `${model} (SHA-256 ${digest.slice(0, 12)}…) is none of the variants that ${manifest} lists`,
  });
}
