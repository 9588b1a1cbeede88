import { AppError } from "@fieldloop/shared/errors";
import { compileReport, fileOf } from "@fieldloop/shared/manifest/compile-report";
import type { ModelManifest, ModelVariant } from "@fieldloop/shared/manifest/model";
import { centred } from "@fieldloop/shared/vision/fit";
import { makeInt } from "@fieldloop/shared-node/onnx/attributes";
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { makeGraph, makeValue, modelOf } from "@fieldloop/shared-node/onnx/graph";
import { makeNode } from "@fieldloop/shared-node/onnx/node";
import { floatTensor } from "@fieldloop/shared-node/onnx/tensor";
import { describe, expect, it } from "vitest";
import { type CompileOptions, compileModel } from "./compile.ts";
import type { Sample } from "./evaluate.ts";

const size = { width: 8, height: 8 };
const manifest: Omit<ModelManifest, "variants"> = {
  schema: "fieldloop.model/1",
  name: "red-or-blue",
  version: "1.0.0",
  task: "classification",
  licence: null,
  description: "",
  labels: ["red", "blue"],
  output: { kind: "classification", scores: "logits", activation: "softmax" },
  confidenceMin: 0.6,
};
const variant: Pick<ModelVariant, "input" | "kind" | "temperature"> = {
  kind: "float32",
  temperature: 1,
  input: {
    name: "x",
    layout: "NCHW",
    type: "float32",
    ...size,
    fit: "stretch",
    colour: "rgb",
    mean: [0, 0, 0],
    std: [255, 255, 255],
  },
};

/**
 * Tells red from blue by their means. `drowned` is a constant beside the difference of colours, in
 * one tensor: at a thousand times its size 8 bits cannot hold the difference.
 */
function redOrBlue({ drowned = 0, gain = 1 } = {}): Uint8Array {
  return encodeModel(
    modelOf(
      makeGraph({
        opset: 13,
        inputs: [makeValue("x", "float32", [1, 3, 8, 8])],
        outputs: [makeValue("logits", "float32", [1, 2])],
        nodes: [
          makeNode("Conv", ["x", "w1"], ["c1"]),
          makeNode("Relu", ["c1"], ["r1"]),
          makeNode("Conv", ["r1", "w2", "b2"], ["c2"]),
          makeNode("GlobalAveragePool", ["c2"], ["g"]),
          makeNode("Flatten", ["g"], ["f"]),
          makeNode("Gemm", ["f", "w3"], ["logits"], [makeInt("transB", 1)]),
        ],
        initializers: [
          floatTensor("w1", [3, 3, 1, 1], Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1)),
          floatTensor("w2", [2, 3, 1, 1], Float32Array.of(gain, 0, -gain, 0, 0, 0)),
          floatTensor("b2", [2], Float32Array.of(0, drowned)),
          floatTensor("w3", [2, 2], Float32Array.of(9, 0, -9, 0)),
        ],
      }),
    ),
  );
}

/** Every other one redder, every other one bluer, by up to a third. */
function coloured(count: number): Sample[] {
  return Array.from({ length: count }, (_, i) => {
    const red = i % 4 < 2;
    const more = 10 + ((i * 37) % 75);
    const data = new Uint8Array(3 * 64);
    for (let p = 0; p < 64; p++)
      data.set([100 + (red ? more : 0), 90, 100 + (red ? 0 : more)], 3 * p);
    const label = red ? "red" : "blue";
    return { name: `${i}`, label, pixels: { data, geometry: centred(size, size) } };
  });
}

const compile = (more: Partial<CompileOptions> = {}) =>
  compileModel({
    file: redOrBlue(),
    name: "colours.onnx",
    manifest,
    variant,
    samples: coloured(120),
    lossPointsMax: 0.5,
    ...more,
  });

