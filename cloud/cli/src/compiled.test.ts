import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Compiled } from "@fieldloop/cloud/models/compiler/compile";
import type { ModelVariant } from "@fieldloop/shared/manifest/model";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { afterAll, expect, it } from "vitest";
import { isFolder, readCompiled } from "./compiled.ts";
import { writeCompiled } from "./offline/compiled-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "fieldloop-compiled-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function made(kind: ModelVariant["kind"], text: string, requires: string[]) {
  const bytes = new TextEncoder().encode(text);
  const variant: ModelVariant = {
    kind,
    digest: sha256Of(bytes),
    bytes: bytes.length,
    input: {
      name: "image",
      layout: "NHWC",
      type: "uint8",
      width: 8,
      height: 6,
      fit: "stretch",
      colour: "rgb",
      mean: [0, 0, 0],
      std: [1, 1, 1],
    },
    requires,
    goldens: [],
    temperature: 0.7,
    calibration: {
      samples: 100,
      temperature: 0.7,
      nll: { before: 0.3, after: 0.2 },
      ece: { before: 0.1, after: 0.05 },
    },
  };
  return { variant, bytes };
}

it("reads back what compiling writes: every file, its needs, and the golden images", async () => {
  const variants = [made("int8", "small", ["vnni"]), made("float32", "large", [])];
  const compiled: Compiled = {
    manifest: {
      schema: "fieldloop.model/1",
      name: "eggs",
      version: "1.2.0",
      task: "classification",
      licence: "MIT",
      description: "",
      labels: ["good", "bad"],
      output: { kind: "classification", scores: "logits", activation: "softmax" },
      confidenceMin: 0.6,
      variants: variants.map(({ variant }) => variant),
    },
    variants,
    report: {} as Compiled["report"], // only written down
  };
  const out = join(folder, "compiled");
  const golden = { name: "pictures/good.jpg", bytes: new TextEncoder().encode("picture") };
  const spec = { name: "eggs", version: "1.2.0" };
  await writeCompiled(out, { compiled, spec, goldens: [golden] });

  expect(await isFolder(out)).toBe(true);
  const read = await readCompiled(out);
  expect(read.files.map(({ bytes, digest }) => ({ bytes, digest }))).toEqual(
    variants.map(({ variant: { bytes, digest } }) => ({ bytes, digest })),
  );
  expect(read.registers).toEqual({
    model: variants[1]!.variant.digest,
    variants: variants.map(({ variant: { bytes: _, goldens: __, digest, ...rest } }) => ({
      ...rest,
      model: digest,
    })),
  });
  expect(read.spec).toMatchObject({ ...spec, labels: ["good", "bad"], licence: "MIT" });
  expect(read.spec.golden).toEqual(["golden/1-good.jpg"]);
  expect(read.manifest).toBe(join(out, "model.yaml"));
});

it("takes a file, and what is not there, for no folder", async () => {
  expect([await isFolder(import.meta.filename), await isFolder(join(folder, "gone"))]).toEqual([
    false,
    false,
  ]);
});
