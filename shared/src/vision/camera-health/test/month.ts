/**
 * A camera that is well, for months: day and night, clouds, lamps that age and flicker, sun that
 * moves its shadows, work and rest, a mount that gives a little with the temperature. Drawn at the
 * thumbnail's own size, a frame a minute.
 */
import type { Thumbnail } from "../thumbnail.ts";
import { type Light, lightAt, seen } from "./camera.ts";
import { latticeNoise, normalsFrom, randomFrom } from "./random.ts";
import { type Canvas, frameSize, type Scene, type Thing, world } from "./scene.ts";

export const monthMinutes = 30 * 24 * 60;

const size = { width: frameSize.width / 4, height: frameSize.height / 4 } as const;
/** Where the mount holds the camera at night, in the morning, at noon: pixels of the frame. */
const creeps = [-0.8, -0.4, 0, 0.4, 0.8] as const;

export class WellCamera {
  readonly #scene: Scene;
  readonly #seed: number;
  readonly #noise: number;
  readonly #backgrounds: readonly Float32Array[];
  readonly #weather: (x: number, y: number) => number;

  constructor(options: { readonly scene: Scene; readonly seed: number; readonly noise: number }) {
    const { scene, seed, noise } = options;
    this.#scene = scene;
    this.#seed = seed;
    this.#noise = noise;
    this.#backgrounds = creeps.map((dx) =>
      quartered(seen(scene.background, { pose: { dx, dy: 0.5 * dx, degrees: 0 } })),
    );
    this.#weather = latticeNoise(seed + 5);
  }

  /** The frame of a minute since the first midnight. */
  at(minute: number): Thumbnail {
    const random = randomFrom(this.#seed * 1_000_003 + Math.round(minute * 60));
    const light = this.lightAt(minute, random);
    const warmth = -Math.cos((2 * Math.PI * (minute - 120)) / 1440);
    const picture = Float32Array.from(this.#backgrounds[Math.round(2 + 1.9 * warmth)] ?? []);
    for (const thing of this.#thingsAt(minute)) drawSmall(picture, thing);
    const chroma = this.isInfraredAt(minute) ? 0.4 : this.#scene.chroma * light.gain ** 0.5;
    return this.#exposed(picture, light, random, chroma);
  }

  /** Outdoors the filter swings away at night. */
  isInfraredAt(minute: number): boolean {
    return this.#scene.outdoors && sunAt(minute) < 0.05;
  }

  lightAt(minute: number, random: () => number): Light {
    const flicker = 1 + 0.06 * (random() - 0.5);
    const age = 1 - (0.35 * minute) / monthMinutes;
    const cloud = 0.5 + 0.5 * this.#weather(minute / 40, 3);
    if (!this.#scene.outdoors) {
      const lamps = isWorkAt(minute) ? 1 : 0.22;
      const window = 0.15 * sunAt(minute) * cloud;
      return { gain: (age * lamps + window) * flicker, tilt: window, shadow: null };
    }
    const sun = sunAt(minute);
    const gain = Math.max(0.07, sun * (0.45 + 0.6 * cloud)) * flicker;
    const across = ((minute % 1440) - 360) / 720;
    const shadow = sun > 0.1 && cloud > 0.55 ? across : null;
    return { gain, tilt: 0.6 * (across - 0.5) * sun, shadow };
  }

  #thingsAt(minute: number): readonly Thing[] {
    // A belt stands still at night with its eggs on it; a car stays in the yard every afternoon.
    if (this.#scene.name === "belt") return this.#scene.things(isWorkAt(minute) ? minute : Math.floor(minute / 1440)); // biome-ignore format: one thought
    const isParked = this.#scene.name === "yard" && minute % 1440 > 780 && minute % 1440 < 1020;
    const car: Thing = { x: 500, y: 450, radiusX: 80, radiusY: 34, level: 150, shape: "box" };
    return isParked ? [...this.#scene.things(minute), car] : this.#scene.things(minute);
  }

  #exposed(picture: Float32Array, light: Light, random: () => number, chroma: number): Thumbnail {
    const amplify = Math.min(4, Math.max(0.5, light.gain ** -0.5));
    const normal = normalsFrom(random);
    const luma = new Uint8Array(size.width * size.height);
    for (let y = 0; y < size.height; y++) {
      for (let x = 0; x < size.width; x++) {
        const i = y * size.width + x;
        const lit = lightAt(light, x / size.width, y / size.height) * amplify;
        const level = (picture[i] ?? 0) * lit;
        const noise = (this.#noise / 4) * amplify * Math.sqrt(0.4 + (0.6 * level) / (128 * amplify)); // biome-ignore format: one thought
        luma[i] = Math.min(255, Math.max(0, Math.round(level + noise * normal())));
      }
    }
    return { ...size, luma, chroma, frame: frameSize };
  }
}

/** Brightness of the sun, 0 at night to 1 at noon. */
function sunAt(minute: number): number {
  return Math.max(0, Math.sin((Math.PI * ((minute % 1440) - 330)) / 840)) ** 0.5;
}

function isWorkAt(minute: number): boolean {
  const isSunday = Math.floor(minute / 1440) % 7 === 6;
  return !isSunday && minute % 1440 >= 360 && minute % 1440 < 1320;
}

function quartered({ width, height, values }: Canvas): Float32Array {
  const small = new Float32Array((width / 4) * (height / 4));
  values.forEach((value, i) => {
    const x = i % width;
    const cell = (((i - x) / width) >> 2) * (width / 4) + (x >> 2);
    small[cell] = (small[cell] ?? 0) + value / 16;
  });
  return small;
}

/** A thing at a quarter of its size, its edge averaged over four points a pixel. */
function drawSmall(picture: Float32Array, thing: Thing): void {
  const middle = { x: thing.x - (world.width - frameSize.width) / 2, y: thing.y - (world.height - frameSize.height) / 2 }; // biome-ignore format: one thought
  const from = (centre: number, radius: number) => Math.max(0, Math.floor((centre - radius) / 4));
  const right = Math.min(size.width - 1, Math.ceil((middle.x + thing.radiusX) / 4));
  const bottom = Math.min(size.height - 1, Math.ceil((middle.y + thing.radiusY) / 4));
  for (let y = from(middle.y, thing.radiusY); y <= bottom; y++) {
    for (let x = from(middle.x, thing.radiusX); x <= right; x++) {
      let share = 0;
      for (const [offsetX, offsetY] of [
        [1, 1],
        [3, 1],
        [1, 3],
        [3, 3],
      ] as const) {
        // biome-ignore format: one thought
        const u = (4 * x + offsetX - middle.x) / thing.radiusX;
        const v = (4 * y + offsetY - middle.y) / thing.radiusY;
        const isInside = thing.shape === "box" ? Math.max(u * u, v * v) <= 1 : u * u + v * v <= 1;
        if (isInside) share += 0.25;
      }
      const [u, v] = [(4 * x + 2 - middle.x) / thing.radiusX, (4 * y + 2 - middle.y) / thing.radiusY]; // biome-ignore format: one thought
      const level = thing.level * (1 - 0.25 * (0.5 * u + 0.7 * v));
      const i = y * size.width + x;
      picture[i] = (picture[i] ?? 0) * (1 - share) + level * share;
    }
  }
}