describe("compiling", () => {
  it("keeps in float what loses too much, and nothing else", async () => {
    const { report } = await compile({ file: redOrBlue({ drowned: 1000 }) });
    const int8 = fileOf(report, "int8");
    expect([report.source.overall, int8?.score.overall]).toEqual([1, 1]);
    // The pooling between them has no node in 8 bits after it, so it is in float by itself.
    expect(int8?.quantisation?.float.toSorted()).toEqual(["c2", "logits"]);
    expect(int8?.operators.int8.QLinearConv).toBe(1);
    expect(int8?.quantisation?.trials).toBeGreaterThan(3);
  });

  it("refuses what loses more than the budget, says by how much, and publishes the float model", async () => {
    const { report, variants } = await compile({
      file: redOrBlue({ drowned: 1000 }),
      trialsMax: 2,
    });
    expect(variants.map(({ variant: { kind } }) => kind)).toEqual(["float32"]);
    expect(fileOf(report, "int8")).toMatchObject({ published: false, latency: null });
    expect(report.outcome).toMatch(
      /^The 8-bit model is not published, since it loses too much accuracy: \d+\.\d\d points with every node in 8 bits, \d+\.\d\d at best of \d+ mixes, and 0\.50 are allowed \(100\.0 % as given, 60 pictures\)\. The float model is published\.$/,
    );
  });

  it("goes on where it was broken off", async () => {
    const file = redOrBlue({ drowned: 1000 });
    const whole: string[][] = [];
    const first = await compile({ file, onTrial: ({ float }) => whole.push([...float]) });
    let trials: CompileOptions["knownTrials"] = [];
    await compile({ file, trialsMax: 3, onTrial: (_, all) => (trials = all) });
    const rest: string[][] = [];
    const again = await compile({
      file,
      knownTrials: trials,
      onTrial: ({ float }) => rest.push([...float]),
    });
    expect(rest.length).toBeLessThan(whole.length);
    const [mine, theirs] = [again, first].map(({ report }) => fileOf(report, "int8"));
    expect(mine?.quantisation?.float).toEqual(theirs?.quantisation?.float);
  });

  it("asks nothing of an old processor where weights have 7 bits", async () => {
    const { report, variants } = await compile({ kinds: ["int8-reduced"] });
    expect(report.variants.map(({ kind }) => kind).toSorted()).toEqual(["float32", "int8-reduced"]);
    expect(fileOf(report, "int8-reduced")).toMatchObject({ lossPoints: 0 });
    for (const { variant: published } of variants) expect(published.requires).toEqual([]);
  });

  it("makes the files that are asked for, and says why it cannot make one", async () => {
    const kinds = ["float16", "int8-dynamic", "int8", "int8"] as const;
    const { report, manifest: made } = await compile({ kinds });
    expect(report.variants.map(({ kind }) => kind).toSorted()).toEqual([
      "float16",
      "float32",
      "int8",
    ]);
    expect(report.notMade).toEqual([
      {
        kind: "int8-dynamic",
        because: expect.stringMatching(/^Dynamic quantisation is for models of large matrices; /),
      },
    ]);
    // A device takes the first that it can run, so the file that only accelerators run comes first.
    const half = fileOf(report, "float16");
    expect(half).toMatchObject({ latency: null, quantisation: null, lossPoints: 0 });
    if (half?.published) expect(made.variants[0]).toMatchObject({ requires: ["cuda"] });
    expect(made.variants.at(-1)?.kind).toBe("float32");
    expect(compileReport.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });

  it("measures agreement with the float model where nothing is labelled", async () => {
    const samples = coloured(40).map((sample) => ({ ...sample, label: null }));
    const { report } = await compile({ samples });
    expect(fileOf(report, "int8")?.score).toMatchObject({
      kind: "agreement",
      samples: 40,
      overall: 1,
    });
    expect(report.samples.heldOut).toBe(false);
    expect(report.variants.map(({ calibration }) => calibration)).toEqual([null, null]);
  });

  it("names the weight that holds no numbers", async () => {
    await expect(compile({ file: redOrBlue({ gain: Number.NaN }) })).rejects.toThrow(
      "colours.onnx cannot be compiled: 2 of the values of its weight w2 are not finite numbers, so its training has failed or the file is damaged",
    );
  });

  it("does not quantise twice", async () => {
    const again = compile({ variant: { ...variant, kind: "int8" } });
    await expect(again).rejects.toThrow(
      "colours.onnx is quantised already; compile the float model that it was made from",
    );
  });

  it("needs samples", async () => {
    const none = compile({ samples: [] });
    await expect(none).rejects.toThrow(AppError);
    await expect(none).rejects.toThrow("There is no picture to calibrate with");
  });
});
