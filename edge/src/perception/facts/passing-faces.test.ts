/**
 * Rendered sequences with a known truth through a real detector: heads from real photographs pass in
 * front of a drawn wall at 5 frames a second, of which 10 % are dropped.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { cameraFactsSettings } from "@fieldloop/shared/vision/tracking/camera-facts";
import { advanceFacts, endFacts } from "@fieldloop/shared/vision/tracking/facts";
import { newFacts } from "@fieldloop/shared/vision/tracking/facts-state";
import { seeded } from "@fieldloop/shared/vision/tracking/proof/simulated-scene";
import { loadRaw } from "@fieldloop/shared-node/image";
import { type Model, openModel } from "@fieldloop/shared-node/model";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadModelFiles } from "../../infer/load.ts";

const testData = resolve(process.env.FIELDLOOP_TEST_DATA ?? "../shared/data");
const detector = join(testData, "face-detector.onnx");
const photographs = existsSync(detector);
if (!photographs) console.info(`skipping passing faces: ${testData} is not there`);

const size = { width: 320, height: 240 };
const frameMs = 200;
const droppedShare = 0.1;

/** A cut-out of a photograph, RGB. */
interface Tile {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Where heads are in the photographs, as fractions, with what is around them. */
const heads = [
  ["one-person.jpg", [0.42, 0.04, 0.72, 0.62]],
  ["four-people.jpg", [0.09, 0.1, 0.26, 0.68]],
] as const;

/** One head on its way: it is `from` left of the picture at `startMs` and moves evenly. */
interface Pass {
  readonly tile: Tile;
  readonly startMs: number;
  /** Pixels a second, to the right; negative to the left. */
  readonly speed: number;
  readonly top: number;
}

async function cutOut(photo: string, [x1, y1, x2, y2]: readonly number[]): Promise<Tile> {
  const bytes = readFileSync(join(testData, "photos", photo));
  const { data, width, height } = await loadRaw({ kind: "encoded", bytes }, photo);
  const [left, top] = [Math.round(x1! * width), Math.round(y1! * height)];
  const [w, h] = [Math.round((x2! - x1!) * width), Math.round((y2! - y1!) * height)];
  const tall = 110;
  const wide = Math.round((w * tall) / h);
  const tile = new Uint8Array(3 * wide * tall);
  for (let y = 0; y < tall; y++)
    for (let x = 0; x < wide; x++) {
      const from =
        3 * ((top + Math.floor((y * h) / tall)) * width + left + Math.floor((x * w) / wide));
      tile.set(data.subarray(from, from + 3), 3 * (y * wide + x));
    }
  return { data: tile, width: wide, height: tall };
}

/** Passes in one lane, one after another, never overlapping. */
function passesOf(
  count: number,
  tiles: readonly Tile[],
  lane: { readonly top: number; readonly direction: 1 | -1 },
  random: () => number,
): Pass[] {
  const passes: Pass[] = [];
  for (let at = 500, i = 0; i < count; i++) {
    const tile = tiles[i % tiles.length]!; // the remainder of its length
    const speed = lane.direction * (150 + 60 * random());
    passes.push({ tile, startMs: at, speed, top: lane.top });
    at += 2600 + 1500 * random();
  }
  return passes;
}

const leftOf = ({ tile, startMs, speed }: Pass, atMs: number): number => {
  const moved = (Math.abs(speed) * (atMs - startMs)) / 1000 - tile.width;
  return Math.round(speed > 0 ? moved : size.width - tile.width - moved);
};

function render(passes: readonly Pass[], atMs: number, noise: () => number): Uint8Array {
  const picture = new Uint8Array(3 * size.width * size.height);
  for (let i = 0; i < picture.length; i++)
    picture[i] = 96 + ((i * 7) % 5) + Math.floor(6 * noise());
  for (const pass of passes) {
    const left = leftOf(pass, atMs);
    const [from, to] = [Math.max(0, -left), Math.min(pass.tile.width, size.width - left)];
    if (from >= to) continue;
    for (let y = 0; y < pass.tile.height; y++) {
      const row = pass.tile.data.subarray(
        3 * (y * pass.tile.width + from),
        3 * (y * pass.tile.width + to),
      );
      picture.set(row, 3 * ((pass.top + y) * size.width + left + from));
    }
  }
  return picture;
}

describe.skipIf(!photographs)("heads that pass before a camera", () => {
  let model: Model;
  let tiles: Tile[];

  beforeAll(async () => {
    model = await openModel(
      (await loadModelFiles(detector, "test/fixtures/face-detector.yaml")).options,
    );
    tiles = await Promise.all(heads.map(([photo, box]) => cutOut(photo, box)));
  });
  afterAll(() => model?.close());

  it.each([1, 2])(
    "are each counted once, in both directions, to one in a hundred (seed %i)",
    async (seed) => {
      const random = seeded(seed);
      const rightwards = passesOf(100, tiles, { top: 4, direction: 1 }, random);
      const leftwards = passesOf(100, tiles, { top: 122, direction: -1 }, random);
      const passes = [...rightwards, ...leftwards];
      const settings = cameraFactsSettings.parse({
        lines: [
          {
            name: "middle",
            points: [
              [0.5, 1],
              [0.5, 0],
            ],
          },
        ],
      });
      const endMs = Math.max(...passes.map(({ startMs }) => startMs)) + 5000;
      let state = newFacts();
      let seen = 0;
      let frames = 0;
      for (let atMs = 0; atMs < endMs; atMs += frameMs) {
        if (random() < droppedShare) continue;
        const near = passes.filter(({ startMs }) => Math.abs(atMs - startMs) < 5000);
        const image = { kind: "raw", data: render(near, atMs, random), ...size } as const;
        const { decision } = await model.infer(image);
        const step = advanceFacts(state, decision, { id: String(frames++), atMs }, settings);
        state = step.state;
        seen += step.events.filter(({ kind }) => kind === "object-seen").length;
      }
      seen += endFacts(state, settings).events.filter(({ kind }) => kind === "object-seen").length;
      const crossed = Object.fromEntries(state.counts.map((it) => [it.direction, it.count]));
      expect(Math.abs(seen - 200)).toBeLessThanOrEqual(2);
      expect(Math.abs((crossed["left-to-right"] ?? 0) - 100)).toBeLessThanOrEqual(1);
      expect(Math.abs((crossed["right-to-left"] ?? 0) - 100)).toBeLessThanOrEqual(1);
    },
  );
});
