import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compileReport, fileOf } from "@fieldloop/shared/manifest/compile-report";
import { modelManifest } from "@fieldloop/shared/manifest/model";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { temporaryFolder } from "@fieldloop/test/support/folder";
import { redOrBlue, redOrBluePicture } from "@fieldloop/test/support/red-or-blue";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import type { Io } from "../io.ts";
import { readModelSpec } from "../model-spec.ts";
import { run } from "../program.ts";

const side = 32;

const manifest = `name: red-or-blue
version: 1.0.0
licence: MIT
labels: [red, blue]
input: { mean: [0, 0, 0], std: [255, 255, 255] }
output: { kind: classification, activation: softmax }
golden: [golden.jpg]
`;

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  z.config(z.locales.en());
  folder = temporaryFolder();
  writeFileSync(at("model.onnx"), redOrBlue());
  writeFileSync(at("broken.onnx"), redOrBlue(Number.NaN));
  writeFileSync(at("cut.onnx"), redOrBlue().subarray(0, 900));
  writeFileSync(at("model.yaml"), manifest);
  writeFileSync(at("bad.yaml"), manifest.replace("[red, blue]", "[red, blue, green]"));
  for (const name of ["pictures", "none", "damaged"]) mkdirSync(at(name));
  const lines: string[] = ["file,label"];
  for (let i = 0; i < 80; i++) {
    const { name, label, jpeg } = await redOrBluePicture(i);
    writeFileSync(at(`pictures/${name}`), jpeg);
    lines.push(`${name},${label}`);
    if (i === 0) writeFileSync(at("golden.jpg"), jpeg);
    if (i === 1) writeFileSync(at("damaged/a.jpg"), jpeg.subarray(0, jpeg.length / 2));
  }
  writeFileSync(at("labels.csv"), lines.join("\n"));
  writeFileSync(at("wrong.csv"), "000.jpg,green\n");
});

async function tryOut(args: readonly string[], tty = false) {
  let out = "";
  let err = "";
  const io: Io = {
    env: {},
    inIsTty: false,
    outIsTty: tty,
    errIsTty: tty,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    ask: () => Promise.reject(new Error("nothing is asked")),
    now: () => 0,
  };
  return { code: await run(args, io), out, err };
}

const compile = (out: string, more: Readonly<Record<string, string>> = {}) => {
  const { model = "model.onnx", ...flags } = more;
  const all = { manifest: "model.yaml", calibration: "pictures", ...flags };
  const options = Object.entries(all).flatMap(([name, value]) => [`--${name}`, at(value)]);
  return tryOut(["models", "compile", at(model), ...options, "--out", at(out)]);
};

