/**
 * Perception as a device has it: four cameras on one model, JPEG frames against raw ones, what the
 * agent adds to decoding and inference, and the same work done by OpenCV DNN in Python.
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { compileModel } from "@fieldloop/cloud/models/compiler/compile";
import { loadModelFiles } from "@fieldloop/edge/infer/load";
import type { Frame } from "@fieldloop/edge/perception/camera/source";
import { OnnxEngine } from "@fieldloop/edge/perception/inference/onnx-engine";
import { type FrameResult, Pipeline } from "@fieldloop/edge/perception/pipeline";
import type { ModelOptions } from "@fieldloop/shared-node/model";
import { completeSpec } from "@fieldloop/shared-node/onnx/complete-spec";
import { readOnnxInfo } from "@fieldloop/shared-node/onnx/metadata";
import { naturalPixels } from "@fieldloop/test/support/natural-pixels";
import { mobileNetV2 } from "@fieldloop/test/support/networks";
import sharp from "sharp";
import { openLine } from "./pipeline-setup.ts";
import { type Bar, finish, root, spread } from "./report.ts";

const cameras = 4;
const fps = 5;
const seconds = 20;
const pictureSize = { width: 1024, height: 768 };
const python = "/usr/bin/python3";
const rounds = 25;

type Images = readonly Frame["image"][];

/** MobileNetV2-1.0-224 in 8 bits with pixels straight in, as the compiler publishes it. */
async function compiledMobileNet(folder: string): Promise<Omit<ModelOptions, "providers">> {
  const network = await mobileNetV2();
  const labels = Array.from({ length: network.classes }, (_, i) => `class-${i}`);
  const output = { kind: "classification", activation: "softmax" } as const;
  const spec = { name: network.name, version: "1.0.0", labels, input: network.input, output };
  const completion = completeSpec(spec, await readOnnxInfo(network.bytes));
  if (completion.kind === "problems") throw new Error(completion.problems.join("; "));
  const { manifest, variant } = completion;
  const { width, height } = variant.input;
  const samples = Array.from({ length: 64 }, (_, i) => {
    const geometry = { input: variant.input, content: variant.input, left: 0, top: 0 };
    const pixels = { data: naturalPixels({ width, height }, 5, i), geometry };
    return { name: `${i}`, pixels, label: null };
  });
  const compiled = await compileModel({
    file: network.bytes,
    name: `${network.name}.onnx`,
    manifest,
    variant,
    samples,
    lossPointsMax: 100, // a random network has no accuracy to keep
    pairs: 20,
  });
  const int8 = compiled.variants.find((one) => one.variant.kind === "int8");
  if (int8 === undefined) throw new Error(compiled.report.outcome);
  const path = join(folder, "mobilenet.onnx");
  await writeFile(path, int8.bytes);
  return { manifest: compiled.manifest, variant: int8.variant, model: { kind: "file", path } };
}

/** Frames of four cameras, each at its own time, until all have been seen. */
async function measureCameras(model: Omit<ModelOptions, "providers">, images: Images) {
  const engine = new OnnxEngine();
  await engine.load({ ...model, intraOpThreads: 1 });
  const results: FrameResult[] = [];
  const names = Array.from({ length: cameras }, (_, i) => `camera-${i + 1}`);
  const pipeline = new Pipeline({
    engine,
    cameras: names.map((name) => ({
      name,
      policy: "adaptive",
      queueFramesMax: 2,
      frameAgeMsMax: null,
    })),
    onResult: (result) => results.push(result),
    onFault: (error) => {
      throw error;
    },
  });
  pipeline.start();
  const begin = performance.now();
  const run = async (name: string, i: number) => {
    const sink = pipeline.sink(name);
    for (let n = 0; n < seconds * fps; n++) {
      const due = begin + ((n + i / cameras) * 1000) / fps;
      await sleep(Math.max(0, due - performance.now()));
      const image = copy(images[(n + i) % images.length]);
      void sink.frame({ id: `${i}-${n}`, capturedAt: Date.now(), image });
    }
  };
  await Promise.all(names.map(run));
  await sleep(500);
  await pipeline.stop();
  await engine.close();
  const dropped = names.flatMap((name) => Object.values(pipeline.stats(name).dropped));
  const warm = results.slice(cameras * fps);
  const stage = (of: keyof FrameResult["stagesMs"]) => spread(warm.map((r) => r.stagesMs[of]));
  return {
    frames: results.length,
    dropped: dropped.reduce((sum, n) => sum + n, 0),
    captureToDecisionMs: stage("total"),
    waitMs: stage("wait"),
    decodeMs: stage("decode"),
    inferMs: stage("infer"),
  };
}

/** One frame at a time, so that nothing waits: what the agent adds to decoding and session.run. */
async function measureOverhead(files: { model: string; manifest: string }, images: Images) {
  const line = await openLine(files);
  const ratios: number[] = [];
  for (let i = 0; i < 30 + 50 * images.length; i++) {
    const next = line.next();
    const image = copy(images[i % images.length]);
    await line.sink.frame({ id: String(i), capturedAt: Date.now(), image });
    const { stagesMs } = await next;
    if (i >= 30) ratios.push(stagesMs.total / (stagesMs.decode + stagesMs.infer));
  }
  await line.stop();
  return spread(ratios);
}

