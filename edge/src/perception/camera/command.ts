/**
 * A program as a camera: it writes pictures to a pipe, and no file is written in between. While it
 * runs, it is watched by `camera.ts`; when it must go, all that it started goes with it.
 */
import { defaultImageLimits, type ImageLimits } from "@fieldloop/shared-node/image";
import { type Ending, startChild } from "../../platform/child.ts";
import { redact } from "../../platform/redact.ts";
import { RateGate } from "./rate-gate.ts";
import type { Recipe } from "./recipes.ts";
import { type FrameSink, type FrameSource, sourceFailed } from "./source.ts";
import { StreamFeed } from "./stream-feed.ts";

export interface CommandOptions {
  /** Ways to get pictures, best first; asked anew at each start, as a device may have moved. */
  readonly recipes: () => Promise<readonly [Recipe, ...Recipe[]]>;
  readonly fps: number | undefined;
  readonly stallMsMax: number | null;
  /** Takes secrets out of what the program says. */
  readonly redact?: (text: string) => string;
  readonly limits?: ImageLimits;
  readonly now?: () => number;
}

export class CommandSource implements FrameSource {
  readonly stallMsMax: number | null;
  readonly #options: CommandOptions;
  /** Which recipe is next; one that showed a picture is kept. */
  #turn = 0;

  constructor(options: CommandOptions) {
    this.#options = options;
    this.stallMsMax = options.stallMsMax;
  }

  async run(sink: FrameSink, signal: AbortSignal): Promise<void> {
    const { fps, limits = defaultImageLimits, now = Date.now } = this.#options;
    const recipes = await this.#options.recipes();
    const recipe = recipes[this.#turn % recipes.length] ?? recipes[0];
    const feed = new StreamFeed({
      sink,
      format: recipe.format,
      limits,
      gate: new RateGate(recipe.paced ? undefined : fps),
      headersBetween: false,
      now,
    });
    try {
      const ending = await this.#feed(recipe, feed, signal);
      const done = !recipe.endless && ending.code === 0 && feed.frames > 0;
      if (!signal.aborted && !done) throw sourceFailed(this.#explain(recipe, feed, ending));
    } finally {
      if (feed.frames === 0) this.#turn++;
    }
  }

  /** Runs the program until it ends or must; rejects where what it writes cannot be used. */
  async #feed(
    recipe: Recipe,
    feed: StreamFeed,
    signal: AbortSignal,
  ): Promise<Ending & { readonly lastWords: string }> {
    const { command, fd, environment, hint } = recipe;
    const child = await startChild({ command, fd, environment, ...(hint && { hint }) });
    const cut = () => child.output.destroy();
    signal.addEventListener("abort", cut);
    try {
      if (signal.aborted) cut();
      for await (const chunk of child.output) await feed.push(chunk);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener("abort", cut);
      await child.stop();
    }
    return { ...(await child.ended), lastWords: child.lastWords };
  }

  #explain(
    { command }: Recipe,
    feed: StreamFeed,
    { code, signal, lastWords }: Ending & { readonly lastWords: string },
  ): string {
    const safe = this.#options.redact ?? redact;
    const how = code === null ? `was ended by ${signal}` : `ended with exit code ${code}`;
    const where =
      feed.frames === 0
        ? " before its first picture"
        : feed.pendingBytes > 0
          ? " in the middle of a picture"
          : "";
    const words = lastWords === "" ? "" : `: ${safe(lastWords).slice(0, 500)}`;
    return `${command[0]} ${how}${where}${words}`;
  }
}
