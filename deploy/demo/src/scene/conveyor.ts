import { HEIGHT, WIDTH } from "./frame-size.ts";
import { cloudTile, TILE_MASK, TILE_SIDE } from "./noise-tile.ts";
import { between, randomFrom } from "./random.ts";

/** The belt repeats after this many pixels. */
const LOOP_PX = 1024;
/** How far the line moves between two ticks; each egg stands in its own cup. */
const TRAVEL_PX = 212;
const RAIL_PX = 17;
const ROLLER_RADIUS = 25;
const ROLLER_CENTRES = [51, 269] as const;

/** The empty line, ready to be drawn at any tick. Light here is linear, 1 is white in full lamp light. */
export interface Conveyor {
  /** Fills `radiance` (RGB floats) with the line as it stands at a tick, without any egg. */
  draw(radiance: Float32Array, tick: number, jitterPx: number): void;
}

/** Builds one camera's line: textures are drawn once, a frame then only looks them up. */
export function buildConveyor(seed: number): Conveyor {
  const random = randomFrom(seed, 101);
  const tint = beltTint(random());
  const belt = beltTexture(seed);
  const rails = railTexture(seed);
  const surface = cloudTile(seed + 7, [32, 8, 2]);
  return {
    draw(radiance, tick, jitterPx) {
      const offset = (((tick * TRAVEL_PX) % LOOP_PX) + Math.round(jitterPx) + LOOP_PX) % LOOP_PX;
      drawBelt(radiance, belt, tint, offset);
      for (const centre of ROLLER_CENTRES) {
        drawRoller(radiance, surface, centre + jitterPx, tick * 37 + centre);
      }
      drawRails(radiance, rails);
    },
  };
}

function beltTint(draw: number): readonly [number, number, number] {
  return [0.034 + 0.012 * draw, 0.06, 0.068 - 0.012 * draw];
}

/** Woven rubber: ribs across, fine grain, worn patches, and what has dried on it. One value a pixel. */
function beltTexture(seed: number): Float32Array {
  const clouds = cloudTile(seed + 1, [64, 32, 16]);
  const grain = cloudTile(seed + 2, [2, 1]);
  const belt = new Float32Array(LOOP_PX * HEIGHT);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < LOOP_PX; x++) {
      const tile = (y & TILE_MASK) * TILE_SIDE + (x & TILE_MASK);
      const weave =
        ((x >> 1) + (y >> 1)) % 4 === 0 ? 0.16 : ((x >> 1) - (y >> 1)) % 4 === 0 ? -0.14 : 0;
      const rib = y % 12 < 2 ? -0.2 : y % 12 === 2 ? 0.12 : 0;
      const value = 1 + 0.34 * (clouds[tile] ?? 0) + 0.22 * (grain[tile] ?? 0) + weave + rib;
      belt[y * LOOP_PX + x] = Math.max(0.25, value);
    }
  }
  litter(belt, seed);
  return belt;
}

/** Bits of straw and dust that ride on the belt and mean nothing. */
function litter(belt: Float32Array, seed: number): void {
  const random = randomFrom(seed, 103);
  for (let n = 0; n < 70; n++) {
    let x = random() * LOOP_PX;
    let y = between(random, RAIL_PX, HEIGHT - RAIL_PX);
    let heading = random() * Math.PI * 2;
    const brightness = between(random, 1.5, 3.6);
    const length = random() < 0.5 ? 2 : between(random, 4, 16);
    for (let step = 0; step < length; step++) {
      const at = Math.floor(y) * LOOP_PX + (Math.floor(x + LOOP_PX) % LOOP_PX);
      if (y >= 0 && y < HEIGHT) belt[at] = brightness;
      heading += (random() - 0.5) * 0.3;
      x += Math.cos(heading);
      y += Math.sin(heading);
    }
  }
}

function drawBelt(
  radiance: Float32Array,
  belt: Float32Array,
  tint: readonly [number, number, number],
  offset: number,
): void {
  const [red, green, blue] = tint;
  let out = RAIL_PX * WIDTH * 3;
  for (let y = RAIL_PX; y < HEIGHT - RAIL_PX; y++) {
    const row = y * LOOP_PX;
    for (let x = 0; x < WIDTH; x++) {
      const value = belt[row + ((x + offset) & (LOOP_PX - 1))] ?? 0;
      radiance[out] = value * red;
      radiance[out + 1] = value * green;
      radiance[out + 2] = value * blue;
      out += 3;
    }
  }
}

