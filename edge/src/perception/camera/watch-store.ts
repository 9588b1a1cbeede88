/** What a camera's watch keeps on disk: the reference, and what is raised. */
import { join } from "node:path";
import { messageOf } from "@fieldloop/shared/errors";
import { timeMs } from "@fieldloop/shared/ids";
import { type HealthState, healthState } from "@fieldloop/shared/vision/camera-health/health-state";
import { healthReference } from "@fieldloop/shared/vision/camera-health/reference";
import * as z from "zod/mini";
import type { Files } from "../../platform/files.ts";

const commissioned = z.strictObject({
  madeAt: timeMs,
  /** The cloud's latest wish that it fulfils; 0 where none came. */
  wishedAt: timeMs,
  reference: healthReference,
});
/** A reference and when it was made. */
export type Commissioned = z.infer<typeof commissioned>;

export class WatchStore {
  readonly #files: Files;
  readonly #folder: string;

  /** @param folder of this camera alone */
  constructor(files: Files, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  /** What is there; a damaged file is told and taken for missing. */
  async load(
    onFault: (message: string) => void,
  ): Promise<{ readonly commissioned?: Commissioned; readonly state?: HealthState }> {
    const reference = await this.#read("reference.json", commissioned, onFault);
    const state = await this.#read("health.json", healthState, onFault);
    return { ...(reference && { commissioned: reference }), ...(state && { state }) };
  }

  async saveReference(reference: Commissioned): Promise<void> {
    await this.#files.writeAtomic(this.#path("reference.json"), JSON.stringify(reference));
  }

  async saveState(state: HealthState): Promise<void> {
    await this.#files.writeAtomic(this.#path("health.json"), JSON.stringify(state));
  }

  async #read<Schema extends z.ZodMiniType>(
    name: string,
    schema: Schema,
    onFault: (message: string) => void,
  ): Promise<z.output<Schema> | undefined> {
    const path = this.#path(name);
    try {
      const bytes = await this.#files.read(path);
      return bytes && schema.parse(JSON.parse(bytes.toString("utf8")));
    } catch (error) {
      const [reason] = messageOf(error).split("\n");
      onFault(`${path} is damaged and is not used: ${reason}`);
      return undefined;
    }
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}
