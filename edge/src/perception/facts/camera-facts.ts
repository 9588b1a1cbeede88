/**
 * Objects, lines and zones of one camera, from its results. The state is kept on disk now and then and
 * at the end, so that counts and track ids go on after a restart.
 */
import { join } from "node:path";
import { messageOf } from "@fieldloop/shared/errors";
import type { Decision } from "@fieldloop/shared/vision/decide";
import type { CameraFactsSettings } from "@fieldloop/shared/vision/tracking/camera-facts";
import type { Counts } from "@fieldloop/shared/vision/tracking/counts";
import type { FactEvent } from "@fieldloop/shared/vision/tracking/events";
import { advanceFacts, endFacts, type FactsStep } from "@fieldloop/shared/vision/tracking/facts";
import {
  type FactsState,
  factsStateSchema,
  newFacts,
} from "@fieldloop/shared/vision/tracking/facts-state";
import type { FrameMoment } from "@fieldloop/shared/vision/tracking/track";
import type { Files } from "../../platform/files.ts";
import { SightHistory } from "./sight-history.ts";

export interface CameraFactsOptions {
  readonly camera: string;
  readonly settings: CameraFactsSettings;
  readonly files: Files;
  /** A folder of this camera alone. */
  readonly folder: string;
  readonly onEvent: (camera: string, event: FactEvent) => void;
  readonly onFault: (message: string) => void;
}

/** What holds now. */
export interface FactsView {
  /** Objects that are followed, those not yet sure apart. */
  readonly objects: number;
  readonly occupancy: FactsStep["occupancy"];
  /** Crossings since the state began. */
  readonly counts: Counts;
}

/** More ids than are given out between two saves; skipped after a start, since some may be lost. */
const idsSkipped = 100_000;

export class CameraFacts {
  readonly #options: CameraFactsOptions;
  readonly #history = new SightHistory();
  #state: FactsState = newFacts();
  #saved: FactsState = this.#state;
  #last: Pick<FactsStep, "tracks" | "occupancy"> = { tracks: [], occupancy: [] };

  constructor(options: CameraFactsOptions) {
    this.#options = options;
  }

  /** Takes up what was kept; a damaged file is told, and counting begins anew. */
  async open(): Promise<void> {
    try {
      const bytes = await this.#options.files.read(this.#path);
      if (bytes === undefined) return;
      const kept = factsStateSchema.parse(JSON.parse(bytes.toString("utf8")));
      const nextId = kept.tracker.nextId + idsSkipped;
      this.#state = {
        ...kept,
        tracker: { ...kept.tracker, nextId },
        episodes: { ...kept.episodes, nextId },
      };
    } catch (error) {
      const [reason] = messageOf(error).split("\n");
      this.#options.onFault(`${this.#path} is damaged, counting begins anew: ${reason}`);
    }
  }

  /** Takes a result in; results of a camera come in the order of their frames. */
  take(decision: Decision, frame: FrameMoment): void {
    const { settings } = this.#options;
    const step = advanceFacts(this.#state, decision, frame, settings);
    this.#history.add(step.tracks, frame.atMs);
    this.#settle(step);
  }

  /** How each object that is followed has been seen: see `SightHistory`. */
  histories(): readonly (readonly (string | null)[])[] {
    return this.#history.list();
  }

  view(): FactsView {
    const { tracks, occupancy } = this.#last;
    const objects = tracks.filter(({ phase }) => phase !== "tentative").length;
    return { objects, occupancy, counts: this.#state.counts };
  }

  /** Keeps the state where it has changed. Never rejects. */
  async save(): Promise<void> {
    const state = this.#state;
    if (state === this.#saved) return;
    try {
      await this.#options.files.writeAtomic(this.#path, JSON.stringify(state));
      this.#saved = state;
    } catch (error) {
      this.#options.onFault(`${this.#path} cannot be written: ${messageOf(error)}`);
    }
  }

  /** Ends what is open: objects in the picture are told as seen. */
  async close(): Promise<void> {
    this.#settle(endFacts(this.#state, this.#options.settings));
    await this.save();
  }

  #settle(step: FactsStep): void {
    this.#state = step.state;
    this.#last = step;
    for (const event of step.events) this.#options.onEvent(this.#options.camera, event);
  }

  get #path(): string {
    return join(this.#options.folder, "facts.json");
  }
}
