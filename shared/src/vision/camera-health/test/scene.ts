/** Five drawn places with things that move in them, larger than what a camera sees of them. */
import { latticeNoise, randomFrom } from "./random.ts";

/** Grey levels as floats, row by row. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** The camera sees the middle 640 x 480 of it. */
export const world = { width: 760, height: 600 } as const;
export const frameSize = { width: 640, height: 480 } as const;

export interface Scene {
  readonly name: string;
  readonly background: Canvas;
  /** Mean distance from grey of a picture in colour. */
  readonly chroma: number;
  /** Whether the sun lights it, or lamps that burn day and night. */
  readonly outdoors: boolean;
  /** What moves, at a moment given in minutes. */
  readonly things: (minute: number) => readonly Thing[];
}

export interface Thing {
  readonly x: number;
  readonly y: number;
  readonly radiusX: number;
  readonly radiusY: number;
  readonly level: number;
  readonly shape: "ellipse" | "box";
}

type Paint = (x: number, y: number) => number;

function painted(paint: Paint): Canvas {
  const { width, height } = world;
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) values[y * width + x] = paint(x, y);
  }
  return { width, height, values };
}

/** Several lattices, each twice as fine and weaker by `fall`. */
function octaves(seed: number, coarsest: number, count: number, fall: number): Paint {
  const noises = Array.from({ length: count }, (_, i) => latticeNoise(seed + i));
  return (x, y) =>
    noises.reduce((sum, noise, i) => {
      const size = coarsest / 2 ** i;
      return sum + fall ** i * noise(x / size, y / size);
    }, 0);
}

/** Eggs on a roller belt between two rails. */
function beltScene(seed: number): Scene {
  const grain = octaves(seed, 24, 4, 0.7);
  const stains = octaves(seed + 50, 120, 2, 0.5);
  const background = painted((x, y) => {
    if (y < 110 || y > 490) return 120 + 40 * grain(x, y) + (Math.floor(x / 55) % 2) * 35;
    if (y < 130 || y > 470) return 190 + 10 * grain(x * 3, y);
    const roller = 18 * Math.cos((2 * Math.PI * x) / 31);
    return 62 + roller + 14 * grain(x, y) + 12 * stains(x, y);
  });
  const things = (minute: number): readonly Thing[] => {
    const random = randomFrom(seed * 7919 + Math.floor(minute * 6));
    const offset = random() * 95;
    return Array.from({ length: 24 }, (_, i): readonly Thing[] => {
      if (random() < 0.35) return [];
      const place = { x: offset + 95 * (i % 8), y: 190 + 110 * Math.floor(i / 8) };
      const level = 170 + 60 * random();
      return [{ ...place, radiusX: 34, radiusY: 25, level, shape: "ellipse" }];
    }).flat();
  };
  return { name: "belt", background, chroma: 14, outdoors: false, things };
}

/** A yard: sky, a house with windows, trees, gravel; people and cars pass. */
function yardScene(seed: number): Scene {
  const gravel = octaves(seed, 20, 4, 0.75);
  const leaves = octaves(seed + 9, 28, 4, 0.8);
  const clouds = octaves(seed + 20, 160, 3, 0.5);
  const background = painted((x, y) => {
    if (y > 360) return 118 + 26 * gravel(x, y * 1.6);
    if (x < 210 && y > 150 + 40 * leaves(x, 7)) return 72 + 38 * leaves(x, y);
    if (x > 330 && y > 130) {
      const [u, v] = [(x - 330) % 86, (y - 130) % 92];
      if (u > 24 && u < 62 && v > 26 && v < 74) return u > 41 && u < 45 ? 205 : 48;
      return 168 + (Math.floor(y / 9) % 2) * 12 + 8 * gravel(x, y);
    }
    return 214 - y / 12 + 9 * clouds(x, y);
  });
  const things = (minute: number): readonly Thing[] => {
    const random = randomFrom(seed * 104_729 + Math.floor(minute));
    const cars = random() < 0.3 ? [{ x: random() * 760, y: 440, radiusX: 90, radiusY: 38 }] : [];
    const people = Array.from({ length: Math.floor(random() * 4) }, () => ({
      x: random() * 760,
      y: 380 + random() * 100,
      radiusX: 14,
      radiusY: 48,
    }));
    return [
      ...cars.map((car): Thing => ({ ...car, level: 40 + 180 * random(), shape: "box" })),
      ...people.map((one): Thing => ({ ...one, level: 30 + 120 * random(), shape: "ellipse" })),
    ];
  };
  return { name: "yard", background, chroma: 18, outdoors: true, things };
}

