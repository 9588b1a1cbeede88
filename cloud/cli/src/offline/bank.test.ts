import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeJpeg } from "@fieldloop/shared-node/image";
import { openModel } from "@fieldloop/shared-node/model";
import { completeSpec } from "@fieldloop/shared-node/onnx/complete-spec";
import { readOnnxInfo } from "@fieldloop/shared-node/onnx/metadata";
import { temporaryFolder } from "@fieldloop/test/support/folder";
import { beforeAll, expect, it } from "vitest";
import * as z from "zod/mini";
import { colourModel } from "../../../../shared/node/test/tiny-onnx.ts";
import type { Io } from "../io.ts";
import { readModelSpec } from "../model-spec.ts";
import { run } from "../program.ts";

const size = { width: 16, height: 12 };
const manifest = `name: belt-watch
version: 1.0.0
licence: MIT
labels: [usual, unusual] # in this order
input: { mean: [0, 0, 0], std: [25.5, 25.5, 25.5] }
output:
  kind: embedding
  embedding: logits # the mean of each channel
`;

let folder: string;
const at = (name: string): string => join(folder, name);
const picture = (red: number, green: number, blue: number) =>
  ({
    kind: "raw",
    data: new Uint8Array(3 * size.width * size.height).map((_, i) => [red, green, blue][i % 3]!),
    ...size,
  }) as const;

beforeAll(async () => {
  z.config(z.locales.en());
  folder = temporaryFolder();
  writeFileSync(at("model.onnx"), colourModel(size.width, size.height));
  writeFileSync(at("model.yaml"), manifest);
  writeFileSync(
    at("classifier.yaml"),
    manifest
      .replace("kind: embedding", "kind: classification")
      .replace("  embedding: logits", "  scores: logits"),
  );
  mkdirSync(at("pictures"));
  mkdirSync(at("few"));
  for (let i = 0; i < 40; i++) {
    const image = picture(200 + (i % 5) * 4, 60 + (i % 7) * 3, 40);
    const jpeg = await encodeJpeg(image, { widthMax: size.width, bytesMax: 20_000 });
    writeFileSync(at(`pictures/${String(i).padStart(2, "0")}.jpg`), jpeg);
    if (i < 3) writeFileSync(at(`few/${i}.jpg`), jpeg);
  }
});

async function bank(...more: readonly string[]) {
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
  return { code: await run(["models", "bank", at("model.onnx"), ...more], io), out, err };
}

it("writes a bank into the manifest, with which the model tells usual pictures from others", async () => {
  const made = await bank(
    "--manifest",
    at("model.yaml"),
    "--pictures",
    at("pictures"),
    "--out",
    at("out.yaml"),
  );
  expect([made.code, made.err]).toEqual([0, "pictures\n"]);
  expect(made.out).toMatch(
    /^A bank of \d+ vectors of 3 numbers, from 40 pictures; threshold .+ fitted on 10 of them that the bank does not hold\.\nWritten to .+out\.yaml\.\n$/,
  );
  const text = readFileSync(at("out.yaml"), "utf8");
  expect(text).toContain("# in this order");
  expect(text).toContain("embedding: logits # the mean of each channel");
  const spec = await readModelSpec(at("out.yaml"));
  const file = readFileSync(at("model.onnx"));
  const completed = completeSpec(spec, await readOnnxInfo(file, "model.onnx"));
  if (completed.kind !== "ok") throw new Error(completed.problems.join("; "));
  const model = await openModel({ ...completed, model: { kind: "bytes", bytes: file, name: "m" } });
  const ask = async (red: number, green: number, blue: number) =>
    (await model.infer(picture(red, green, blue))).decision.label;
  expect(await ask(210, 66, 40)).toBe("usual");
  expect(await ask(40, 66, 210)).toBe("unusual");
  await model.close();
});

it.each([
  [["--manifest", "model.yaml", "--pictures", "few"], "holds 3 pictures; a bank takes at least 20"],
  [["--manifest", "classifier.yaml", "--pictures", "pictures"], "is no anomaly model"],
])("says what is wrong with %j", async ([flag, manifestName, other, pictures], sentence) => {
  const { code, err } = await bank(flag!, at(manifestName!), other!, at(pictures!));
  expect(code).not.toBe(0);
  expect(err).toContain(sentence);
});
