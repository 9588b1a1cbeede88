import { type Decals, drawCracks, drawDirt, drawHarmlessMarks, drawSpots } from "./decals.ts";
import type { Shell } from "./egg-painter.ts";
import type { Egg } from "./item.ts";
import { TILE_SIDE } from "./noise-tile.ts";
import { bell, between, type Random } from "./random.ts";

/** What eggs get dirty with, as the light it lets through when thick: droppings, mud, dust, yolk. */
const DIRTS = [
  [0.15, 0.07, 0.02],
  [0.1, 0.07, 0.045],
  [0.3, 0.25, 0.18],
  [0.72, 0.4, 0.04],
] as const;

/** The shell of a hen that lays white: nearly white, a little warm, a little cloudy. */
export function whiteShell(random: Random): Shell {
  const tone = 0.83 + 0.035 * bell(random);
  const warm = between(random, 0, 1);
  return {
    base: [tone, tone * (0.955 - 0.03 * warm), tone * (0.9 - 0.075 * warm)],
    ...finish(random),
    mottling: between(random, 0.025, 0.06),
  };
}

/** The shell of a hen that lays brown, from tan to chestnut. */
export function brownShell(random: Random): Shell {
  const depth = random();
  return {
    base: [0.58 - 0.25 * depth, 0.335 - 0.2 * depth, 0.205 - 0.145 * depth],
    ...finish(random),
    mottling: between(random, 0.07, 0.16),
  };
}

function finish(random: Random): Omit<Shell, "base" | "mottling"> {
  return {
    dirt: DIRTS[Math.floor(random() ** 1.6 * DIRTS.length)] ?? DIRTS[0],
    speckle: [0.1, 0.045, 0.02],
    shiftX: Math.floor(random() * TILE_SIDE),
    shiftY: Math.floor(random() * TILE_SIDE),
    gloss: between(random, 0.35, 1),
  };
}

/** Puts on the shell what the egg's label says, and what means nothing: pores, and a breed's speckles. */
export function decorate(
  decals: Decals,
  egg: Egg,
  breed: "white" | "brown",
  defects: Random,
  looks: Random,
): void {
  if (egg.label === "cracked") drawCracks(decals, egg, defects);
  if (egg.label === "dirty") drawDirt(decals, egg, defects);
  drawHarmlessMarks(decals, egg, looks);
  const pores = { count: Math.floor(between(looks, 4, 30)), radiusPxMax: 0.9, darkness: 0.2 };
  drawSpots(decals.speckle, egg, pores, looks);
  if (breed === "brown" && looks() < 0.55) {
    const speckles = {
      count: Math.floor(between(looks, 40, 180)),
      radiusPxMax: between(looks, 1.4, 3.4),
      darkness: between(looks, 0.5, 0.95),
    };
    drawSpots(decals.speckle, egg, speckles, looks);
  }
}
