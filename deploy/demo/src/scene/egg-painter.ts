import type { Decals } from "./decals.ts";
import { HEIGHT, WIDTH } from "./frame-size.ts";
import type { Egg } from "./item.ts";
import { TILE_MASK, TILE_SIDE } from "./noise-tile.ts";
import { AXIS_LIMIT, OUTLINE_SAMPLES, type Outline } from "./outline.ts";

type Colour = readonly [number, number, number];

/** The shell's colours, linear reflectance. */
export interface Shell {
  readonly base: Colour;
  /** What dirt of thickness 1 lets through of the shell's colour. */
  readonly dirt: Colour;
  readonly speckle: Colour;
  /** Strength of the cloudy variation of the shell. */
  readonly mottling: number;
  /** Where in the noise tile this shell begins. */
  readonly shiftX: number;
  readonly shiftY: number;
  /** How strongly it shines, 0 to 1; fresh white eggs are almost matt. */
  readonly gloss: number;
}

/** Direction to the lamp (x right, y down, z to the camera) and the half vector to the camera. */
const LAMP: Colour = unit(-0.42, -0.55, 0.82);
const HALF: Colour = unit(LAMP[0], LAMP[1], LAMP[2] + 1);
/** Sheen over the cosine between normal and half vector: a broad one and the lamp's small image. */
const SHEEN = Float32Array.from({ length: 257 }, (_, i) => {
  const cosine = i / 256;
  return 0.1 * cosine ** 14 + 0.3 * cosine ** 150;
});

/** Darkens the line under and beside the egg: a soft shadow away from the lamp, a tight one at its foot. */
export function castShadow(radiance: Float32Array, egg: Egg): void {
  const cos = Math.cos(egg.angle);
  const sin = Math.sin(egg.angle);
  const long = egg.halfLength;
  const wide = egg.halfLength / egg.aspect;
  const reach = Math.ceil(long * 1.55);
  const [left, right] = span(egg.centreX, reach, WIDTH);
  const [top, bottom] = span(egg.centreY, reach, HEIGHT);
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const dx = x - egg.centreX;
      const dy = y - egg.centreY;
      const foot = reachOf((dx * cos + dy * sin) / long, (dy * cos - dx * sin) / wide);
      const sx = dx - 13;
      const sy = dy - 16;
      const soft = reachOf((sx * cos + sy * sin) / long, (sy * cos - sx * sin) / wide);
      const light = ramp((foot - 0.9) / 0.36, 0.3) * ramp((soft - 0.72) / 0.62, 0.34);
      if (light >= 1) continue;
      const out = (y * WIDTH + x) * 3;
      radiance[out] = (radiance[out] ?? 0) * light;
      radiance[out + 1] = (radiance[out + 1] ?? 0) * light;
      radiance[out + 2] = (radiance[out + 2] ?? 0) * light;
    }
  }
}

/** Paints the egg over the line: shading by its height and normal, shell colours, decals, soft edge. */
export function paintEgg(
  radiance: Float32Array,
  egg: Egg,
  outline: Outline,
  shell: Shell,
  decals: Decals,
  tile: Float32Array,
): void {
  const cos = Math.cos(egg.angle);
  const sin = Math.sin(egg.angle);
  const reach = Math.ceil(egg.halfLength * 1.2);
  const [left, right] = span(egg.centreX, reach, WIDTH);
  const [top, bottom] = span(egg.centreY, reach, HEIGHT);
  const perPx = (OUTLINE_SAMPLES - 1) / (2 * AXIS_LIMIT * egg.halfLength);
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const dx = x - egg.centreX;
      const dy = y - egg.centreY;
      const along = dx * cos + dy * sin;
      const sample = Math.round(along * perPx + (OUTLINE_SAMPLES - 1) / 2);
      if (sample < 0 || sample >= OUTLINE_SAMPLES) continue;
      const across = dy * cos - dx * sin - (outline.middle[sample] ?? 0);
      const heightSquared = (outline.squared[sample] ?? -1) - across * across;
      const fall = -(outline.slope[sample] ?? 0) * 2 - across * (outline.middleSlope[sample] ?? 0);
      const steep = 2 * Math.sqrt(fall * fall + across * across) + 1e-3;
      const cover = heightSquared / steep + 0.5;
      if (cover <= 0) continue;
      const height = Math.sqrt(Math.max(0, heightSquared));
      const scale = 1 / (Math.sqrt(fall * fall + across * across + height * height) + 1e-3);
      const nx = (fall * cos - across * sin) * scale;
      const ny = (fall * sin + across * cos) * scale;
      blend(radiance, y * WIDTH + x, Math.min(1, cover), nx, ny, height * scale, {
        shell,
        decals,
        mottle: tile[mottleAt(shell, along, across)] ?? 0,
      });
    }
  }
}

