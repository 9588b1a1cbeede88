/** Pictures that have what photographs have in common: much at large scales, little at small ones. */
import { between, type Random, randomFrom } from "@fieldloop/demo/scene/random";

interface Size {
  readonly width: number;
  readonly height: number;
}

const lightOctaves = [2, 4, 8, 16, 32, 64, 128];
const colourOctaves = [2, 4, 8];

/**
 * RGB bytes of value noise whose amplitude falls with the frequency, as in natural images (Field
 * 1987); brightness, contrast and colour differ from picture to picture.
 */
export function naturalPixels(size: Size, ...seed: readonly number[]): Uint8Array<ArrayBuffer> {
  const random = randomFrom(...seed);
  const light = noise(size, lightOctaves, random);
  const warm = noise(size, colourOctaves, random);
  const green = noise(size, colourOctaves, random);
  const brightness = between(random, 70, 185);
  const contrast = between(random, 60, 160);
  const colour = between(random, 10, 70);
  const tint = [between(random, -20, 20), 0, between(random, -20, 20)] as const;
  const pixels = new Uint8ClampedArray(3 * size.width * size.height);
  for (let i = 0; i < light.length; i++) {
    const grey = brightness + contrast * (light[i] ?? 0);
    const [w, g] = [colour * (warm[i] ?? 0), colour * (green[i] ?? 0)];
    pixels[3 * i] = grey + w + tint[0];
    pixels[3 * i + 1] = grey + g + tint[1];
    pixels[3 * i + 2] = grey - w + tint[2];
  }
  return new Uint8Array(pixels.buffer);
}

/** Values of about -1 to 1. */
function noise({ width, height }: Size, octaves: readonly number[], random: Random): Float32Array {
  const values = new Float32Array(width * height);
  for (const cells of octaves) {
    const side = cells + 2;
    const grid = Float32Array.from({ length: side * side }, () => between(random, -1, 1));
    const amplitude = 2 / cells;
    for (let y = 0; y < height; y++) {
      const [row, down] = split((y / height) * cells);
      for (let x = 0; x < width; x++) {
        const [column, right] = split((x / width) * cells);
        const at = row * side + column;
        const top = mix(grid[at] ?? 0, grid[at + 1] ?? 0, right);
        const bottom = mix(grid[at + side] ?? 0, grid[at + side + 1] ?? 0, right);
        const i = y * width + x;
        values[i] = (values[i] ?? 0) + amplitude * mix(top, bottom, down);
      }
    }
  }
  return values;
}

function split(position: number): readonly [number, number] {
  const whole = Math.floor(position);
  return [whole, position - whole];
}

function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}
