/** Reads the pictures of a compilation, one after another. */
import { readFile } from "node:fs/promises";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { ModelInput } from "@fieldloop/shared/manifest/model";
import { loadPixels } from "@fieldloop/shared-node/image";
import type { Sample } from "../compiler/evaluate.ts";
import type { CompileRequest } from "./compile-messages.ts";

/**
 * Yields every picture in the model's size.
 * @throws AppError `bad-sample` at the end where some cannot be read, for all of them at once
 */
export async function* readPictures(
  samples: CompileRequest["samples"],
  input: Pick<ModelInput, "width" | "height" | "fit">,
  progress: (share: number) => void,
): AsyncGenerator<Sample> {
  const broken: string[] = [];
  for (const [i, { name, path, label }] of samples.entries()) {
    const pixels = await load(path, input, name).catch((error: unknown) => {
      broken.push(messageOf(error)); // told below
    });
    if (pixels !== undefined) yield { name, pixels, label };
    progress((i + 1) / samples.length);
  }
  if (broken.length === 0) return;
  const more = broken.length === 1 ? "" : ` (and ${broken.length - 1} more like it)`;
  throw new AppError({
    code: "bad-sample",
    message: `${broken.length} of ${samples.length} pictures cannot be used: ${broken[0]}${more}; take them out or replace them`,
  });
}

async function load(
  path: string,
  input: Pick<ModelInput, "width" | "height" | "fit">,
  name: string,
) {
  const image = { kind: "encoded", bytes: await readFile(path) } as const;
  return await loadPixels(image, { size: input, fit: input.fit }, name);
}
