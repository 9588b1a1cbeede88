import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@fieldloop/test/support/folder";
import { expect, it } from "vitest";
import { readModelSpec } from "./model-spec.ts";

const page = readFileSync(
  fileURLToPath(new URL("../../../docs/models.md", import.meta.url)),
  "utf8",
);
const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = ""]) => text);

it("docs/models.md shows manifests that are read", async () => {
  expect(examples).toHaveLength(3);
  const path = join(temporaryFolder(), "model.yaml");
  const kinds: unknown[] = [];
  for (const example of examples) {
    writeFileSync(path, example);
    kinds.push((await readModelSpec(path)).output?.kind);
  }
  expect(kinds).toEqual(["detections", "segmentation", "embedding"]);
});
