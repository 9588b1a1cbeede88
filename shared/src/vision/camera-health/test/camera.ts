/** From a drawn place to a thumbnail: where the camera points, its lens, light, sensor and JPEG. */
import type { Thumbnail } from "../thumbnail.ts";
import { jpegLike } from "./jpeg.ts";
import { latticeNoise, normalsFrom } from "./random.ts";
import { type Canvas, frameSize } from "./scene.ts";

export interface Pose {
  /** How far the content moves in the picture, pixels of the frame. */
  readonly dx: number;
  readonly dy: number;
  readonly degrees: number;
}

export interface Cover {
  readonly kind: "full" | "half" | "hand" | "tape";
  /** Grey level at the light of the reference, and where it lies: 0 to 1. */
  readonly level: number;
  readonly place: number;
}

export interface Light {
  /** Brightness by the reference's. */
  readonly gain: number;
  /** Brighter to one side by this share. */
  readonly tilt: number;
  /** Where a soft shadow lies (0 to 1 across the picture), or nowhere. */
  readonly shadow: number | null;
}

export interface Optics {
  readonly pose?: Pose;
  /** Standard deviation of the blur in pixels of the frame. */
  readonly blurPixels?: number;
  readonly cover?: Cover;
  /** Share of the scene's light that comes through, and grey level of the veil. */
  readonly fog?: { readonly transmission: number; readonly level: number };
}

export const daylight: Light = { gain: 1, tilt: 0, shadow: null };

/** What the lens makes of the place in this light: the scene is lit, what hides it is near the lens. */
export function seen(canvas: Canvas, optics: Optics, light: Light = daylight): Canvas {
  const { width, height } = frameSize;
  let picture = posed(canvas, optics.pose ?? { dx: 0, dy: 0, degrees: 0 });
  if (light !== daylight) {
    picture = mapped(picture, (value, x, y) => value * lightAt(light, x / width, y / height));
  }
  if (optics.fog !== undefined) {
    const { transmission, level } = optics.fog;
    picture = mapped(
      picture,
      (value) => transmission * value + (1 - transmission) * level * light.gain,
    );
  }
  if ((optics.blurPixels ?? 0) > 0) picture = blurred(picture, optics.blurPixels ?? 0);
  return optics.cover === undefined ? picture : covered(picture, optics.cover, light.gain);
}

function mapped(picture: Canvas, to: (value: number, x: number, y: number) => number): Canvas {
  const { width, values } = picture;
  const mapped = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const x = i % width;
    mapped[i] = to(values[i] ?? 0, x, (i - x) / width);
  }
  return { ...picture, values: mapped };
}

/** The middle of the canvas, turned about its centre and shifted, bilinear. */
function posed(canvas: Canvas, { dx, dy, degrees }: Pose): Canvas {
  const { width, height } = frameSize;
  const values = new Float32Array(width * height);
  if (dx === 0 && dy === 0 && degrees === 0) {
    const left = (canvas.width - width) / 2;
    const top = (canvas.height - height) / 2;
    for (let y = 0; y < height; y++) {
      const from = (y + top) * canvas.width + left;
      values.set(canvas.values.subarray(from, from + width), y * width);
    }
    return { width, height, values };
  }
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [u, v] = [x - (width - 1) / 2 - dx, y - (height - 1) / 2 - dy];
      const atX = cos * u + sin * v + (canvas.width - 1) / 2;
      const atY = -sin * u + cos * v + (canvas.height - 1) / 2;
      values[y * width + x] = sample(canvas, atX, atY);
    }
  }
  return { width, height, values };
}

function sample({ width, height, values }: Canvas, x: number, y: number): number {
  const left = Math.min(width - 2, Math.max(0, Math.floor(x)));
  const top = Math.min(height - 2, Math.max(0, Math.floor(y)));
  const [fx, fy] = [Math.min(1, Math.max(0, x - left)), Math.min(1, Math.max(0, y - top))];
  const i = top * width + left;
  const upper = (values[i] ?? 0) * (1 - fx) + (values[i + 1] ?? 0) * fx;
  const lower = (values[i + width] ?? 0) * (1 - fx) + (values[i + width + 1] ?? 0) * fx;
  return upper * (1 - fy) + lower * fy;
}

