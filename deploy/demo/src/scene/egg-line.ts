import type { Scene, SceneOptions } from "@fieldloop/edge/perception/camera/scene";
import { buildConveyor, type Conveyor } from "./conveyor.ts";
import { clearDecals, makeDecals } from "./decals.ts";
import { castShadow, paintEgg } from "./egg-painter.ts";
import { HEIGHT, WIDTH } from "./frame-size.ts";
import { eggAt, randomFor } from "./item.ts";
import { develop, type Exposure, illuminate, lightMap } from "./lens.ts";
import { cloudTile } from "./noise-tile.ts";
import { outlineOf } from "./outline.ts";
import { bell, between, hashText } from "./random.ts";
import { brownShell, decorate, whiteShell } from "./shell.ts";
import { buildDirtyLens, type DirtyLens } from "./smudges.ts";
import { LOOKS, parseWorld, type WorldLook } from "./worlds.ts";

export { LABELS, type Label, truthAt } from "./item.ts";
export { WORLDS, type World } from "./worlds.ts";

/**
 * Opens one camera over an egg-grading line: one egg, or an empty cup, per tick, 320 x 240 RGB.
 * The only setting is `world`; see worlds.ts.
 * @throws Error with one sentence when a setting's name or value is not known
 */
export function openScene(options: SceneOptions): Scene {
  return new EggLine(options);
}

/** Everything that a world changes and that is worth keeping between frames. */
interface View {
  readonly look: WorldLook;
  readonly light: Float32Array;
  readonly lens: DirtyLens | null;
}

class EggLine implements Scene {
  readonly width = WIDTH;
  readonly height = HEIGHT;
  readonly #seed: number;
  readonly #conveyor: Conveyor;
  readonly #radiance = new Float32Array(WIDTH * HEIGHT * 3);
  readonly #bytes = new Uint8Array(WIDTH * HEIGHT * 3);
  readonly #clamped = new Uint8ClampedArray(this.#bytes.buffer);
  readonly #decals = makeDecals();
  readonly #mottle: Float32Array;
  #view: View;

  constructor(options: SceneOptions) {
    this.#seed = hashText(options.seed);
    this.#view = openView(this.#seed, options.settings);
    this.#conveyor = buildConveyor(this.#seed);
    this.#mottle = cloudTile(this.#seed + 3, [32, 8, 4, 2]);
  }

  configure(settings: Readonly<Record<string, string>>): void {
    this.#view = openView(this.#seed, settings);
  }

  render(tick: number, capturedAtMs: number): Uint8Array {
    const { look, light, lens } = this.#view;
    const frame = randomFor(this.#seed, tick, "frame");
    this.#conveyor.draw(this.#radiance, tick, 2.5 * bell(frame));
    this.#drawEgg(tick, look);
    const exposure: Exposure = {
      gains: gainsAt(look, capturedAtMs, 1 + look.flicker * bell(frame)),
      smear: between(frame, 0.06, 0.2),
      noiseCounts: look.noiseCounts,
      noiseAt: Math.floor(frame() * 0x1_0000_0000),
    };
    illuminate(this.#radiance, light, exposure);
    lens?.look(this.#radiance);
    develop(this.#radiance, this.#clamped, exposure);
    return this.#bytes;
  }

  #drawEgg(tick: number, look: WorldLook): void {
    const egg = eggAt(this.#seed, tick);
    if (egg === null) return;
    const defects = randomFor(this.#seed, tick, "defect");
    const looks = randomFor(this.#seed, tick, "shell");
    const outline = outlineOf(egg, defects);
    const shell = look.shells === "white" ? whiteShell(looks) : brownShell(looks);
    clearDecals(this.#decals);
    decorate(this.#decals, egg, look.shells, defects, looks);
    castShadow(this.#radiance, egg);
    paintEgg(this.#radiance, egg, outline, shell, this.#decals, this.#mottle);
  }
}

function openView(seed: number, settings: Readonly<Record<string, string>>): View {
  const look = LOOKS[parseWorld(settings)];
  const lens = look.smudges === 1 ? buildDirtyLens(seed) : null;
  return { look, light: lightMap(seed, look.falloff), lens };
}

const DAY_MS = 86_400_000;

/** The lamp with the day behind it: through the hall's windows noon adds a little light, and a cooler one. */
function gainsAt(
  look: WorldLook,
  capturedAtMs: number,
  flicker: number,
): readonly [number, number, number] {
  const day = Math.max(0, -Math.cos((2 * Math.PI * (capturedAtMs % DAY_MS)) / DAY_MS));
  const [red, green, blue] = look.lamp;
  return [
    (red + 0.035 * day) * flicker,
    (green + 0.045 * day) * flicker,
    (blue + 0.065 * day) * flicker,
  ];
}
