/** From a frame's detections to findings that may be objects, in an order of their own. Pure. */
import type { Detection } from "../../messages/telemetry.ts";
import type { Box } from "../fit.ts";
import { iou } from "../iou.ts";
import { type TrackingSettings, trackingLimits } from "./settings.ts";
import { noVotes, type Votes, vote } from "./votes.ts";

/** One thing that was found, perhaps under several classes. */
export interface Finding {
  readonly box: Box;
  /** The best detection's. */
  readonly score: number;
  readonly label: string;
  readonly votes: Votes;
}

/**
 * Sorts detections, best first, and makes those that overlap almost wholly into one finding: a
 * detector suppresses doubles within a class only, and an object that it takes for two classes at
 * once must not become two objects. What has no area or no finite number is left out.
 */
export function findingsOf(
  detections: readonly Detection[],
  { scoreLowMin, duplicateIouMin }: Pick<TrackingSettings, "scoreLowMin" | "duplicateIouMin">,
): Finding[] {
  const usable = detections
    .filter(({ score, box: [x1, y1, x2, y2] }) => score >= scoreLowMin && x2 > x1 && y2 > y1)
    .filter(({ box }) => box.every(Number.isFinite))
    .sort(byRank)
    .slice(0, trackingLimits.detectionsMax);
  const findings: Finding[] = [];
  for (const { label, score, box } of usable) {
    const at = findings.findIndex((finding) => iou(finding.box, box) > duplicateIouMin);
    const known = findings[at];
    if (known === undefined)
      findings.push({ box, score, label, votes: vote(noVotes, label, score) });
    else findings[at] = { ...known, votes: vote(known.votes, label, score) };
  }
  return findings;
}

/** A total order that does not depend on the order of arrival. */
function byRank(a: Detection, b: Detection): number {
  if (a.score !== b.score) return b.score - a.score;
  for (const i of [0, 1, 2, 3] as const) {
    if (a.box[i] !== b.box[i]) return a.box[i] - b.box[i];
  }
  return a.label < b.label ? -1 : a.label > b.label ? 1 : 0;
}
