/**
 * Writes labelled pictures of the egg line as `fieldloop models compile` takes them:
 *
 *   node dist/training/export-pictures.js FOLDER SPLIT WORLD FRAMES
 *
 * gives FOLDER/pictures with one JPEG a frame and FOLDER/labels.csv. The frames are those that
 * `export-frames` picks for the same split. The `compiled/` folder of a grader was made from pictures
 * that no training saw:
 *
 *   node dist/training/export-pictures.js /tmp/eggs held normal 2000
 *   cd models/egg-grader/1.0.0
 *   npx --no-install fieldloop models compile model.onnx --manifest model.yaml --out compiled \
 *     --calibration /tmp/eggs/pictures --labels /tmp/eggs/labels.csv --kinds int8,int8-reduced
 */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { encodeJpeg } from "@fieldloop/shared-node/image";
import { LABELS, openScene } from "../scene/egg-line.ts";
import { pickFrames } from "./export-frames.ts";

const [folder, split, world, count] = process.argv.slice(2);
if (folder === undefined || split === undefined || world === undefined || !(Number(count) > 0))
  throw new Error("Give a folder, a split, a world and a number of frames.");
const pictures = path.join(folder, "pictures");
await mkdir(pictures, { recursive: true });
const lines = ["file,label"];
for (const { seed, tick, capturedAtMs, label } of pickFrames(split, Number(count))) {
  const scene = openScene({ seed, settings: { world } });
  const { width, height } = scene;
  const image = { kind: "raw", data: scene.render(tick, capturedAtMs), width, height } as const;
  const name = `${seed}-${tick}.jpg`;
  const jpeg = await encodeJpeg(image, { widthMax: width, bytesMax: 64 * 1024 });
  await writeFile(path.join(pictures, name), jpeg);
  lines.push(`${name},${LABELS[label]}`);
}
await writeFile(path.join(folder, "labels.csv"), `${lines.join("\n")}\n`);
