/**
 * Writes labelled frames of the egg line for training, already in the size of the models' input.
 *
 *   node dist/training/export-frames.js FOLDER SPLIT WORLD FRAMES
 *
 * gives FOLDER/SPLIT-WORLD.bin (8-bit RGB, 120 rows of 160 pixels a frame) and the same name with
 * .json: its labels as indices, and how to draw each frame again. SPLIT is part of every camera's
 * seed, so splits of different names share no frame.
 */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { loadPixels } from "@fieldloop/shared-node/image";
import { LABELS, openScene, truthAt, WORLDS } from "../scene/egg-line.ts";
import { hashNumbers, hashText } from "../scene/random.ts";

/** The models' input, in pixels. */
const INPUT = { size: { width: 160, height: 120 }, fit: "stretch" } as const;
/** Frames drawn per camera: many cameras, so that no model learns one belt by heart. */
const FRAMES_PER_CAMERA = 64;
/** A summer day in UTC; frames are spread over it, so that the daily light curve is covered. */
const DAY_START_MS = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;

/** One frame of a split. */
interface Pick {
  readonly seed: string;
  readonly tick: number;
  readonly capturedAtMs: number;
  readonly label: number;
}

/**
 * Chooses the frames of a split. A training split thins out clean eggs and empty cups, so that the
 * rarer findings have more weight; any other split keeps the line's own mix.
 */
export function pickFrames(split: string, frames: number): Pick[] {
  const thin = split.startsWith("train");
  const picks: Pick[] = [];
  for (let camera = 0; picks.length < frames; camera++) {
    const seed = `${split}-${camera}`;
    let kept = 0;
    for (let tick = 0; kept < FRAMES_PER_CAMERA && picks.length < frames; tick++) {
      const label = truthAt(seed, tick);
      const draw = hashNumbers(hashText(seed), tick, 99);
      if (thin && (label === "clean" || label === "empty") && draw % 2 === 0) continue;
      const capturedAtMs = DAY_START_MS + (draw % DAY_MS);
      picks.push({ seed, tick, capturedAtMs, label: LABELS.indexOf(label) });
      kept++;
    }
  }
  return picks;
}

async function main(): Promise<void> {
  const [folder, split, world, count] = process.argv.slice(2);
  const frames = Number(count);
  if (!folder || !split || !world || !Number.isInteger(frames) || frames < 1) {
    throw new Error(
      `Give a folder, a split, a world (${WORLDS.join(", ")}) and a number of frames.`,
    );
  }
  await mkdir(folder, { recursive: true });
  const picks = pickFrames(split, frames);
  const base = path.join(folder, `${split}-${world}`);
  await writeFrames(`${base}.bin`, picks, world);
  const { width, height } = INPUT.size;
  await writeFile(
    `${base}.json`,
    JSON.stringify({ width, height, world, labels: LABELS, frames: picks }),
  );
  console.log(`${base}: ${frames} frames`);
}

async function writeFrames(file: string, picks: readonly Pick[], world: string): Promise<void> {
  const out = createWriteStream(file);
  let seed = "";
  let scene = openScene({ seed, settings: { world } });
  for (const pick of picks) {
    if (pick.seed !== seed) {
      seed = pick.seed;
      scene = openScene({ seed, settings: { world } });
    }
    const { width, height } = scene;
    const data = scene.render(pick.tick, pick.capturedAtMs);
    // The device's own path from frame to pixels: a model must not meet another one later.
    const pixels = await loadPixels({ kind: "raw", data, width, height }, INPUT);
    if (!out.write(pixels.data)) await once(out, "drain");
  }
  out.end();
  await once(out, "close");
}

if (process.argv[1] !== undefined && import.meta.url.endsWith(path.basename(process.argv[1]))) {
  await main();
}
