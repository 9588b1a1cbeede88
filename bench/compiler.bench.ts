/**
 * The model compiler on MobileNetV2, ResNet-18 and the demo's models: how long it takes, how much
 * memory, and how much faster and smaller its 8-bit models are.
 */
import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { naturalPixels } from "@fieldloop/test/support/natural-pixels";
import { mobileNetV2, type Network, resNet18 } from "@fieldloop/test/support/networks";
import sharp from "sharp";
import type { CompileAnswer, CompilePlan } from "./compiler-child.ts";
import { type Bar, finish, root } from "./report.ts";

/** Every other picture judges, so 200 are left to calibrate with. */
const pictures = 400;
const pictureSize = { width: 320, height: 240 };
const pairs = 200;

const networks = [
  { what: "MobileNetV2-1.0-224", build: mobileNetV2, ratioLeast: 1.6, secondsMost: 60 },
  { what: "ResNet-18", build: resNet18, ratioLeast: 2.5, secondsMost: null },
];
const demo = [
  { what: "egg model", folder: "egg-grader/1.0.0", sizeMost: 0.32 },
  { what: "egg teacher", folder: "egg-grader-teacher/1.0.0", sizeMost: 0.3 },
];

/** Pictures as a calibration folder holds them: JPEG, larger than the model's input. */
async function drawPictures(folder: string): Promise<void> {
  await mkdir(folder);
  for (let i = 0; i < pictures; i++) {
    const raw = { ...pictureSize, channels: 3 } as const;
    const jpeg = await sharp(naturalPixels(pictureSize, 5, i), { raw })
      .jpeg()
      .toBuffer();
    await writeFile(join(folder, `${String(i).padStart(4, "0")}.jpg`), jpeg);
  }
}

function networkPlan(network: Network, model: string, folder: string): CompilePlan {
  const { name, input, classes } = network;
  const labels = Array.from({ length: classes }, (_, i) => `class-${i}`);
  const output = { kind: "classification", activation: "softmax" } as const;
  const spec = { name, version: "1.0.0", labels, input, output };
  return { kind: "network", model, spec, pictures: folder, pairs };
}

function inChild(plan: CompilePlan): Promise<CompileAnswer> {
  return new Promise((settle, reject) => {
    const child = fork(join(root, "bench/dist/compiler-child.js"));
    child.once("message", (answer) => settle(answer as CompileAnswer)); // the child answers its own plan
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the child ended with ${code} and no answer`)));
    child.send(plan);
  });
}

/** All but the comparison of the speeds. */
function compileSeconds({ stageSeconds }: CompileAnswer): number {
  const { measuring = 0, ...rest } = stageSeconds;
  return Math.round(Object.values(rest).reduce((sum, seconds) => sum + seconds, 0) * 10) / 10;
}

/** Names what stayed in float too: that explains a speed that is missed. */
function print(what: string, answer: CompileAnswer): void {
  const { latency, latencyFromSource, stageSeconds, operators } = answer;
  console.log(`\n${what}: ${answer.outcome}`);
  console.log("  seconds", stageSeconds, `peak ${answer.peakMb} MB`);
  console.log(
    `  p50 ${latency.referenceMs.p50.toFixed(2)} -> ${latency.subjectMs.p50.toFixed(2)} ms`,
  );
  if (latencyFromSource !== null)
    console.log(`  against the file as given ${latencyFromSource.ratioMedian.toFixed(2)} times`);
  console.log("  8 bits", operators.int8, "float", operators.float);
  for (const line of [...answer.notFused, ...answer.left]) console.log(`  in float: ${line}`);
}

function speedBar(what: string, { latency }: CompileAnswer, least: number): Bar {
  const value = Math.round(latency.ratioMedian * 100) / 100;
  return { what: `speed int8 to float, one thread, ${what}`, value, least, unit: "times" };
}

function memoryBar(what: string, { peakMb }: CompileAnswer): Bar {
  return { what: `peak memory of compiling, ${what}`, value: peakMb, most: 1500, unit: "MB" };
}

async function main(folder: string): Promise<void> {
  const skipped: string[] = [];
  const bars: Bar[] = [];
  const figures: Record<string, unknown> = {};
  const keep = (what: string, answer: CompileAnswer): void => {
    figures[what] = { compileSeconds: compileSeconds(answer), ...answer };
    print(what, answer);
  };
  const shown = join(folder, "pictures");
  await drawPictures(shown);
  for (const { what, build, ratioLeast, secondsMost } of networks) {
    const network = await build();
    const model = join(folder, `${network.name}.onnx`);
    await writeFile(model, network.bytes);
    const answer = await inChild(networkPlan(network, model, shown));
    keep(what, answer);
    bars.push(speedBar(what, answer, ratioLeast), memoryBar(what, answer));
    const time = `compile time, ${answer.calibrationPictures} pictures calibrate, ${what}`;
    if (secondsMost !== null)
      bars.push({ what: time, value: compileSeconds(answer), most: secondsMost, unit: "s" });
  }
  for (const { what, folder: name, sizeMost } of demo) {
    const model = join(root, "deploy/demo/models", name, "model.onnx");
    if (!existsSync(model)) {
      skipped.push(`${what}: ${relative(root, model)} is not there`);
      continue;
    }
    const answer = await inChild({ kind: "eggs", model, pairs });
    keep(what, answer);
    const { lossPoints, sizes } = answer;
    const size = Math.round((sizes.int8Bytes / sizes.sourceBytes) * 1000) / 1000;
    bars.push(
      { what: `accuracy lost, ${what}`, value: lossPoints, most: 0.5, unit: "points" },
      { what: `file int8 to float, ${what}`, value: size, most: sizeMost, unit: "times" },
      memoryBar(what, answer),
    );
  }
  await finish({ bench: "compiler", figures, bars, skipped });
}

const folder = await mkdtemp(join(tmpdir(), "fieldloop-bench-"));
try {
  await main(folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}
