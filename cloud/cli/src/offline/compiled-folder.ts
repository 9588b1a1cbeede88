/** Writes what a compilation made, ready to be pushed. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Compiled } from "@fieldloop/cloud/models/compiler/compile";
import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import { canonicalJson } from "@fieldloop/shared-node/crypto/canonical-json";
import { stringify } from "yaml";
import { type Golden, writeGoldens, writeWhole } from "./out-folder.ts";

/** Writes every file of the version, its manifest as the compiler and as a person has it, and the report. */
export async function writeCompiled(
  out: string,
  made: {
    readonly compiled: Compiled;
    readonly spec: ModelSpec;
    readonly goldens: readonly Golden[];
  },
): Promise<void> {
  const { compiled, spec, goldens } = made;
  await writeWhole(out, async (folder) => {
    for (const { variant, bytes } of compiled.variants)
      await writeFile(join(folder, `${variant.kind}.onnx`), bytes);
    const pictures = await writeGoldens(folder, goldens);
    await writeFile(join(folder, "model.yaml"), stringify(specOf(compiled, spec, pictures)));
    await writeFile(join(folder, "manifest.json"), canonicalJson(compiled.manifest));
    await writeFile(join(folder, "report.json"), canonicalJson(compiled.report));
  });
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
