/** What looking after a camera costs per frame: features, registration, state, and their parts. */
import { advance } from "@fieldloop/shared/vision/camera-health/advance";
import { focusMeter } from "@fieldloop/shared/vision/camera-health/focus-meter";
import { initialHealthState } from "@fieldloop/shared/vision/camera-health/health-state";
import { measure } from "@fieldloop/shared/vision/camera-health/measure";
import { referenceOf } from "@fieldloop/shared/vision/camera-health/reference";
import { register } from "@fieldloop/shared/vision/camera-health/register";
import { defaultHealthSettings } from "@fieldloop/shared/vision/camera-health/settings";
import { exposed, seen } from "@fieldloop/shared/vision/camera-health/test/camera";
import { randomFrom } from "@fieldloop/shared/vision/camera-health/test/random";
import { drawn, scenesOf } from "@fieldloop/shared/vision/camera-health/test/scene";
import { type Thumbnail, thumbnailOf } from "@fieldloop/shared/vision/camera-health/thumbnail";
import { type Bar, finish, spread } from "./report.ts";

const rounds = 40;
const sensor = { noise: 2.5, random: randomFrom(1) };

/** Milliseconds of each call after a warm-up, over all thumbnails in turn. */
function timed(thumbnails: readonly Thumbnail[], call: (thumbnail: Thumbnail, i: number) => void) {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    thumbnails.forEach((thumbnail, i) => {
      const start = performance.now();
      call(thumbnail, i);
      if (round >= rounds / 4) times.push(performance.now() - start);
    });
  }
  return spread(times);
}

function framesOf(scene: ReturnType<typeof scenesOf>[number], dx: number): readonly Thumbnail[] {
  return [1, 2, 3, 4].map((minute) => {
    const pose = { dx, dy: 0.6 * dx, degrees: 0 };
    return exposed(seen(drawn(scene, minute), { pose }), 1, sensor, scene.chroma);
  });
}

async function main(): Promise<void> {
  const places = scenesOf(1).map((scene) => {
    const frames = framesOf(scene, 0);
    return { frames, moved: framesOf(scene, 14), reference: referenceOf(frames) };
  });
  const other = places.map((_, i) => places[(i + 1) % places.length]?.frames ?? []);
  const frames = places.flatMap((place) => place.frames);
  const referenceAt = (i: number) => places[Math.floor(i / 4)]?.reference ?? fail();
  const features = frames.map((frame, i) => measure(frame, frames[i - 1], referenceAt(i)));
  let state = initialHealthState();
  let now = Date.UTC(2026, 0, 1);
  const rgb = { data: new Uint8Array(3 * 640 * 480).fill(99), width: 640, height: 480 };
  const small = { data: new Uint8Array(3 * 160 * 120).fill(99), width: 160, height: 120 };
  const figures = {
    measureMs: timed(frames, (frame, i) => measure(frame, frames[i - 1], referenceAt(i))),
    measureWithoutReferenceMs: timed(frames, (frame) => measure(frame)),
    registerStillMs: timed(frames, (frame, i) => register(frame, referenceAt(i), 0.7)),
    registerMovedMs: timed(
      places.flatMap(({ moved }) => moved),
      (frame, i) => register(frame, referenceAt(i), 0.7),
    ),
    registerOtherSceneMs: timed(other.flat(), (frame, i) => register(frame, referenceAt(i), 0.7)),
    advanceMs: timed(frames, (_, i) => {
      now += 60_000;
      state = advance(state, features[i] ?? fail(), now, defaultHealthSettings).state;
    }),
    focusMeterMs: timed(frames, (_, i) => focusMeter(features[i] ?? fail(), 1)),
    referenceOf30Ms: timed(frames.slice(0, 1), () => referenceOf(Array(30).fill(frames[0]))),
    thumbnailOf640x480Ms: timed(frames, () => thumbnailOf(rgb)),
    thumbnailOf160x120Ms: timed(frames, () => thumbnailOf(small, rgb)),
    referenceBytes: JSON.stringify(places[0]?.reference).length,
  };
  console.table(figures);
  const bars: Bar[] = [
    { what: "measure p50, 160 x 120", value: figures.measureMs.p50, most: 2, unit: "ms" },
    { what: "register p50, camera at rest", value: figures.registerStillMs.p50, most: 20, unit: "ms" }, // biome-ignore format: one thought
    { what: "reference", value: figures.referenceBytes, most: 65_536, unit: "B" },
  ];
  await finish({ bench: "camera-health", figures, bars, skipped: [] });
}

function fail(): never {
  throw new Error("there are as many references as places");
}

await main();
