/** The states of the world that the demo can put its cameras into. */
export const WORLDS = ["normal", "lamp-aging", "dirty-lens", "brown-eggs"] as const;
export type World = (typeof WORLDS)[number];

/** How a world changes what the camera sees; all of it is measured against `normal`. */
export interface WorldLook {
  /** The lamp's colour, red, green, blue, as a gain on linear light. */
  readonly lamp: readonly [number, number, number];
  /** How fast the light falls off towards the frame's edge; 1 in a normal world. */
  readonly falloff: number;
  /** Deviation of the lamp's brightness from frame to frame, as a share. */
  readonly flicker: number;
  /** Deviation of the sensor's noise, in counts of 255. */
  readonly noiseCounts: number;
  /** How much of the lens is smudged, 0 or 1. */
  readonly smudges: 0 | 1;
  /** Which hens lay. */
  readonly shells: "white" | "brown";
}

const NORMAL: WorldLook = {
  lamp: [1, 0.985, 0.95],
  falloff: 1,
  flicker: 0.008,
  noiseCounts: 1.9,
  smudges: 0,
  shells: "white",
};

export const LOOKS: Readonly<Record<World, WorldLook>> = {
  normal: NORMAL,
  // An old lamp gives less light, and less blue; the camera's gain then lifts the noise.
  "lamp-aging": {
    ...NORMAL,
    lamp: [0.66, 0.56, 0.4],
    falloff: 2.1,
    flicker: 0.09,
    noiseCounts: 3.4,
  },
  "dirty-lens": { ...NORMAL, smudges: 1 },
  "brown-eggs": { ...NORMAL, shells: "brown" },
};

/**
 * Reads a scene's settings. The only one is `world`; without it the world is normal.
 * @throws Error with one sentence when a name or value is not known
 */
export function parseWorld(settings: Readonly<Record<string, string>>): World {
  for (const name of Object.keys(settings)) {
    if (name !== "world") {
      throw new Error(`The egg line has no setting "${name}"; the only one is "world".`);
    }
  }
  const wanted = settings.world ?? "normal";
  const world = WORLDS.find((name) => name === wanted);
  if (world === undefined) {
    const allowed = `${WORLDS.slice(0, -1).join(", ")} or ${WORLDS.at(-1)}`;
    throw new Error(`The egg line has no world "${wanted}"; choose ${allowed}.`);
  }
  return world;
}
