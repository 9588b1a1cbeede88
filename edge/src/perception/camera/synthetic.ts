/**
 * A camera that draws: it loads a scene module and asks it for one frame per tick of the wall clock,
 * so that a station elsewhere that knows seed and tick knows what was to be seen.
 */
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { hashUnit } from "@fieldloop/shared/sampling";
import { sleep } from "./camera.ts";
import type { Scene, SceneModule } from "./scene.ts";
import type { FrameSink, FrameSource } from "./source.ts";

export interface SyntheticOptions {
  /** Absolute path of the scene module, or a package's name. */
  readonly module: string;
  readonly seed: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Time from tick to tick. */
  readonly periodMs: number;
  readonly now?: () => number;
  /** Loads the module; for tests. */
  readonly load?: (module: string) => Promise<unknown>;
}

/** The tick of the line's clock at an instant. */
export function tickAt(ms: number, periodMs: number): number {
  return Math.floor(ms / periodMs);
}

export class SyntheticSource implements FrameSource {
  readonly stallMsMax: number;
  readonly #options: SyntheticOptions;
  #settings: Readonly<Record<string, string>>;
  #scene: Scene | undefined;
  #renderMs = 0;

  constructor(options: SyntheticOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.stallMsMax = Math.max(10_000, 10 * options.periodMs);
  }

  /** What drawing the last frame took: it stands for the world and is no part of the agent's work. */
  get renderMs(): number {
    return this.#renderMs;
  }

  /**
   * Changes what is to be seen from the next frame on.
   * @throws whatever the scene says about a setting it does not know; then nothing changes
   */
  configure(settings: Readonly<Record<string, string>>): void {
    this.#scene?.configure(settings);
    this.#settings = settings;
  }

  async run(sink: FrameSink, signal: AbortSignal): Promise<void> {
    const { seed, periodMs, now = Date.now } = this.#options;
    const { openScene } = await this.#load();
    const scene = openScene({ seed, settings: this.#settings });
    this.#scene = scene;
    // Each camera draws at its own moment within the tick: many on one computer take turns.
    const offsetMs = Math.floor(hashUnit(seed) * periodMs * 0.9);
    let last: number | undefined;
    while (!signal.aborted) {
      const tick = tickAt(now() - offsetMs, periodMs);
      if (tick !== last) {
        last = tick;
        await sink.frame(this.#draw(scene, tick));
      }
      const next = (tickAt(now() - offsetMs, periodMs) + 1) * periodMs + offsetMs;
      await sleep(Math.max(1, Math.min(periodMs, next - now())), signal);
    }
  }

  #draw(scene: Scene, tick: number) {
    const { periodMs, now = Date.now } = this.#options;
    const from = performance.now();
    // The tick's own time and not the present: equal ticks give equal frames.
    const data = scene.render(tick, tick * periodMs).slice();
    this.#renderMs = performance.now() - from;
    const { width, height } = scene;
    const image = { kind: "raw", data, width, height } as const;
    return { id: String(tick), capturedAt: now(), image };
  }

  async #load(): Promise<SceneModule> {
    const { module, load = importModule } = this.#options;
    try {
      const loaded: unknown = await load(module);
      if (isSceneModule(loaded)) return loaded;
    } catch (cause) {
      const message = `the scene module ${module} (synthetic.module) cannot be loaded: ${messageOf(cause)}`;
      throw new AppError({ code: "source-failed", message, cause });
    }
    throw new AppError({
      code: "source-failed",
      message: `the module ${module} (synthetic.module) exports no function openScene`,
    });
  }
}

function importModule(module: string): Promise<unknown> {
  return import(isAbsolute(module) ? pathToFileURL(module).href : module);
}

function isSceneModule(value: unknown): value is SceneModule {
  return (
    typeof value === "object" &&
    value !== null &&
    "openScene" in value &&
    typeof value.openScene === "function"
  );
}