/** A turning rubber roller: a cylinder with rings, a sheen along it, and a shadow on either side. */
function drawRoller(
  radiance: Float32Array,
  surface: Float32Array,
  centre: number,
  spin: number,
): void {
  const reach = ROLLER_RADIUS + 12;
  for (let x = Math.max(0, Math.ceil(centre - reach)); x < Math.min(WIDTH, centre + reach); x++) {
    const across = (x - centre) / ROLLER_RADIUS;
    if (Math.abs(across) >= 1) {
      const shade = 0.38 + (0.62 * (Math.abs(x - centre) - ROLLER_RADIUS)) / 12;
      shadeColumn(radiance, x, shade);
      continue;
    }
    const height = Math.sqrt(1 - across * across);
    const turn = (Math.floor((Math.asin(across) / Math.PI) * TILE_SIDE) + spin) & TILE_MASK;
    const edge = Math.min(1, (1 - Math.abs(across)) * ROLLER_RADIUS);
    const body = 0.012 + 0.05 * Math.max(0, 0.93 * height - 0.36 * across);
    const sheen = 0.11 * Math.exp(-(((across + 0.36) / 0.16) ** 2));
    rollerColumn(radiance, surface, x, turn, body * edge, sheen * edge);
  }
}

function shadeColumn(radiance: Float32Array, x: number, shade: number): void {
  for (let y = RAIL_PX; y < HEIGHT - RAIL_PX; y++) {
    const out = (y * WIDTH + x) * 3;
    radiance[out] = (radiance[out] ?? 0) * shade;
    radiance[out + 1] = (radiance[out + 1] ?? 0) * shade;
    radiance[out + 2] = (radiance[out + 2] ?? 0) * shade;
  }
}

function rollerColumn(
  radiance: Float32Array,
  surface: Float32Array,
  x: number,
  turn: number,
  body: number,
  sheen: number,
): void {
  for (let y = RAIL_PX; y < HEIGHT - RAIL_PX; y++) {
    const wear = surface[(y & TILE_MASK) * TILE_SIDE + turn] ?? 0;
    const ring = (y + 5) % 26 < 3 ? 0.45 : 1;
    const light = (body * (1 + 0.4 * wear) + sheen * (1 + 0.7 * wear)) * ring;
    const out = (y * WIDTH + x) * 3;
    radiance[out] = light;
    radiance[out + 1] = light * 1.02;
    radiance[out + 2] = light * 1.06;
  }
}

/** Brushed metal rails above and below, with bolts; two bands of RAIL_PX rows, one value a pixel. */
function railTexture(seed: number): Float32Array {
  const brushed = cloudTile(seed + 5, [4, 1]);
  const rails = new Float32Array(2 * RAIL_PX * WIDTH);
  for (let row = 0; row < 2 * RAIL_PX; row++) {
    const depth = row < RAIL_PX ? row : 2 * RAIL_PX - 1 - row;
    const lip = depth === RAIL_PX - 1 ? 0.3 : depth >= RAIL_PX - 4 ? 1.35 : 1;
    for (let x = 0; x < WIDTH; x++) {
      const grain = brushed[((row * 5) & TILE_MASK) * TILE_SIDE + ((x >> 3) & TILE_MASK)] ?? 0;
      rails[row * WIDTH + x] = (0.19 + 0.035 * grain) * lip * boltShade(x, depth);
    }
  }
  return rails;
}

function boltShade(x: number, depth: number): number {
  const dx = ((x + 20) % 100) - 50;
  const dy = depth - 6;
  const distance = Math.hypot(dx, dy);
  if (distance > 5) return 1;
  if (distance > 4) return 0.35;
  return 0.9 - 0.09 * (dx + dy);
}

function drawRails(radiance: Float32Array, rails: Float32Array): void {
  for (let i = 0; i < rails.length; i++) {
    const value = rails[i] ?? 0;
    const pixel = i < RAIL_PX * WIDTH ? i : i + (HEIGHT - 2 * RAIL_PX) * WIDTH;
    radiance[pixel * 3] = value;
    radiance[pixel * 3 + 1] = value * 1.01;
    radiance[pixel * 3 + 2] = value * 1.03;
  }
}
