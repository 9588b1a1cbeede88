import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileOf, type VariantReport } from "@fieldloop/shared/manifest/compile-report";
import { modelSpec } from "@fieldloop/shared/manifest/model";
import { loadPixels } from "@fieldloop/shared-node/image";
import { completeSpec } from "@fieldloop/shared-node/onnx/complete-spec";
import { readOnnxInfo } from "@fieldloop/shared-node/onnx/metadata";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { openScene, truthAt } from "../../../../deploy/demo/src/scene/egg-line.ts";
import { type Compiled, compileModel } from "./compile.ts";
import type { Sample } from "./evaluate.ts";
import { reportText } from "./report-text.ts";

const folder = resolve(import.meta.dirname, "../../../../deploy/demo/models/egg-grader/1.0.0");
const cameras = 10;
const framesPerCamera = 60;
const noon = Date.UTC(2026, 5, 1, 12);

/** Frames of cameras the model was neither trained nor measured on. */
async function* eggs(size: { width: number; height: number }): AsyncGenerator<Sample> {
  for (let camera = 0; camera < cameras; camera++) {
    const seed = `compiler-${camera}`;
    const scene = openScene({ seed, settings: { world: "normal" } });
    const { width, height } = scene;
    for (let tick = 0; tick < framesPerCamera; tick++) {
      const image = { kind: "raw", data: scene.render(tick, noon), width, height } as const;
      const pixels = await loadPixels(image, { size, fit: "stretch" });
      yield { name: `${seed}-${tick}`, pixels, label: truthAt(seed, tick) };
    }
  }
}

describe("the egg grader", () => {
  let compiled: Compiled;
  const seen: string[] = [];
  const file = (kind: VariantReport["kind"]): VariantReport => {
    const found = fileOf(compiled.report, kind);
    if (found === undefined) throw new Error(`there is no ${kind} file`);
    return found;
  };

  beforeAll(async () => {
    const file = readFileSync(resolve(folder, "model.onnx"));
    const spec = modelSpec.parse(parse(readFileSync(resolve(folder, "model.yaml"), "utf8")));
    const completion = completeSpec(spec, await readOnnxInfo(file));
    if (completion.kind === "problems") throw new Error(completion.problems.join());
    const { manifest, variant } = completion;
    compiled = await compileModel({
      file,
      name: "model.onnx",
      manifest,
      variant,
      samples: eggs(variant.input),
      goldens: (spec.golden ?? []).map((name) => ({
        name,
        bytes: readFileSync(resolve(folder, name)),
      })),
      lossPointsMax: 0.5,
      kinds: ["int8", "int8-reduced"],
      progress: (stage) => {
        if (seen.at(-1) !== stage) seen.push(stage);
      },
    });
    console.info(reportText(compiled.report));
  }, 120_000);

  it("loses at most half a point on frames that had no part in calibration", () => {
    const { source, samples } = compiled.report;
    expect(samples).toMatchObject({ calibration: 300, evaluation: 300, heldOut: true });
    expect(source.kind).toBe("accuracy");
    expect(source.overall).toBeGreaterThan(0.95);
    expect(file("int8").lossPoints).toBeLessThanOrEqual(0.5);
    expect(file("int8-reduced").lossPoints).toBeLessThanOrEqual(0.5);
    expect(Object.keys(file("int8").score.perClass).sort()).toEqual([
      "clean",
      "cracked",
      "dirty",
      "empty",
      "misshapen",
    ]);
  });

  it("takes pixels as they are, and the float graph answers as the file does", () => {
    const { source, inputLeft } = compiled.report;
    expect(inputLeft).toBeNull();
    expect(file("float32").score).toEqual(source);
    for (const { variant } of compiled.variants)
      expect(variant.input).toMatchObject({ type: "uint8", layout: "NHWC", mean: [0, 0, 0] });
  });

  it("is less than a third of the file", () => {
    const { bytes } = compiled.report.model;
    expect(file("int8").bytes / bytes).toBeLessThanOrEqual(0.32);
  });

  it("computes in 8 bits throughout, as the graph that really runs shows", () => {
    const { operators, quantisation } = file("int8");
    expect(quantisation?.notFused).toEqual([]);
    expect(operators.float).toEqual({});
    expect(operators.int8).toMatchObject({ QLinearConv: 25, QLinearAdd: 6, QGemm: 1 });
    // One for the embedding, which is an output of floats. The pixels need none.
    expect(operators.conversions).toBe(1);
  });

  it("says how far each layer is from the float model", () => {
    const layers = file("int8").quantisation?.layers ?? [];
    expect(layers.length).toBeGreaterThan(30);
    for (const { sqnrDb } of layers) expect(sqnrDb).toBeGreaterThan(5);
  });

  it("is published with golden answers of its own and a temperature that fits it", () => {
    const { variants, report, manifest } = compiled;
    expect(report.outcome).toMatch(/^The 8-bit model is (published|not published)/);
    expect(manifest.variants).toEqual(variants.map(({ variant }) => variant));
    const labels = ["clean", "cracked", "dirty", "misshapen", "empty"];
    for (const { variant, bytes } of variants) {
      expect(variant.goldens.map(({ label }) => label)).toEqual(labels);
      expect(variant.bytes).toBe(bytes.length);
      expect(variant.requires).toEqual(variant.kind === "int8" ? ["int8-dot"] : []);
    }
    for (const kind of ["float32", "int8", "int8-reduced"] as const) {
      const { calibration } = file(kind);
      expect(calibration?.samples).toBe(300);
      expect(calibration?.nll.after).toBeLessThanOrEqual(calibration?.nll.before ?? 0);
    }
  });

  it("tells how far it is", () => {
    expect(new Set(seen)).toEqual(
      new Set(["reading", "evaluating", "calibrating", "searching", "measuring", "finishing"]),
    );
  });
});