describe("fieldloop models compile", () => {
  it("writes variants, a manifest to push, and a report, without a server", async () => {
    const { code, out, err } = await compile("good", { labels: "labels.csv" });
    expect({ code, err }).toEqual({
      code: 0,
      err: "pictures\nreading\nevaluating\ncalibrating\nsearching\nmeasuring\nfinishing\n",
    });
    expect(out).toContain("red-or-blue 1.0.0: The 8-bit model is");
    expect(out).toContain("as given   2 kB, accuracy 100.0 % on 40 pictures");
    const built = modelManifest.parse(JSON.parse(readFileSync(at("good/manifest.json"), "utf8")));
    for (const { kind, digest, goldens, input } of built.variants) {
      expect(sha256Of(readFileSync(at(`good/${kind}.onnx`)))).toBe(digest);
      expect(goldens).toMatchObject([
        { label: "red", bytes: readFileSync(at("golden.jpg")).length },
      ]);
      expect(input).toMatchObject({ type: "uint8", layout: "NHWC", width: side });
    }
    const spec = await readModelSpec(at("good/model.yaml"));
    expect(spec).toMatchObject({ name: "red-or-blue", golden: ["golden/1-golden.jpg"] });
    expect(spec.input).toEqual(built.variants[0]?.input);
    const report = JSON.parse(readFileSync(at("good/report.json"), "utf8"));
    expect(report).toMatchObject({ schema: "fieldloop.compile-report/2" });
    const { quantisation } = fileOf(compileReport.parse(report), "int8") ?? {};
    expect(quantisation?.layers.length).toBeGreaterThan(2);
  });

  it("makes other files where they are named", async () => {
    const options = ["--manifest", at("model.yaml"), "--calibration", at("pictures")];
    const asked = (kinds: string) =>
      tryOut(
        ["models", "compile", at("model.onnx"), ...options].concat([
          ...["--kinds", kinds, "--out", at("kinds")],
        ]),
      );
    expect(await asked("int4")).toMatchObject({
      code: 2,
      err: expect.stringContaining(
        "Write one or more of int8, int8-reduced, int8-dynamic, float16, with commas.",
      ),
    });
    const { code, out } = await asked("int8-reduced,int8-dynamic");
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}int8-reduced +(not )?published: /m);
    expect(out).toMatch(/^ {2}int8-dynamic +not made\. Dynamic quantisation is for/m);
  });

  it("draws how far it is on a terminal", async () => {
    const args = ["--manifest", at("model.yaml"), "--calibration", at("pictures")];
    const options = [...args, "--out", at("drawn")];
    const { err } = await tryOut(["models", "compile", at("model.onnx"), ...options], true);
    expect(err).toContain("\rcalibrating  [########################] 100 %\u001b[K\n");
    expect(err.endsWith("finishing    [########################] 100 %\u001b[K\n")).toBe(true);
  });

  it("does not write into a folder that holds something", async () => {
    const { code, err } = await compile("pictures");
    expect(code).toBe(1);
    expect(err).toMatch(/^error: the folder .*pictures is not empty; name another one with --out/);
  });

  it.each([
    [{ model: "model.yaml" }, /^error: model\.yaml is no ONNX model\n$/],
    [
      { model: "cut.onnx" },
      /^error: cut\.onnx is cut short or damaged; copy or export it again\n$/,
    ],
    [{ model: "nothing.onnx" }, /^error: nothing\.onnx cannot be read: there is no such file\n$/],
    [
      { model: "broken.onnx" },
      /error: broken\.onnx cannot be compiled: \d+ of the values of its weight w are not finite numbers, so its training has failed or the file is damaged\n$/,
    ],
    [{ calibration: "none" }, /^error: There is no picture in the calibration folder .*none: put/],
    [{ calibration: "gone" }, /^error: There is no folder .*gone to calibrate with\n$/],
    [
      { calibration: "damaged" },
      /error: 1 of 1 pictures in .*damaged cannot be used: a\.jpg is cut short.*; take them out or replace them\n$/,
    ],
    [
      { labels: "wrong.csv" },
      /^error: .*wrong\.csv:1 names the class green; the model knows red, blue\n$/,
    ],
    [{ labels: "gone.csv" }, /^error: the file of labels .*gone\.csv does not exist\n$/],
    [{ manifest: "bad.yaml" }, /^error: .*bad\.yaml and model\.onnx do not fit together: /],
  ])("says in one sentence what is wrong with %j, and writes nothing", async (flags, message) => {
    const before = readdirSync(folder).sort();
    const { code, out, err } = await compile("bad", flags);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(message);
    expect(err.match(/error:/g)).toHaveLength(1);
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  it("wants points that are a share of a hundred", async () => {
    const { code, err } = await tryOut(
      [
        "models",
        "compile",
        "m.onnx",
        "--manifest",
        "m.yaml",
        "--calibration",
        "c",
        "--out",
        "o",
      ].concat(["--max-loss", "101"]),
    );
    expect(code).toBe(2);
    expect(err).toContain("Write points from 0 to 100, for example 0.5.");
  });
});

describe("fieldloop models inspect", () => {
  it("says what a file holds", async () => {
    const { code, out } = await tryOut(["models", "inspect", at("model.onnx")]);
    expect(code).toBe(0);
    expect(out).toContain("320 weights (float32)");
    expect(out).toContain("operator set 13, IR version 8");
    expect(out).toContain("input      x float32 [1, 3, 32, 32]");
    expect(out).toContain("1 Conv, 1 Relu, 1 GlobalAveragePool, 1 Flatten, 1 Gemm");
  });

  it("gives the same as data", async () => {
    const { out } = await tryOut(["--json", "models", "inspect", at("model.onnx")]);
    expect(JSON.parse(out)).toMatchObject({ opset: 13, weights: 320, unknownOperators: [] });
  });

  it("refuses what is no model", async () => {
    const { code, err } = await tryOut(["models", "inspect", at("model.yaml")]);
    expect({ code, err }).toEqual({
      code: 1,
      err: "error: model.yaml is no ONNX model, or it is damaged or cut short\n",
    });
  });
});
