/** What can go wrong with a camera, drawn by chance, and what it must be called. */
import { type Condition, conditions } from "../settings.ts";
import { type Cover, daylight, type Light, type Optics } from "./camera.ts";

export interface Fault {
  readonly expected: Condition;
  readonly what: string;
  readonly optics: Optics;
  readonly light: Light;
  /** What the fault does to the signal behind the lens. */
  readonly signal?: "frozen" | "re-encoded" | "infrared";
}

/** Every kind of fault, in turn. */
export const faultKinds = [
  "blur",
  "cover-full",
  "cover-half",
  "cover-hand",
  "cover-tape",
  "fog",
  "shift-small",
  "shift-large",
  "rotation",
  "frozen",
  "frozen-re-encoded",
  "infrared",
  "dark",
  "overexposed",
] as const;
export type FaultKind = (typeof faultKinds)[number];

export function faultOf(kind: FaultKind, random: () => number): Fault {
  const within = (low: number, high: number) => low + (high - low) * random();
  const light: Light = {
    gain: within(0.3, 1.2),
    tilt: within(-0.4, 0.4),
    shadow: random() < 0.3 ? random() : null,
  };
  const covered = (cover: Cover["kind"]): Fault => {
    const [level, place] = [within(25, 200), random()];
    const what = `${cover} cover of level ${level.toFixed(0)} at ${place.toFixed(2)}`;
    return { expected: "covered", what, optics: { cover: { kind: cover, level, place } }, light };
  };
  const moved = (pixels: number, degrees: number): Fault => {
    const angle = 2 * Math.PI * random();
    const pose = { dx: pixels * Math.cos(angle), dy: pixels * Math.sin(angle), degrees };
    const what = `moved by ${pose.dx.toFixed(1)}, ${pose.dy.toFixed(1)} and ${degrees.toFixed(1)} degrees`;
    return { expected: "moved", what, optics: { pose }, light };
  };
  switch (kind) {
    case "blur": {
      const blurPixels = within(3, 12);
      const what = `blurred by ${blurPixels.toFixed(1)} pixels`;
      return { expected: "blurred", what, optics: { blurPixels }, light };
    }
    case "cover-full":
      return covered("full");
    case "cover-half":
      return covered("half");
    case "cover-hand":
      return covered("hand");
    case "cover-tape":
      return covered("tape");
    case "fog": {
      const fog = { transmission: within(0.15, 0.5), level: within(120, 210) };
      const blurPixels = within(0.5, 3);
      const what = `fog of ${fog.transmission.toFixed(2)} and ${blurPixels.toFixed(1)} pixels`;
      return { expected: "fogged", what, optics: { fog, blurPixels }, light };
    }
    case "shift-small":
      return moved(within(3, 8), 0);
    case "shift-large":
      return moved(within(8, 40), 0);
    case "rotation":
      return moved(within(0, 12), (random() < 0.5 ? -1 : 1) * within(1, 8));
    case "frozen":
      return { expected: "frozen", what: "frozen", optics: {}, light, signal: "frozen" };
    case "frozen-re-encoded":
      return { expected: "frozen", what: "frozen, re-encoded", optics: {}, light, signal: "re-encoded" }; // biome-ignore format: one thought
    case "infrared":
      return {
        expected: "infrared-stuck",
        what: "infrared",
        optics: {},
        light,
        signal: "infrared",
      };
    case "dark":
      return { expected: "dark", what: "dark", optics: {}, light: { ...daylight, gain: 0.0008 } };
    case "overexposed":
      return { expected: "overexposed", what: "overexposed", optics: {}, light: { ...daylight, gain: within(9, 16) } }; // biome-ignore format: one thought
  }
}

/** How often each expected condition was called what. */
export class Confusion {
  readonly #counts = new Map<string, number>();

  add(expected: Condition, found: Condition | "nothing"): void {
    const key = `${expected} ${found}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  count(expected: Condition, found: Condition | "nothing"): number {
    return this.#counts.get(`${expected} ${found}`) ?? 0;
  }

  cases(expected: Condition): number {
    return [...this.#counts].reduce((sum, [key, n]) => sum + (key.startsWith(`${expected} `) ? n : 0), 0); // biome-ignore format: one thought
  }

  /** Share of all faults that were given their name. */
  get recall(): number {
    const all = conditions.reduce((sum, condition) => sum + this.cases(condition), 0);
    return conditions.reduce((sum, condition) => sum + this.count(condition, condition), 0) / all;
  }

  /** One line per condition: how many of how many, and what the others were called. */
  toString(): string {
    return conditions
      .filter((condition) => this.cases(condition) > 0)
      .map((condition) => {
        const others = [...conditions, "nothing" as const].filter(
          (found) => found !== condition && this.count(condition, found) > 0,
        );
        const called = others.map((found) => `${found} ${this.count(condition, found)}`);
        const share = `${this.count(condition, condition)} of ${this.cases(condition)}`;
        return `${condition}: ${share}${called.length === 0 ? "" : ` (${called.join(", ")})`}`;
      })
      .join("\n");
  }
}
