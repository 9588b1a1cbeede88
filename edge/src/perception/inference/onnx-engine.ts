/** Models on this device, each with the session that runs it. */
import { AppError } from "@fieldloop/shared/errors";
import type { Box } from "@fieldloop/shared/vision/fit";
import type { ImageInput } from "@fieldloop/shared-node/image";
import { type Model, type ModelOptions, openModel } from "@fieldloop/shared-node/model";
import type { ProviderReport } from "@fieldloop/shared-node/session";
import type { Engine, Prepared } from "./engine.ts";

/** An open model and how many prepared frames still need it. */
interface Slot {
  readonly model: Model;
  claims: number;
  retired: boolean;
  readonly closed: Promise<void>;
  readonly close: () => void;
}

export class OnnxEngine implements Engine {
  readonly #open: (options: ModelOptions) => Promise<Model>;
  #active: Slot | undefined;

  /** @param open opens a model; default: ONNX Runtime in this process */
  constructor({ open = openModel }: { readonly open?: typeof openModel } = {}) {
    this.#open = open;
  }

  get model(): string | null {
    return this.#active?.model.id ?? null;
  }

  /** Which processor the active model runs on; `null` before the first one. */
  get provider(): ProviderReport | null {
    return this.#active?.model.provider ?? null;
  }

  /**
   * Opens a model beside the active one, lets `accept` try it (for example its golden questions),
   * and only then makes it the active one. Frames prepared before still run on the old model, which
   * is closed after the last of them; when anything fails, the old model simply stays.
   * @throws AppError as `openModel`, and whatever `accept` throws
   */
  async load(options: ModelOptions, accept?: (model: Model) => Promise<void>): Promise<Model> {
    const model = await this.#open(options);
    try {
      await accept?.(model);
    } catch (error) {
      await model.close();
      throw error;
    }
    const old = this.#active;
    this.#active = createSlot(model);
    if (old !== undefined) retire(old);
    return model;
  }

  async prepare(image: ImageInput, what: string, region?: Box): Promise<Prepared> {
    const slot = this.#active;
    if (slot === undefined) {
      throw new AppError({
        code: "no-model",
        message: "no model is active on this device yet; push and promote one",
        retryable: true,
        status: 503,
      });
    }
    slot.claims++;
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      slot.claims--;
      closeIfDone(slot);
    };
    try {
      const pixels = await slot.model.prepare(image, what, region);
      const infer = () => slot.model.run(pixels).finally(release);
      return { model: slot.model.id, infer, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  async close(): Promise<void> {
    const slot = this.#active;
    this.#active = undefined;
    if (slot === undefined) return;
    retire(slot);
    await slot.closed;
  }
}

function createSlot(model: Model): Slot {
  let close = (): void => undefined;
  const closed = new Promise<void>((resolve, reject) => {
    close = () => void model.close().then(resolve, reject);
  });
  closed.catch(() => undefined); // `close()` awaits it; a retired slot has nobody left to tell
  return { model, claims: 0, retired: false, closed, close };
}

function retire(slot: Slot): void {
  slot.retired = true;
  closeIfDone(slot);
}

function closeIfDone(slot: Slot): void {
  if (slot.retired && slot.claims === 0) slot.close();
}
