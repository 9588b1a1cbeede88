/** An engine without a model, for tests of whatever feeds one: each step waits to be told. */
import type { Decision } from "@fieldloop/shared/vision/decide";
import type { ImageInput } from "@fieldloop/shared-node/image";
import type { Engine, Prepared } from "./engine.ts";

interface Step {
  readonly what: string;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class FakeEngine implements Engine {
  model: string | null = "fake@1.0.0";
  /** What every frame gives. */
  decision: Decision = { label: "clean", confidence: 0.9, detections: null };
  /** Frames whose decoding waits, oldest first. */
  readonly decoding: Step[] = [];
  /** Frames whose inference waits, oldest first. */
  readonly inferring: Step[] = [];
  /** Claims that were neither used nor given back. */
  claims = 0;
  readonly #auto: boolean;

  /** `auto` lets every step pass at once. */
  constructor({ auto = false }: { readonly auto?: boolean } = {}) {
    this.#auto = auto;
  }

  async prepare(_image: ImageInput, what: string): Promise<Prepared> {
    await this.#step(this.decoding, what);
    this.claims++;
    let held = true;
    const release = (): void => {
      if (held) this.claims--;
      held = false;
    };
    return {
      model: this.model ?? "none",
      release,
      infer: async () => {
        await this.#step(this.inferring, what).finally(release);
        return {
          decision: this.decision,
          classScores: null,
          stagesMs: { tensor: 0.1, run: 1, post: 0.1 },
        };
      },
    };
  }

  async close(): Promise<void> {}

  #step(queue: Step[], what: string): Promise<void> {
    if (this.#auto) return Promise.resolve();
    return new Promise((resolve, reject) => queue.push({ what, resolve, reject }));
  }
}
