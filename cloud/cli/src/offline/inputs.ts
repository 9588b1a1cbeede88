/** What compiling and pruning read before anything is computed. */
import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { type CompletedSpec, completeSpec } from "@fieldloop/shared-node/onnx/complete-spec";
import { readModelFile } from "@fieldloop/shared-node/onnx/external-data";
import { type OnnxInfo, readOnnxInfo } from "@fieldloop/shared-node/onnx/metadata";
import { readModelSpec } from "../model-spec.ts";
import type { Golden } from "./out-folder.ts";

export interface ModelInputs {
  /** With the weights that lay in a second file. */
  readonly file: Uint8Array;
  readonly spec: ModelSpec;
  readonly completed: CompletedSpec;
  readonly goldens: readonly Golden[];
}

/** @throws AppError with one sentence where model, manifest or golden images cannot be used */
export async function readModelInputs(model: string, manifest: string): Promise<ModelInputs> {
  const spec = await readModelSpec(manifest);
  const file = encodeModel(await readModelFile(model));
  const completed = completeInputs(
    spec,
    await readOnnxInfo(file, basename(model)),
    model,
    manifest,
  );
  const goldens: Golden[] = [];
  for (const name of spec.golden ?? []) {
    const path = resolve(dirname(manifest), name);
    goldens.push({ name, bytes: await readNamed(path, "golden image") });
  }
  return { file, spec, completed, goldens };
}

/** @throws AppError with the first thing that does not fit, and all of them in its detail */
export function completeInputs(
  spec: ModelSpec,
  info: OnnxInfo,
  model: string,
  manifest: string,
): CompletedSpec {
  const completed = completeSpec(spec, info);
  if (completed.kind === "problems") throw doesNotFit(model, manifest, completed.problems);
  return completed;
}

/**
 * Labels by name of picture.
 * @param path of a file with lines `file,label`; without one nothing is labelled
 * @throws AppError with one sentence where it cannot be read, or names what the model does not know
 */
export async function readLabels(
  path: string | undefined,
  { manifest }: CompletedSpec,
): Promise<ReadonlyMap<string, string> | undefined> {
  if (path === undefined) return undefined;
  const { parseLabels } = await import("@fieldloop/cloud/models/compiler/samples");
  const text = new TextDecoder().decode(await readNamed(path, "file of labels"));
  return parseLabels(text, manifest.labels, path);
}

async function readNamed(path: string, what: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    const reason = missing ? "does not exist" : `cannot be read: ${messageOf(cause)}`;
    throw new AppError({ code: "bad-file", message: `the ${what} ${path} ${reason}`, cause });
  });
}

function doesNotFit(model: string, manifest: string, problems: readonly string[]): AppError {
  return new AppError({
    code: "bad-manifest",
    message: `${manifest} and ${basename(model)} do not fit together: ${problems[0]}`,
    detail: { errors: problems.map((message) => ({ path: "", message })) },
  });
}
