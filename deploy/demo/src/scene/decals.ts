import { HEIGHT, WIDTH } from "./frame-size.ts";
import type { Egg } from "./item.ts";
import { cloudTile, TILE_MASK, TILE_SIDE } from "./noise-tile.ts";
import { between, type Random } from "./random.ts";

/** What lies on a shell, one value a pixel of the frame, 0 to 1, valid inside the egg's box. */
export interface Decals {
  /** Darkness of cracks and holes. */
  readonly crack: Float32Array;
  /** Thickness of dirt; its colour is the painter's. */
  readonly dirt: Float32Array;
  /** Speckles that some hens lay with. */
  readonly speckle: Float32Array;
}

export function makeDecals(): Decals {
  const pixels = WIDTH * HEIGHT;
  return {
    crack: new Float32Array(pixels),
    dirt: new Float32Array(pixels),
    speckle: new Float32Array(pixels),
  };
}

export function clearDecals(decals: Decals): void {
  decals.crack.fill(0);
  decals.dirt.fill(0);
  decals.speckle.fill(0);
}

/** A place on the egg: `along` and `across` its axis in half-lengths and half-widths. */
export function placeOn(egg: Egg, along: number, across: number): readonly [number, number] {
  const x = along * egg.halfLength;
  const y = (across * egg.halfLength) / egg.aspect;
  const cos = Math.cos(egg.angle);
  const sin = Math.sin(egg.angle);
  return [egg.centreX + x * cos - y * sin, egg.centreY + x * sin + y * cos];
}

/** Draws a line of a width and darkness into a layer; the darker of two strokes wins. */
function stroke(
  layer: Float32Array,
  [x0, y0]: readonly [number, number],
  [x1, y1]: readonly [number, number],
  widthPx: number,
  darkness: number,
): void {
  const reach = widthPx / 2 + 1;
  const dx = x1 - x0;
  const dy = y1 - y0;
  const lengthSquared = dx * dx + dy * dy || 1;
  const right = Math.min(WIDTH - 1, Math.ceil(Math.max(x0, x1) + reach));
  const bottom = Math.min(HEIGHT - 1, Math.ceil(Math.max(y0, y1) + reach));
  for (let y = Math.max(0, Math.floor(Math.min(y0, y1) - reach)); y <= bottom; y++) {
    for (let x = Math.max(0, Math.floor(Math.min(x0, x1) - reach)); x <= right; x++) {
      const t = Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / lengthSquared));
      const distance = Math.hypot(x - x0 - t * dx, y - y0 - t * dy);
      const value = darkness * Math.max(0, Math.min(1, widthPx / 2 + 0.6 - distance));
      const at = y * WIDTH + x;
      if (value > (layer[at] ?? 0)) layer[at] = value;
    }
  }
}

/** How a crack looks: hairline, plain, or an impact with a hole. */
interface CrackStyle {
  readonly widthPx: number;
  readonly darkness: number;
  readonly lengthPx: number;
}

/** Draws one crack system: one or two wandering branches, or the star of an impact. */
export function drawCracks(decals: Decals, egg: Egg, random: Random): void {
  const severity = random();
  const from = placeOn(egg, between(random, -0.6, 0.55), between(random, -0.55, 0.55));
  const heading = random() * Math.PI * 2;
  if (severity < 0.7) {
    const hairline = severity < 0.24;
    const style = {
      widthPx: hairline ? between(random, 0.7, 1) : between(random, 1, 1.7),
      darkness: hairline ? between(random, 0.25, 0.55) : between(random, 0.6, 0.9),
      lengthPx: between(random, hairline ? 26 : 34, 80),
    };
    drawBranch(decals.crack, from, heading, style, 2, random);
    drawBranch(
      decals.crack,
      from,
      heading + Math.PI + between(random, -0.7, 0.7),
      style,
      1,
      random,
    );
    return;
  }
  const rays = 4 + Math.floor(random() * 4);
  for (let ray = 0; ray < rays; ray++) {
    const style = {
      widthPx: between(random, 1, 1.9),
      darkness: between(random, 0.65, 0.95),
      lengthPx: between(random, 16, 50),
    };
    drawBranch(
      decals.crack,
      from,
      heading + (ray * 2 * Math.PI) / rays + random() * 0.5,
      style,
      1,
      random,
    );
  }
  if (severity > 0.82) drawHole(decals.crack, from, between(random, 3, 7.5), random);
}

/** A wandering line that thins out and sends off side branches. */
function drawBranch(
  layer: Float32Array,
  from: readonly [number, number],
  heading: number,
  style: CrackStyle,
  forks: number,
  random: Random,
): void {
  let at = from;
  let direction = heading;
  let gone = 0;
  while (gone < style.lengthPx) {
    const step = between(random, 2.5, 6.5);
    direction += (random() - 0.5) * 0.95;
    const to = [at[0] + Math.cos(direction) * step, at[1] + Math.sin(direction) * step] as const;
    const fade = 1 - 0.55 * (gone / style.lengthPx);
    stroke(layer, at, to, style.widthPx * (0.5 + 0.5 * fade), style.darkness * fade);
    gone += step;
    if (forks > 0 && random() < 0.16) {
      const side = direction + (random() < 0.5 ? -1 : 1) * between(random, 0.5, 1.1);
      const left = { ...style, lengthPx: (style.lengthPx - gone) * between(random, 0.35, 0.8) };
      drawBranch(layer, to, side, left, forks - 1, random);
    }
    at = to;
  }
}

