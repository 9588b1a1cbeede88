/** The last results, for whoever asks the device itself. */
import type { FrameResult } from "../perception/pipeline.ts";

const resultsMax = 100;

/** A result as the local interface shows it. */
export interface ShownResult {
  readonly camera: string;
  readonly frame: string;
  readonly capturedAt: number;
  readonly label: string | null;
  readonly confidence: number;
  readonly detections: FrameResult["decision"]["detections"];
  readonly model: string;
  readonly latencyMs: number;
  readonly stagesMs: FrameResult["stagesMs"];
}

export class RecentResults {
  readonly #results: FrameResult[] = [];

  add(result: FrameResult): void {
    this.#results.push(result);
    if (this.#results.length > resultsMax) this.#results.shift();
  }

  /** Newest first. */
  list(): ShownResult[] {
    return this.#results
      .toReversed()
      .map(({ decision, ...result }) => ({ ...result, ...decision }));
  }
}
