/**
 * Models that the server itself runs, for devices that ask about hard frames. One picture after
 * another, since ONNX Runtime holds the event loop for its few milliseconds; a bounded number waits,
 * and who comes then is told to come back. (Batches and processes of their own are for a server that
 * serves more than hard frames.)
 */
import { AppError } from "@fieldloop/shared/errors";
import { type ModelManifest, referenceVariant } from "@fieldloop/shared/manifest/model";
import { classProbabilities } from "@fieldloop/shared/vision/decide";
import { type Model, openModel } from "@fieldloop/shared-node/model";

/** A version to run. */
export interface Hosted {
  /** Identifies it among all. */
  readonly digest: string;
  readonly manifest: ModelManifest;
  /** Path of a variant's ONNX file, by its digest. */
  readonly pathOf: (digest: string) => string;
}

/** What a model found; a classifier's labels are all of its classes. */
export interface Findings {
  readonly labels: readonly string[];
  /** One for each label, 0 to 1. */
  readonly scores: readonly number[];
  readonly boxes: readonly (readonly [number, number, number, number])[] | null;
}

export interface ModelHostLimits {
  /** Models kept open. */
  readonly modelsMax: number;
  /** Pictures that wait, the one that runs included. */
  readonly waitingMax: number;
}

const defaultLimits: ModelHostLimits = { modelsMax: 2, waitingMax: 16 };

export class ModelHost {
  readonly #limits: ModelHostLimits;
  /** By digest, the one used longest ago first. */
  readonly #open = new Map<string, Promise<Model>>();
  #waiting = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(limits: Partial<ModelHostLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits };
  }

  /**
   * Looks at one picture.
   * @throws AppError `serving-busy` (503), as `loadPixels`, or as `openModel`
   */
  async infer(hosted: Hosted, picture: Uint8Array): Promise<Findings> {
    if (this.#closed || this.#waiting >= this.#limits.waitingMax) throw busy();
    this.#waiting++;
    const work = this.#turn.then(() => this.#run(hosted, picture));
    this.#turn = work.catch(() => undefined);
    try {
      return await work;
    } finally {
      this.#waiting--;
    }
  }

  /** Finishes what waits and lets go of all models. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#turn;
    for (const opening of this.#open.values()) await close(opening);
    this.#open.clear();
  }

  async #run({ digest, manifest, pathOf }: Hosted, bytes: Uint8Array): Promise<Findings> {
    const model = await this.#model(digest, manifest, pathOf);
    const pixels = await model.prepare({ kind: "encoded", bytes }, "the picture");
    const { output, labels } = manifest;
    if (output.kind !== "classification") {
      const { label: said, confidence, detections } = (await model.run(pixels)).decision;
      if (detections === null) {
        // One of two classes: usual or not.
        const scores = labels.map((label) => (label === said ? confidence : 1 - confidence));
        return { labels, scores, boxes: null };
      }
      const found = detections;
      return {
        labels: found.map(({ label }) => label),
        scores: found.map(({ score }) => score),
        boxes: found.map(({ box }) => box),
      };
    }
    const scores = (await model.outputs(pixels))[output.scores];
    if (scores === undefined) throw new Error(`the model has no output ${output.scores}`);
    const { temperature } = referenceVariant(manifest.variants);
    const probabilities = Array.from(classProbabilities({ output, labels, temperature }, scores));
    return { labels, scores: probabilities, boxes: null };
  }

  async #model(digest: string, manifest: ModelManifest, pathOf: Hosted["pathOf"]): Promise<Model> {
    const known = this.#open.get(digest);
    this.#open.delete(digest);
    const variant = referenceVariant(manifest.variants);
    const path = pathOf(variant.digest);
    const opening = known ?? openModel({ manifest, variant, model: { kind: "file", path } });
    this.#open.set(digest, opening);
    if (this.#open.size > this.#limits.modelsMax) {
      const [[oldest, old] = []] = this.#open;
      if (oldest !== undefined) this.#open.delete(oldest);
      if (old !== undefined) await close(old);
    }
    try {
      return await opening;
    } catch (error) {
      this.#open.delete(digest); // tried again with the next picture
      throw error;
    }
  }
}

async function close(opening: Promise<Model>): Promise<void> {
  const model = await opening.catch(() => undefined);
  await model?.close();
}

function busy(): AppError {
  return new AppError({
    code: "serving-busy",
    status: 503,
    message: "as many pictures wait as may; ask again in a second",
    retryable: true,
  });
}
