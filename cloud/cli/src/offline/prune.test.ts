import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeJpeg } from "@fieldloop/shared-node/image";
import { makeInt } from "@fieldloop/shared-node/onnx/attributes";
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { makeGraph, makeValue, modelOf } from "@fieldloop/shared-node/onnx/graph";
import { readOnnxInfo } from "@fieldloop/shared-node/onnx/metadata";
import { makeNode } from "@fieldloop/shared-node/onnx/node";
import { floatTensor } from "@fieldloop/shared-node/onnx/tensor";
import { temporaryFolder } from "@fieldloop/test/support/folder";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import type { Io } from "../io.ts";
import { readModelSpec } from "../model-spec.ts";
import { run } from "../program.ts";

const side = 16;

/** Tells red from blue with half of its channels; the others do nothing. */
function redOrBlue(activation: string): Uint8Array {
  const weights = Float32Array.from({ length: 32 * 3 }, (_, i) => {
    const channel = Math.floor(i / 3);
    return channel < 16 && i % 3 === (channel < 8 ? 0 : 2) ? 1 : 0;
  });
  const head = Float32Array.from({ length: 64 }, (_, i) => (i % 32 < 8 === i < 32 ? 0.5 : -0.5));
  return encodeModel(
    modelOf(
      makeGraph({
        opset: 13,
        inputs: [makeValue("x", "float32", [1, 3, side, side])],
        outputs: [makeValue("logits", "float32", [1, 2])],
        nodes: [
          makeNode("Conv", ["x", "w"], ["c"]),
          makeNode(activation, ["c"], ["r"]),
          makeNode("GlobalAveragePool", ["r"], ["g"]),
          makeNode("Flatten", ["g"], ["f"]),
          makeNode("Gemm", ["f", "v"], ["logits"], [makeInt("transB", 1)]),
        ],
        initializers: [floatTensor("w", [32, 3, 1, 1], weights), floatTensor("v", [2, 32], head)],
      }),
    ),
  );
}

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
  writeFileSync(at("model.onnx"), redOrBlue("Relu"));
  writeFileSync(at("odd.onnx"), redOrBlue("Sigmoid"));
  writeFileSync(at("model.yaml"), manifest);
  mkdirSync(at("pictures"));
  const lines: string[] = [];
  for (let i = 0; i < 8; i++) {
    const data = new Uint8Array(3 * side * side).map((_, p) => (p % 3 === 2 * (i % 2) ? 200 : 40));
    const image = { kind: "raw", data, width: side, height: side } as const;
    const jpeg = await encodeJpeg(image, { widthMax: side, bytesMax: 20_000 });
    writeFileSync(at(`pictures/${i}.jpg`), jpeg);
    if (i === 0) writeFileSync(at("golden.jpg"), jpeg);
    lines.push(`${i}.jpg,${i % 2 ? "blue" : "red"}`);
  }
  writeFileSync(at("labels.csv"), lines.join("\n"));
});

async function prune(model: string, ...more: readonly string[]) {
  let [out, err] = ["", ""];
  const io: Io = {
    env: {},
    inIsTty: false,
    outIsTty: false,
    errIsTty: false,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    ask: () => Promise.reject(new Error("nothing is asked")),
    now: () => 0,
  };
  const args = ["models", "prune", at(model), "--manifest", at("model.yaml"), ...more];
  return { code: await run(args, io), out, err };
}

describe("fieldloop models prune", () => {
  it("only reports without --out", async () => {
    const before = readdirSync(folder).sort();
    const { code, out, err } = await prune("model.onnx", "--share", "0.5");
    expect({ code, err }).toEqual({ code: 0, err: "reading\nmeasuring\n" });
    expect(out).toContain("16 of 34 channels go at a share of 50.0 %");
    expect(out).toContain("accuracy   not measured");
    expect(out).toContain("ONNX Runtime stores and multiplies zeros like all others");
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  it("writes a smaller model that answers alike where the channels did nothing", async () => {
    const { code, out } = await prune(
      "model.onnx",
      ...["--share", "0.5", "--calibration", at("pictures"), "--labels", at("labels.csv")],
      ...["--out", at("good")],
    );
    expect(code).toBe(0);
    expect(out).toContain("accuracy   100.0 % -> 100.0 % (0.00 points lost) on 8 pictures");
    const file = readFileSync(at("good/model.onnx"));
    expect(file.length).toBeLessThan(readFileSync(at("model.onnx")).length);
    expect((await readOnnxInfo(file)).outputs).toMatchObject([{ name: "logits", shape: [1, 2] }]);
    const spec = await readModelSpec(at("good/model.yaml"));
    expect(spec).toMatchObject({ name: "red-or-blue", golden: ["golden/1-golden.jpg"] });
    const report = JSON.parse(readFileSync(at("good/report.json"), "utf8"));
    expect(report).toMatchObject({
      schema: "fieldloop.prune-report/1",
      total: { before: { parameters: 160 }, after: { parameters: 80 } },
    });
  });

  it.each([
    [["odd.onnx", "--out", "odd"], /all of its channels have to stay, for example since /],
    [["model.onnx", "--share", "0.01", "--out", "few"], /try a larger share or --block 1\n$/],
    [["model.onnx", "--labels", "labels.csv"], /--labels needs --calibration/],
    [["model.onnx", "--out", "pictures"], /pictures is not empty/],
  ])("says in one sentence what is wrong with %j, and writes nothing", async (args, message) => {
    const before = readdirSync(folder).sort();
    const [model = "", ...flags] = args;
    const paths = flags.map((flag) => (/^[a-z]/.test(flag) ? at(flag) : flag));
    const { code, out, err } = await prune(model, ...paths);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(message);
    expect(err.match(/error:/g)).toHaveLength(1);
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  it("wants a share between none and all", async () => {
    const { code, err } = await prune("model.onnx", "--share", "1");
    expect(code).toBe(2);
    expect(err).toContain("Write a share above 0 and below 1, for example 0.2.");
  });
});