interface Spot {
  readonly shell: Shell;
  readonly decals: Decals;
  readonly mottle: number;
}

function mottleAt(shell: Shell, along: number, across: number): number {
  const tx = (Math.round(along) + shell.shiftX) & TILE_MASK;
  const ty = (Math.round(across) + shell.shiftY) & TILE_MASK;
  return ty * TILE_SIDE + tx;
}

/** Shades one pixel of shell and lays it over what is there. */
function blend(
  radiance: Float32Array,
  pixel: number,
  cover: number,
  nx: number,
  ny: number,
  nz: number,
  spot: Spot,
): void {
  const { shell, decals } = spot;
  const crack = decals.crack[pixel] ?? 0;
  const dirt = decals.dirt[pixel] ?? 0;
  const speckle = decals.speckle[pixel] ?? 0;
  const facing = nx * LAMP[0] + ny * LAMP[1] + nz * LAMP[2];
  // Shell scatters light inside, so the day side reaches a little round the edge.
  const direct = Math.max(0, (facing + 0.22) / 1.22);
  const light = 0.88 * direct + 0.13 * (0.35 + 0.65 * nz) + 0.05 * Math.max(0, ny) * (1 - nz);
  const shine = nx * HALF[0] + ny * HALF[1] + nz * HALF[2];
  const sheen =
    (SHEEN[Math.max(0, Math.round(shine * 256))] ?? 0) * shell.gloss * (1 - dirt) * (1 - crack);
  const tone = (1 + shell.mottling * spot.mottle) * light * (1 - 0.9 * crack);
  const out = pixel * 3;
  for (let c = 0; c < 3; c++) {
    const base = shell.base[c] ?? 0;
    const spotted = base + ((shell.speckle[c] ?? 0) - base) * speckle;
    // Dirt is a filter: where it is thin it tints, where it is thick it hides.
    const soiled = dirt > 0 ? spotted * (shell.dirt[c] ?? 0) ** dirt : spotted;
    // Light that has passed through shell in the shade comes out warmer.
    const warmth = c === 0 ? 0.02 * (1 - direct) : c === 2 ? -0.01 * (1 - direct) : 0;
    const value = soiled * (tone + warmth) + sheen;
    radiance[out + c] = (radiance[out + c] ?? 0) * (1 - cover) + value * cover;
  }
}

/** 0 at the floor and 1 above; `t` is where between them, the floor what remains at its darkest. */
function ramp(t: number, floor: number): number {
  if (t >= 1) return 1;
  const s = t <= 0 ? 0 : t * t * (3 - 2 * t);
  return floor + (1 - floor) * s;
}

function reachOf(x: number, y: number): number {
  return Math.sqrt(x * x + y * y);
}

function span(centre: number, reach: number, size: number): readonly [number, number] {
  return [Math.max(0, Math.floor(centre - reach)), Math.min(size - 1, Math.ceil(centre + reach))];
}

function unit(x: number, y: number, z: number): Colour {
  const length = Math.hypot(x, y, z);
  return [x / length, y / length, z / length];
}
