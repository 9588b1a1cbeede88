/** Whether two models say the same about a frame. Pure. */
import type { Detection } from "@fieldloop/shared/messages/telemetry";
import type { Decision } from "@fieldloop/shared/vision/decide";
import { iou } from "@fieldloop/shared/vision/iou";

/** Boxes that overlap this much are the same thing (the usual choice since PASCAL VOC, 2010). */
const iouMin = 0.5;

/**
 * Classifiers agree on the label. Detectors agree where each finding of the one has its own partner
 * of the same label in the other; partners are matched best score first, as PASCAL VOC does.
 */
export function agree(one: Decision, other: Decision): boolean {
  if (one.detections === null || other.detections === null)
    return one.detections === other.detections && one.label === other.label;
  if (one.detections.length !== other.detections.length) return false;
  const free = new Set<Detection>(other.detections);
  const inOrder = one.detections.toSorted((a, b) => b.score - a.score);
  return inOrder.every((found) => {
    const partner = closest(found, free);
    return partner !== undefined && free.delete(partner);
  });
}

function closest(found: Detection, free: ReadonlySet<Detection>): Detection | undefined {
  let best: Detection | undefined;
  let overlap = 0;
  for (const candidate of free) {
    if (candidate.label !== found.label) continue;
    const shared = iou(found.box, candidate.box);
    if (shared >= iouMin && shared > overlap) [best, overlap] = [candidate, shared];
  }
  return best;
}
