import type { Box } from "./fit.ts";
import { iou } from "./iou.ts";

/** A box a detector proposes; `classIndex` counts the labels. Boxes as fractions of the input. */
export interface Candidate {
  readonly classIndex: number;
  readonly score: number;
  readonly box: Box;
  /** Where it stands in the head's output, for what else is said there. */
  readonly row?: number;
}

/** Only this many proposals, the best ones, are compared, so a noisy head costs bounded time. */
export const candidatesMax = 1000;

/**
 * Greedy non-maximum suppression within each class: goes from the best score down and keeps a box
 * unless it overlaps a kept one of its class by more than `iouMax`.
 * @returns at most `keptMax` candidates, best first
 */
export function suppress(
  candidates: readonly Candidate[],
  iouMax: number,
  keptMax: number,
): Candidate[] {
  const sorted = [...candidates].sort((a, b) => b.score - a.score).slice(0, candidatesMax);
  const kept: Candidate[] = [];
  for (const candidate of sorted) {
    if (kept.length >= keptMax) break;
    const covered = kept.some(
      (other) =>
        other.classIndex === candidate.classIndex && iou(other.box, candidate.box) > iouMax,
    );
    if (!covered) kept.push(candidate);
  }
  return kept;
}