/** Shelves with boxes; people stand in front of them. */
function shelfScene(seed: number): Scene {
  const random = randomFrom(seed);
  const levels = Array.from({ length: 400 }, () => 50 + 170 * random());
  const print = octaves(seed + 3, 12, 3, 0.8);
  const background = painted((x, y) => {
    const shelf = Math.floor(y / 100);
    if (y % 100 > 88) return 140 + 6 * print(x, y);
    const wide = 38 + ((shelf * 13) % 23);
    const level = levels[(shelf * 40 + Math.floor(x / wide)) % 400] ?? 0;
    if (x % wide < 3 || y % 100 < 14) return 28;
    return level + 22 * print(x, y);
  });
  const things = (minute: number): readonly Thing[] => {
    const dice = randomFrom(seed * 15_485_863 + Math.floor(minute / 2));
    return Array.from({ length: Math.floor(dice() * 3) }, () => ({
      x: dice() * 760,
      y: 420,
      radiusX: 46,
      radiusY: 190,
      level: 40 + 150 * dice(),
      shape: "ellipse" as const,
    }));
  };
  return { name: "shelf", background, chroma: 24, outdoors: false, things };
}

/** A corridor: mostly plain walls, two doors, a tiled floor, a lamp. The hardest: little to see. */
function corridorScene(seed: number): Scene {
  const plaster = octaves(seed, 40, 3, 0.5);
  const background = painted((x, y) => {
    if (y > 410) {
      const joint = (y - 410) % 48 < 4 || (x + (y - 410) * 0.4) % 76 < 4;
      return joint ? 60 : 128 + 6 * plaster(x, y);
    }
    if (y > 396) return 70;
    const door = (x > 130 && x < 240) || (x > 520 && x < 620);
    if (door && y > 150) {
      const frame = y < 160 || x < 140 || (x > 230 && x < 530) || x > 610;
      return frame ? 60 : 108 + 4 * Math.cos(x / 2.2) + 4 * plaster(x, y);
    }
    if (x > 330 && x < 430 && y > 190 && y < 300) return 90 + 60 * (Math.floor(y / 14) % 2);
    if (y > 66 && y < 84 && x > 250 && x < 510) return 244;
    return 176 + 5 * plaster(x, y);
  });
  const things = (minute: number): readonly Thing[] => {
    const dice = randomFrom(seed * 32_452_843 + Math.floor(minute));
    if (dice() > 0.15) return [];
    return [{ x: dice() * 760, y: 370, radiusX: 40, radiusY: 150, level: 50, shape: "ellipse" }];
  };
  return { name: "corridor", background, chroma: 9, outdoors: false, things };
}

/** A barn: straw everywhere, bars in front, animals that walk about. */
function barnScene(seed: number): Scene {
  const straw = octaves(seed, 14, 3, 0.8);
  const heaps = octaves(seed + 30, 170, 2, 0.5);
  const background = painted((x, y) => {
    if (x % 130 < 12) return 38 + 10 * straw(x, y / 6);
    if (y < 120) return 52 + 18 * straw(x / 4, y) + (Math.floor(y / 30) % 2) * 26;
    return 128 + 40 * straw(x * 1.7, y * 0.8) + 22 * heaps(x, y);
  });
  const things = (minute: number): readonly Thing[] => {
    const animals = Array.from({ length: 7 }, (_, i) => {
      const dice = randomFrom(seed * 179 + i);
      const [a, b, c] = [dice(), dice(), dice()];
      const walk = (speed: number, phase: number) => 0.5 + 0.5 * Math.sin(minute * speed + phase);
      return {
        x: 760 * walk(0.05 + 0.1 * a, 40 * b),
        y: 190 + 340 * walk(0.04 + 0.1 * c, 40 * a),
        radiusX: 58,
        radiusY: 34,
        level: 60 + 150 * b,
        shape: "ellipse" as const,
      };
    });
    return animals;
  };
  return { name: "barn", background, chroma: 12, outdoors: true, things };
}

export function scenesOf(seed: number): readonly Scene[] {
  return [beltScene, yardScene, shelfScene, corridorScene, barnScene].map((make, i) =>
    make(seed + 1000 * i),
  );
}

/** The place with what moves in it drawn over the background: sharp edges, round shading. */
export function drawn(scene: Scene, minute: number): Canvas {
  const { width, height } = scene.background;
  const values = Float32Array.from(scene.background.values);
  for (const thing of scene.things(minute)) {
    const [left, right] = [Math.max(0, Math.ceil(thing.x - thing.radiusX)), Math.min(width - 1, thing.x + thing.radiusX)]; // biome-ignore format: one thought
    const [top, bottom] = [Math.max(0, Math.ceil(thing.y - thing.radiusY)), Math.min(height - 1, thing.y + thing.radiusY)]; // biome-ignore format: one thought
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const [u, v] = [(x - thing.x) / thing.radiusX, (y - thing.y) / thing.radiusY];
        const inside = thing.shape === "box" || u * u + v * v <= 1;
        if (inside) values[y * width + x] = thing.level * (1 - 0.25 * (0.5 * u + 0.7 * v));
      }
    }
  }
  return { width, height, values };
}
