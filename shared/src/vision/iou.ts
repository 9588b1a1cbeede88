import type { Box } from "./fit.ts";

/** Intersection over union of two boxes, 0 to 1; 0 where both are empty. */
export function iou(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const shared = width > 0 && height > 0 ? width * height : 0;
  if (!(shared > 0)) return 0; // the product of two tiny sides can be 0 too
  return shared / (area(a) + area(b) - shared);
}

function area(box: Box): number {
  return Math.max(0, box[2] - box[0]) * Math.max(0, box[3] - box[1]);
}