/** Rounds over the photographs, in turns with OpenCV: time of each photograph, and of a round. */
async function compareWithOpenCv(model: string, photos: readonly string[]) {
  const { options } = await loadModelFiles(model, join(root, "test/fixtures/face-detector.yaml"));
  let left = 0;
  let lastOne = (): void => undefined;
  const files = { model, manifest: join(root, "test/fixtures/face-detector.yaml") };
  const line = await openLine(files, () => {
    left--;
    if (left === 0) lastOne();
  });
  const images = photos.map((path) => ({ kind: "encoded", bytes: readFileSync(path) }) as const);
  const child = spawn(python, [join(root, "bench/opencv_faces.py"), model, ...photos], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const theirs: number[] = [];
  const ours: number[] = [];
  const roundRatios: number[] = [];
  const perPhoto = photos.map(() => ({ ours: [] as number[], theirs: [] as number[] }));
  let faces: { ours: readonly number[]; theirs: readonly number[] } | undefined;
  for (let round = -2; round < rounds; round++) {
    child.stdin.write("go\n");
    const answer = JSON.parse((await answers.next()).value as string) as {
      readonly ms: readonly number[];
      readonly faces: readonly number[];
    };
    const found: number[] = [];
    const times: number[] = [];
    for (const image of images) {
      const from = performance.now();
      const next = line.next();
      await line.sink.frame({ id: "photo", capturedAt: Date.now(), image });
      const { decision } = await next;
      times.push(performance.now() - from);
      found.push(decision.detections?.length ?? -1);
    }
    // As a camera delivers them: the next is decoded while one is inferred.
    const from = performance.now();
    const done = new Promise<void>((settle) => {
      lastOne = settle;
    });
    left = images.length;
    for (const image of images) {
      await line.sink.frame({ id: "photo", capturedAt: Date.now(), image });
    }
    await done;
    const piped = performance.now() - from;
    if (round < 0) continue; // both warm up
    const total = answer.ms.reduce((sum, ms) => sum + ms, 0);
    theirs.push(total);
    ours.push(piped);
    roundRatios.push(total / piped);
    perPhoto.forEach((one, i) => {
      one.ours.push(times[i] ?? Number.NaN);
      one.theirs.push(answer.ms[i] ?? Number.NaN);
    });
    faces = { ours: found, theirs: answer.faces };
  }
  child.stdin.end();
  await line.stop();
  const rate = (ms: readonly number[]) => Math.round((1000 * photos.length) / spread(ms).p50);
  return {
    photos: photos.map((path, i) => ({
      photo: path.split("/").at(-1),
      oursMs: spread(perPhoto[i]?.ours ?? []),
      openCvMs: spread(perPhoto[i]?.theirs ?? []),
      faces: [faces?.ours[i], faces?.theirs[i]],
    })),
    framesPerSecond: { ours: rate(ours), openCv: rate(theirs) },
    /** Time of OpenCV by ours for a round, in turns. */
    ratio: spread(roundRatios),
    model: options.manifest.name,
  };
}

function copy(image: Frame["image"] | undefined): Frame["image"] {
  if (image === undefined) throw new Error("there are pictures");
  return image.kind === "encoded"
    ? { kind: "encoded", bytes: image.bytes.slice() }
    : { ...image, data: image.data.slice() };
}

async function drawn(count: number): Promise<{ raw: Images; jpeg: Images }> {
  const raw = Array.from({ length: count }, (_, i) => {
    return { kind: "raw", data: naturalPixels(pictureSize, 5, i), ...pictureSize } as const;
  });
  const jpeg = await Promise.all(
    raw.map(async ({ data }) => {
      const picture = sharp(data, { raw: { ...pictureSize, channels: 3 } });
      return { kind: "encoded", bytes: await picture.jpeg().toBuffer() } as const;
    }),
  );
  return { raw, jpeg };
}

function hasOpenCv(): boolean {
  try {
    execFileSync(python, ["-c", "import cv2, numpy"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "fieldloop-bench-"));
  const bars: Bar[] = [];
  const figures: Record<string, unknown> = {};
  const skipped: string[] = [];
  const { raw, jpeg } = await drawn(8);
  const model = await compiledMobileNet(folder);
  for (const [what, images] of [
    ["JPEG of 1024 x 768", jpeg],
    ["raw frames of 1024 x 768", raw],
  ] as const) {
    const seen = await measureCameras(model, images);
    figures[what] = seen;
    console.log(what, seen);
    const where = `${cameras} cameras at ${fps} fps, MobileNetV2 int8, ${cpus().length} cores, ${what}`;
    const { p95 } = seen.captureToDecisionMs;
    bars.push({ what: `capture to decision p95, ${where}`, value: p95, most: 100, unit: "ms" });
    bars.push({ what: `frames dropped, ${where}`, value: seen.dropped, most: 0, unit: "frames" });
  }
  await rm(folder, { recursive: true });
  const data = resolve(root, process.env.FIELDLOOP_TEST_DATA ?? "../shared/data");
  const detector = join(data, "face-detector.onnx");
  if (!existsSync(detector)) skipped.push("the face detector: the test data is not there");
  else {
    const manifest = join(root, "test/fixtures/face-detector.yaml");
    const folderOf = join(data, "photos");
    const photos = readdirSync(folderOf).map((name) => join(folderOf, name));
    const images = photos.map((path) => ({ kind: "encoded", bytes: readFileSync(path) }) as const);
    const overhead = await measureOverhead({ model: detector, manifest }, images);
    figures.overhead = overhead;
    const what = "capture to decision by decoding and session.run, median over photographs";
    bars.push({ what, value: overhead.p50, most: 1.15, unit: "times" });
    if (!hasOpenCv()) skipped.push(`OpenCV: ${python} has no cv2 (Debian: python3-opencv)`);
    else {
      const compared = await compareWithOpenCv(detector, photos);
      figures.openCv = compared;
      console.table(compared.photos);
      console.log(compared.framesPerSecond);
      const against = "time of OpenCV DNN in Python by ours, a round of photographs in turns";
      bars.push({ what: against, value: compared.ratio.p50, least: 1, unit: "times" });
    }
  }
  await finish({ bench: "perception", figures, bars, skipped });
}

await main();
