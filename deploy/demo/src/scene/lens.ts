import { HEIGHT, WIDTH } from "./frame-size.ts";
import { sensorNoise } from "./noise-tile.ts";
import { between, randomFrom } from "./random.ts";

/** A power of two, longer than one frame's RGB values by far, so that no pattern shows. */
const NOISE_LENGTH = 1 << 19;
let noiseTable: Int8Array | null = null;

/** Linear light to the bytes of an sRGB-like picture; the shoulder keeps highlights from cutting off. */
const TONE_STEPS = 4096;
const TONE = Uint8Array.from({ length: TONE_STEPS }, (_, i) => {
  const light = (i / (TONE_STEPS - 1)) * 1.6;
  const rolled = light < 0.7 ? light : 0.7 + 0.3 * Math.tanh((light - 0.7) / 0.42);
  const coded = rolled <= 0.0031308 ? 12.92 * rolled : 1.055 * rolled ** (1 / 2.4) - 0.055;
  return Math.round(255 * Math.min(1, coded));
});

/** How the light lies on the frame: the lamp's cone and the lens's own falloff. One gain a pixel. */
export function lightMap(seed: number, falloff: number): Float32Array {
  const random = randomFrom(seed, 201);
  const lampX = WIDTH * between(random, 0.38, 0.5);
  const lampY = HEIGHT * between(random, 0.32, 0.46);
  const gain = between(random, 0.96, 1.04);
  const map = new Float32Array(WIDTH * HEIGHT);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const lamp = ((x - lampX) ** 2 + (y - lampY) ** 2) / 250 ** 2;
      const edge = ((x - WIDTH / 2) ** 2 + (y - HEIGHT / 2) ** 2) / 200 ** 2;
      map[y * WIDTH + x] = (gain * (1 - 0.12 * edge * edge)) / (1 + falloff * 0.85 * lamp) ** 1.25;
    }
  }
  return map;
}

/** What the camera does at one tick. */
export interface Exposure {
  /** Gain on red, green and blue. */
  readonly gains: readonly [number, number, number];
  /** Share of each neighbour that motion smears into a pixel, 0 to 0.3. */
  readonly smear: number;
  readonly noiseCounts: number;
  /** Where in the noise table this frame begins. */
  readonly noiseAt: number;
}

/** Lights the scene: multiplies each pixel by its light and the exposure's gains, in place. */
export function illuminate(radiance: Float32Array, map: Float32Array, exposure: Exposure): void {
  const [red, green, blue] = exposure.gains;
  for (let i = 0, out = 0; i < map.length; i++, out += 3) {
    const light = map[i] ?? 0;
    radiance[out] = (radiance[out] ?? 0) * light * red;
    radiance[out + 1] = (radiance[out + 1] ?? 0) * light * green;
    radiance[out + 2] = (radiance[out + 2] ?? 0) * light * blue;
  }
}

/** Develops the picture: smear along the belt, tone curve, noise. `bytes` clamps what it is given. */
export function develop(
  radiance: Float32Array,
  bytes: Uint8ClampedArray,
  exposure: Exposure,
): void {
  noiseTable ??= sensorNoise(9, NOISE_LENGTH);
  const noise = noiseTable;
  const { smear } = exposure;
  const strength = exposure.noiseCounts / 16;
  const scale = (TONE_STEPS - 1) / 1.6;
  const last = bytes.length - 1;
  for (let i = 0; i <= last; i++) {
    const here = radiance[i] ?? 0;
    const before = radiance[i < 3 ? i : i - 3] ?? 0;
    const after = radiance[i > last - 3 ? i : i + 3] ?? 0;
    const light = here + smear * (before + after - 2 * here);
    const step = light * scale;
    const tone = TONE[step >= TONE_STEPS ? TONE_STEPS - 1 : step | 0] ?? 255;
    bytes[i] = tone + (noise[(i + exposure.noiseAt) & (NOISE_LENGTH - 1)] ?? 0) * strength;
  }
}
