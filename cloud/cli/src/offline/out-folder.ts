/** The folder that a command leaves behind; it appears whole or not at all. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { AppError, messageOf } from "@fieldloop/shared/errors";

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
export async function writeWhole(
  out: string,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  const target = resolve(out);
  const folder = join(dirname(target), `.${basename(target)}-${randomBytes(4).toString("hex")}`);
  try {
    await mkdir(folder, { recursive: true });
    await fill(folder);
    await rmdir(target).catch(() => undefined); // an empty one may be there; anything else stops the rename
    await rename(folder, target);
  } catch (cause) {
    await rm(folder, { recursive: true, force: true });
    throw unwritable(out, cause);
  }
}

/** Returns how a manifest in the folder names the golden images that now lie there. */
export async function writeGoldens(folder: string, goldens: readonly Golden[]): Promise<string[]> {
  if (goldens.length > 0) await mkdir(join(folder, "golden"));
  const names: string[] = [];
  for (const [i, { name, bytes }] of goldens.entries()) {
    const path = `golden/${i + 1}-${basename(name)}`;
    await writeFile(join(folder, path), bytes);
    names.push(path);
  }
  return names;
}

function unwritable(out: string, cause: unknown): AppError {
  return new AppError({
    code: "out-unwritable",
    message: `the folder ${out} cannot be written: ${messageOf(cause)}`,
    cause,
  });
}
