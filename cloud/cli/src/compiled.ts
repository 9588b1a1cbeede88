/** Reads the folder that `fieldloop models compile` leaves behind, for a push. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type PushedVariant, pushedOf } from "@fieldloop/shared/contract/models";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { compileReport } from "@fieldloop/shared/manifest/compile-report";
import {
  type ModelManifest,
  type ModelSpec,
  modelManifest,
  referenceVariant,
} from "@fieldloop/shared/manifest/model";
import { readModelSpec } from "./model-spec.ts";
import { describeFile, type LocalFile } from "./upload.ts";

/** A compiled model, ready to be sent. */
export interface CompiledFolder {
  /** Path of `model.yaml`. */
  readonly manifest: string;
  /** What the compiler wrote; its variants best first. */
  readonly document: ModelManifest;
  readonly spec: ModelSpec;
  /** Those that the variants name, and the report. */
  readonly files: readonly LocalFile[];
  readonly registers: {
    /** Digest of the file that the others are compared with. */
    readonly model: string;
    readonly variants: PushedVariant[];
    /** Digest of the report, where there is one that servers read. */
    readonly report?: string;
  };
}

/** Whether the path names a folder; what does not exist is none. */
export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/**
 * Reads `manifest.json` (the variants, best first), `model.yaml` (what the person said) and the
 * model files, which are told by their digests.
 * @param manifest another `model.yaml`, for example with a higher version
 * @throws AppError `bad-folder` with one sentence where a part is missing or was changed
 */
export async function readCompiled(
  folder: string,
  manifest = join(folder, "model.yaml"),
): Promise<CompiledFolder> {
  const document = await readManifest(folder);
  const { variants } = document;
  const spec = await readModelSpec(manifest);
  const names = (await readdir(folder)).filter((name) => name.endsWith(".onnx")).sort();
  const found = new Map<string, LocalFile>();
  for (const name of names) {
    const file = await describeFile(join(folder, name), "model");
    found.set(file.digest, file);
  }
  const files = variants.map((variant) => {
    const file = found.get(variant.digest);
    if (file !== undefined) return file;
    throw bad(
      folder,
      `has no file with the digest ${variant.digest.slice(0, 12)} of its ${variant.kind} variant: it is missing or was changed; compile again`,
    );
  });
  const report = await readReport(join(folder, "report.json"));
  return {
    manifest,
    document,
    spec,
    files: [...new Set(files), ...(report === undefined ? [] : [report])],
    registers: {
      model: referenceVariant(variants).digest,
      variants: variants.map(pushedOf),
      ...(report === undefined ? {} : { report: report.digest }),
    },
  };
}

/** Folders of older compilers have none that servers read; they are pushed without. */
async function readReport(path: string): Promise<LocalFile | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  if (!compileReport.safeParse(parseJson(text)).success) return undefined;
  return describeFile(path, "compile report");
}

async function readManifest(folder: string): Promise<ModelManifest> {
  const text = await readFile(join(folder, "manifest.json"), "utf8").catch((cause: unknown) => {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    throw bad(
      folder,
      missing
        ? "has no manifest.json; give a folder that `fieldloop models compile` made, or a model file with --manifest"
        : `cannot be read: ${messageOf(cause)}`,
      cause,
    );
  });
  const parsed = modelManifest.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join(".");
  throw bad(
    folder,
    `has a manifest.json that is none: ${where ? `${where}: ` : ""}${issue?.message}; compile again`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the schema refuses it
  }
}

function bad(folder: string, reason: string, cause?: unknown): AppError {
  return new AppError({ code: "bad-folder", message: `the folder ${folder} ${reason}`, cause });
}
