/**
 * Draws golden images for a model: `node dist/training/draw-golden.js FOLDER SEED:TICK:TIME_MS ...`
 * writes each frame as it looks in the normal world, named by its true label.
 */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { encodeJpeg } from "@fieldloop/shared-node/image";
import { openScene, truthAt } from "../scene/egg-line.ts";

const [folder, ...frames] = process.argv.slice(2);
if (folder === undefined || frames.length === 0) {
  throw new Error("Give a folder and at least one frame as SEED:TICK:TIME_MS.");
}
await mkdir(folder, { recursive: true });
for (const frame of frames) {
  const [seed, tick, timeMs] = frame.split(":");
  if (seed === undefined || tick === undefined || timeMs === undefined) {
    throw new Error(`"${frame}" is no frame: write SEED:TICK:TIME_MS.`);
  }
  const scene = openScene({ seed, settings: {} });
  const { width, height } = scene;
  const data = scene.render(Number(tick), Number(timeMs));
  const image = { kind: "raw", data, width, height } as const;
  const jpeg = await encodeJpeg(image, { widthMax: width, bytesMax: 64 * 1024 });
  await writeFile(path.join(folder, `${truthAt(seed, Number(tick))}.jpg`), jpeg);
}