/** Gaussian blur, edges repeated. */
export function blurred(picture: Canvas, sigma: number): Canvas {
  const { width, height } = picture;
  const radius = Math.ceil(3 * sigma);
  const raw = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma * sigma)),
  );
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  const kernel = Float32Array.from(raw, (weight) => weight / total);
  const pass = (
    from: Float32Array,
    length: number,
    stride: number,
    lines: number,
    lineStride: number,
  ) => {
    // biome-ignore format: one thought
    const to = new Float32Array(from.length);
    for (let line = 0; line < lines; line++) {
      const start = line * lineStride;
      for (let i = 0; i < length; i++) {
        let sum = 0;
        for (let k = -radius; k <= radius; k++) {
          const at = Math.min(length - 1, Math.max(0, i + k));
          sum += (kernel[k + radius] ?? 0) * (from[start + at * stride] ?? 0);
        }
        to[start + i * stride] = sum;
      }
    }
    return to;
  };
  const across = pass(picture.values, width, 1, height, width);
  return { width, height, values: pass(across, height, width, width, 1) };
}

/** Near the lens nothing is sharp: a cover has soft edges and soft shading of its own. */
function covered(picture: Canvas, { kind, level, place }: Cover, gain: number): Canvas {
  const { width, height } = picture;
  const shade = latticeNoise(Math.floor(place * 1000) + 17);
  const soft = (distance: number) => 1 / (1 + Math.exp(-distance / 9));
  const hand = (x: number, y: number) => {
    const [cx, cy] = [width * (0.25 + 0.5 * place), height * 0.62];
    const palm = 1 - Math.hypot((x - cx) / 150, (y - cy) / 130);
    const fingers = [-95, -32, 32, 95].map(
      (offset) => 1 - Math.hypot((x - cx - offset) / 30, (y - cy + 190) / 130),
    );
    return Math.max(110 * palm, 30 * Math.max(...fingers));
  };
  const inside = (x: number, y: number) => {
    if (kind === "full") return 1;
    if (kind === "half") {
      const angle = 2 * Math.PI * place;
      const [u, v] = [x - width / 2, y - height / 2];
      return soft(u * Math.cos(angle) + v * Math.sin(angle));
    }
    if (kind === "hand") return soft(hand(x, y));
    return soft(70 - Math.abs(x - width * (0.2 + 0.6 * place)));
  };
  return mapped(picture, (value, x, y) => {
    const share = inside(x, y);
    return value + share * (gain * level * (1 + 0.12 * shade(x / 210, y / 210)) - value);
  });
}

export interface Sensor {
  /** Standard deviation of the noise at mid-grey by day, grey levels of one pixel. */
  readonly noise: number;
  readonly random: () => number;
  /** Quality of the JPEG that the camera sends, 1 to 100; raw frames without. */
  readonly jpegQuality?: number;
}

/**
 * Amplification, shot and read noise, rounding, averaging to 160 x 120. Less light is
 * amplified by up to four times half-heartedly, as exposure control does; the noise grows with it.
 * @param gain brightness of the light by the reference's
 */
export function exposed(picture: Canvas, gain: number, sensor: Sensor, chroma: number): Thumbnail {
  const { width, height, values } = picture;
  const amplify = Math.min(4, Math.max(0.5, gain ** -0.5));
  const normal = normalsFrom(sensor.random);
  const bytes = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const level = (values[i] ?? 0) * amplify;
      const noise = sensor.noise * amplify * Math.sqrt(0.4 + (0.6 * Math.max(0, level)) / (128 * amplify)); // biome-ignore format: one thought
      bytes[i] = Math.min(255, Math.max(0, Math.round(level + noise * normal())));
    }
  }
  if (sensor.jpegQuality !== undefined) jpegLike(bytes, width, height, sensor.jpegQuality);
  return small(bytes, chroma);
}

/** Brightness at a place of the picture, 0 to 1 across and down. */
export function lightAt({ gain, tilt, shadow }: Light, x: number, y: number): number {
  const shade = shadow === null ? 1 : 1 - 0.45 / (1 + Math.exp(40 * (Math.abs(x - shadow + 0.2 * y) - 0.12))); // biome-ignore format: one thought
  return gain * (1 + tilt * (x - 0.5)) * shade;
}

/** Means of 4 x 4 pixels. */
function small(bytes: Uint8Array, chroma: number): Thumbnail {
  const [width, height] = [frameSize.width / 4, frameSize.height / 4];
  const sums = new Uint16Array(width * height);
  bytes.forEach((byte, i) => {
    const x = i % frameSize.width;
    const cell = (((i - x) / frameSize.width) >> 2) * width + (x >> 2);
    sums[cell] = (sums[cell] ?? 0) + byte;
  });
  return {
    width,
    height,
    luma: Uint8Array.from(sums, (sum) => Math.round(sum / 16)),
    chroma,
    frame: frameSize,
  };
}
