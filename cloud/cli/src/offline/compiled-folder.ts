/** The folder that a compilation leaves behind; it appears whole or not at all. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Compiled } from "@fieldloop/cloud/models/compiler/compile";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import { canonicalJson } from "@fieldloop/shared-node/crypto/canonical-json";
import { stringify } from "yaml";

/** A golden image, and how the manifest names it. */
export interface Golden {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** @throws AppError `out-taken` where the folder holds something */
export async function checkFree(out: string): Promise<void> {
  const names = await readdir(out).catch((cause: unknown) => {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
    throw unwritable(out, cause);
  });
  if (names.length === 0) return;
  throw new AppError({
    code: "out-taken",
    message: `the folder ${out} is not empty; name another one with --out, or remove it`,
  });
}

/** Fills a folder beside `out` and gives it that name at the end. */
export async function writeCompiled(
  out: string,
  made: {
    readonly compiled: Compiled;
    readonly spec: ModelSpec;
    readonly goldens: readonly Golden[];
  },
): Promise<void> {
  const { compiled, spec, goldens } = made;
  const target = resolve(out);
  const hidden = `.${basename(target)}-${randomBytes(4).toString("hex")}`;
  const folder = join(dirname(target), hidden);
  const names = compiled.variants.map(({ variant }) => `${variant.kind}.onnx`);
  try {
    await mkdir(folder, { recursive: true });
    for (const [i, { bytes }] of compiled.variants.entries())
      await writeFile(join(folder, names[i] ?? ""), bytes);
    if (goldens.length > 0) await mkdir(join(folder, "golden"));
    const pictures = goldens.map(({ name }, i) => `golden/${i + 1}-${basename(name)}`);
    for (const [i, { bytes }] of goldens.entries())
      await writeFile(join(folder, pictures[i] ?? ""), bytes);
    await writeFile(join(folder, "model.yaml"), stringify(specOf(compiled, spec, pictures)));
    await writeFile(join(folder, "manifest.json"), canonicalJson(compiled.manifest));
    await writeFile(join(folder, "report.json"), canonicalJson(compiled.report));
    await rmdir(target).catch(() => undefined); // an empty one may be there; anything else stops the rename
    await rename(folder, target);
  } catch (cause) {
    await rm(folder, { recursive: true, force: true });
    throw unwritable(out, cause);
  }
}

/** What the person wrote, with what compiling changed: how the model is fed, and its temperature. */
function specOf(compiled: Compiled, spec: ModelSpec, golden: readonly string[]): ModelSpec {
  const [best] = compiled.variants;
  if (best === undefined) throw new Error("a compilation always gives a variant");
  const { input, temperature } = best.variant;
  const { task, labels, output, licence } = compiled.manifest;
  return {
    ...spec,
    task,
    labels,
    ...(licence === null ? {} : { licence }),
    input,
    output,
    temperature,
    ...(golden.length === 0 ? {} : { golden: [...golden] }),
  };
}

function unwritable(out: string, cause: unknown): AppError {
  return new AppError({
    code: "out-unwritable",
    message: `the folder ${out} cannot be written: ${messageOf(cause)}`,
    cause,
  });
}