/** A hole where a chip of shell is missing: a dark polygon drawn as spokes. */
function drawHole(
  layer: Float32Array,
  at: readonly [number, number],
  radius: number,
  random: Random,
): void {
  for (let spoke = 0; spoke < 16; spoke++) {
    const turn = (spoke / 16) * Math.PI * 2;
    const reach = radius * between(random, 0.6, 0.95);
    const end = [at[0] + Math.cos(turn) * reach, at[1] + Math.sin(turn) * reach] as const;
    stroke(layer, at, end, 3.2, 0.97);
  }
}

/** Small round spots: speckles of a shell, or specks of dust. */
export function drawSpots(
  layer: Float32Array,
  egg: Egg,
  spots: { readonly count: number; readonly radiusPxMax: number; readonly darkness: number },
  random: Random,
): void {
  for (let n = 0; n < spots.count; n++) {
    const at = placeOn(egg, between(random, -0.97, 0.97), between(random, -1, 1));
    const radius = 0.4 + (spots.radiusPxMax - 0.4) * random() ** 3;
    const to = [
      at[0] + between(random, -1, 1) * radius,
      at[1] + between(random, -1, 1) * radius,
    ] as const;
    stroke(layer, at, to, radius * 1.6, spots.darkness * between(random, 0.45, 1));
  }
}

/** Ragged edges of the dirt, the same for every camera: only where it is looked up varies. */
const RAGGED = cloudTile(77, [32, 16, 8, 4, 2]);

/** One to four blotches with ragged edges, or a smear; some are honestly faint. */
export function drawDirt(decals: Decals, egg: Egg, random: Random): void {
  const faint = random() < 0.25;
  const thickness = faint ? between(random, 0.07, 0.18) : between(random, 0.3, 0.85);
  const count = 1 + Math.floor(random() * 4);
  for (let n = 0; n < count; n++) {
    const [x, y] = placeOn(egg, between(random, -0.65, 0.65), between(random, -0.6, 0.6));
    const radius = between(random, 9, n === 0 ? 27 : 16);
    const stretch = random() < 0.3 ? between(random, 1.6, 2.6) : between(random, 1, 1.4);
    drawBlotch(decals.dirt, { x, y, radius, stretch, turn: random() * Math.PI, thickness }, random);
  }
  const splashes = {
    count: 4 + Math.floor(random() * 14),
    radiusPxMax: 2.4,
    darkness: thickness * 0.8,
  };
  drawSpots(decals.dirt, egg, splashes, random);
}

/** What a sound egg may have too: a shade left by its nest, or a fibre of straw that clings to it. */
export function drawHarmlessMarks(decals: Decals, egg: Egg, random: Random): void {
  if (random() < 0.22) {
    const [x, y] = placeOn(egg, between(random, -0.6, 0.6), between(random, -0.6, 0.6));
    const radius = between(random, 8, 20);
    const thickness = between(random, 0.01, 0.045);
    drawBlotch(
      decals.dirt,
      { x, y, radius, stretch: 1.3, turn: random() * Math.PI, thickness },
      random,
    );
  }
  if (random() < 0.06) {
    const from = placeOn(egg, between(random, -0.6, 0.6), between(random, -0.6, 0.6));
    const turn = random() * Math.PI * 2;
    const length = between(random, 8, 18);
    const to = [from[0] + Math.cos(turn) * length, from[1] + Math.sin(turn) * length] as const;
    stroke(decals.speckle, from, to, 0.8, between(random, 0.12, 0.3));
  }
}

interface Blotch {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly stretch: number;
  readonly turn: number;
  readonly thickness: number;
}

function drawBlotch(layer: Float32Array, blotch: Blotch, random: Random): void {
  const cos = Math.cos(blotch.turn) / blotch.stretch;
  const sin = Math.sin(blotch.turn) / blotch.stretch;
  const shiftX = Math.floor(random() * TILE_SIDE);
  const shiftY = Math.floor(random() * TILE_SIDE);
  const reach = blotch.radius * blotch.stretch * 1.5;
  const bottom = Math.min(HEIGHT - 1, blotch.y + reach);
  const right = Math.min(WIDTH - 1, blotch.x + reach);
  for (let y = Math.max(0, Math.floor(blotch.y - reach)); y <= bottom; y++) {
    for (let x = Math.max(0, Math.floor(blotch.x - reach)); x <= right; x++) {
      const dx = x - blotch.x;
      const dy = y - blotch.y;
      const along = dx * cos + dy * sin;
      const across = (dy * cos - dx * sin) * blotch.stretch;
      const tile = ((y + shiftY) & TILE_MASK) * TILE_SIDE + ((x + shiftX) & TILE_MASK);
      const ragged = RAGGED[tile] ?? 0;
      const depth = 1 + 1.15 * ragged - Math.hypot(along, across) / blotch.radius;
      const cover = Math.max(0, Math.min(1, depth * 2.6));
      const fine =
        RAGGED[((y * 3 + shiftX) & TILE_MASK) * TILE_SIDE + ((x * 3 + shiftY) & TILE_MASK)] ?? 0;
      const value = blotch.thickness * cover * Math.max(0.2, 0.8 + 0.7 * ragged + 0.6 * fine);
      const at = y * WIDTH + x;
      if (value > (layer[at] ?? 0)) layer[at] = value;
    }
  }
}
