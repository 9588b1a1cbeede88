/** What all trials of a compilation stand on: the prepared graph, the pictures, and what the float model says. */
import type { CompileStage } from "@fieldloop/shared/contract/compilations";
import {
  type Answer,
  askAll,
  lossPoints,
  type Sample,
  type Score,
  type Subject,
  scoreOf,
} from "./evaluate.ts";
import type { Prepared } from "./prepare.ts";

export type Stage = CompileStage;

export interface Ground {
  readonly prepared: Prepared;
  readonly calibration: readonly Sample[];
  readonly evaluation: readonly Sample[];
  /** Of the file as given. */
  readonly reference: readonly Answer[];
  readonly score: Score;
  subject(bytes: Uint8Array, temperature?: number): Subject;
  /** @param share 0 to 1, of the stage */
  progress(stage: Stage, share: number): void;
}

/** A file that has answered every picture of the evaluation. */
export interface Judged {
  readonly bytes: Uint8Array;
  readonly answers: readonly Answer[];
  readonly score: Score;
  /** Points lost against the file as given. */
  readonly lossPoints: number;
}

/** Asks a file about every picture of the evaluation. */
export async function judge(
  ground: Ground,
  bytes: Uint8Array,
  progress?: (share: number) => void,
): Promise<Judged> {
  const answers = await askAll(ground.subject(bytes), ground.evaluation, progress);
  const score = scoreOf(answers, ground.evaluation, ground.reference);
  return { bytes, answers, score, lossPoints: lossPoints(ground.score, score) };
}
