import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileOf } from "@fieldloop/shared/manifest/compile-report";
import { modelSpec } from "@fieldloop/shared/manifest/model";
import { loadPixels } from "@fieldloop/shared-node/image";
import { completeSpec } from "@fieldloop/shared-node/onnx/complete-spec";
import { readOnnxInfo } from "@fieldloop/shared-node/onnx/metadata";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { compileModel } from "./compile.ts";
import { askAll, detectionAgreement, type Sample } from "./evaluate.ts";
import { reportText } from "./report-text.ts";

const repository = resolve(import.meta.dirname, "../../../..");
const data = resolve(repository, process.env.FIELDLOOP_TEST_DATA ?? "../shared/data");
const path = join(data, "face-detector.onnx");
const present = existsSync(path);
if (!present) console.info(`skipping the face detector: ${path} is not there`);

it.skipIf(!present)(
  "finds the same faces in 8 bits in every photograph",
  async () => {
    const file = readFileSync(path);
    const spec = modelSpec.parse(
      parse(readFileSync(join(repository, "test/fixtures/face-detector.yaml"), "utf8")),
    );
    const completion = completeSpec(spec, await readOnnxInfo(file));
    if (completion.kind === "problems") throw new Error(completion.problems.join());
    const { manifest, variant } = completion;
    const samples: Sample[] = [];
    for (const name of readdirSync(join(data, "photos"))) {
      const image = { kind: "encoded", bytes: readFileSync(join(data, "photos", name)) } as const;
      const pixels = await loadPixels(image, { size: variant.input, fit: variant.input.fit });
      samples.push({ name, pixels, label: null });
    }
    const compiled = await compileModel({
      file,
      name: "face-detector.onnx",
      manifest,
      variant,
      samples,
      lossPointsMax: 0,
    });
    console.info(reportText(compiled.report));
    const int8 = fileOf(compiled.report, "int8");
    expect(int8).toMatchObject({ lossPoints: 0, quantisation: { notFused: [], left: [] } });
    expect(int8?.operators.int8.QLinearConv).toBe(52);
    const [best] = compiled.variants;
    if (best === undefined) throw new Error("nothing was published");
    const before = await askAll({ bytes: file, manifest, variant }, samples);
    const after = await askAll({ bytes: best.bytes, manifest, variant: best.variant }, samples);
    const found = after.map(({ decision }, i) => {
      const expected = before[i]!.decision;
      return [
        samples[i]!.name,
        expected.detections!.length,
        detectionAgreement(expected, decision),
      ];
    });
    expect(found.map(([, , agreement]) => agreement)).toEqual(samples.map(() => 1));
    expect(found.reduce((sum, [, faces]) => sum + Number(faces), 0)).toBe(16);
  },
  120_000,
);
