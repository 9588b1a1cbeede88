import { bell, between, hashNumbers, hashText, type Random, randomFrom } from "./random.ts";

/** What the line's inspection can find, in the order of the models' outputs. */
export const LABELS = ["clean", "cracked", "dirty", "misshapen", "empty"] as const;
export type Label = (typeof LABELS)[number];

/** Share of each label on the line, per mille, in the order of LABELS. */
const MIX_PER_MILLE = [620, 100, 110, 70, 100] as const;

/** What a stream of random numbers is for; each purpose has its own, so none disturbs another. */
const PURPOSE = { label: 1, egg: 2, defect: 3, shell: 4, frame: 5 } as const;
export type Purpose = keyof typeof PURPOSE;

/** The random numbers for one purpose at one tick of one camera. */
export function randomFor(seed: number, tick: number, purpose: Purpose): Random {
  return randomFrom(seed, tick, PURPOSE[purpose]);
}

/**
 * What really passes a camera at a tick, whatever the world looks like.
 * @param seed the camera's seed, normally the device id
 * @param tick the line's clock, a whole number
 */
export function truthAt(seed: string, tick: number): Label {
  return labelFor(hashText(seed), tick);
}

/** The same as {@link truthAt} for a seed that is already hashed. */
export function labelFor(seedHash: number, tick: number): Label {
  let draw = hashNumbers(seedHash, tick, PURPOSE.label) % 1000;
  for (const [i, share] of MIX_PER_MILLE.entries()) {
    if (draw < share) return LABELS[i] ?? "empty";
    draw -= share;
  }
  return "empty";
}

/** An egg as it lies on the line; lengths in pixels of the frame. */
export interface Egg {
  readonly label: Exclude<Label, "empty">;
  readonly centreX: number;
  readonly centreY: number;
  /** Direction of the pointed end, radians, 0 to the right and growing clockwise. */
  readonly angle: number;
  readonly halfLength: number;
  /** Length over width: a usual egg has 1.25 to 1.4. */
  readonly aspect: number;
  /** How much wider the blunt half is than the pointed one. */
  readonly taper: number;
}

/** The egg at a tick, or null where the cup is empty. */
export function eggAt(seedHash: number, tick: number): Egg | null {
  const label = labelFor(seedHash, tick);
  if (label === "empty") return null;
  const random = randomFor(seedHash, tick, "egg");
  // Eggs lie along the rollers, either end first, and roll a little before they settle.
  const upright = random() < 0.5 ? -Math.PI / 2 : Math.PI / 2;
  return {
    label,
    centreX: 160 + 5 * bell(random),
    centreY: 119 + 6 * bell(random),
    angle: upright + 0.17 * bell(random),
    halfLength: between(random, 71, 82),
    aspect: between(random, 1.23, 1.4),
    taper: between(random, 0.08, 0.18),
  };
}
