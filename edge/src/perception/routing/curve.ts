/**
 * How accurate a fleet would be if it asked the cloud about its hardest frames: for each threshold the
 * share that is asked about and the accuracy that results,
 *
 *   accuracy = (cloud right on what is asked + local right on the rest) / all.
 *
 * A frame is asked about when its hardness reaches the threshold, so frames of equal hardness go
 * together. Pure.
 */
import type { HardnessBin } from "./report.ts";

/** A frame whose true label is known. */
export interface LabelledPoint {
  readonly hardness: number;
  readonly localRight: boolean;
  readonly cloudRight: boolean;
}

export interface CurvePoint {
  /** Frames at least as hard as this are asked about; +Infinity for none. */
  readonly threshold: number;
  /** Share asked about, 0 to 1. */
  readonly offloadShare: number;
  /** Share answered rightly, 0 to 1. */
  readonly accuracy: number;
}

/** Frames of one hardness. */
interface Group {
  readonly hardness: number;
  readonly frames: number;
  readonly localRight: number;
  readonly cloudRight: number;
}

/**
 * The curve from no offload to all, one point for each hardness that occurs. Points whose hardness
 * is not a number are left out; without points there is no curve.
 */
export function offloadCurve(points: readonly LabelledPoint[]): readonly CurvePoint[] {
  const groups = new Map<number, Group>();
  for (const { hardness, localRight, cloudRight } of points) {
    if (Number.isNaN(hardness)) continue;
    const group = groups.get(hardness);
    groups.set(hardness, {
      hardness,
      frames: (group?.frames ?? 0) + 1,
      localRight: (group?.localRight ?? 0) + Number(localRight),
      cloudRight: (group?.cloudRight ?? 0) + Number(cloudRight),
    });
  }
  return cumulate([...groups.values()]);
}

/** The curve of a report's bins, as far as they are labelled; thresholds are levels from 0 to 1. */
export function curveOfBins(bins: readonly HardnessBin[]): readonly CurvePoint[] {
  const groups = bins.map(({ labelled, localRight, cloudRight }, i) => ({
    hardness: i / bins.length,
    frames: labelled,
    localRight,
    cloudRight,
  }));
  return cumulate(groups.filter(({ frames }) => frames > 0));
}

/** The point that asks most without asking more than `offloadShareMax` of the frames. */
export function pointForOffload(
  curve: readonly CurvePoint[],
  offloadShareMax: number,
): CurvePoint | undefined {
  return curve.findLast(({ offloadShare }) => offloadShare <= offloadShareMax);
}

/** The point that reaches an accuracy with the least offload; `undefined` where none does. */
export function pointForAccuracy(
  curve: readonly CurvePoint[],
  accuracyMin: number,
): CurvePoint | undefined {
  return curve.find(({ accuracy }) => accuracy >= accuracyMin);
}

function cumulate(groups: readonly Group[]): readonly CurvePoint[] {
  const frames = groups.reduce((sum, group) => sum + group.frames, 0);
  if (frames === 0) return [];
  let right = groups.reduce((sum, group) => sum + group.localRight, 0);
  let asked = 0;
  const curve = [
    { threshold: Number.POSITIVE_INFINITY, offloadShare: 0, accuracy: right / frames },
  ];
  for (const group of groups.toSorted((a, b) => (a.hardness < b.hardness ? 1 : -1))) {
    asked += group.frames;
    right += group.cloudRight - group.localRight;
    curve.push({
      threshold: group.hardness,
      offloadShare: asked / frames,
      accuracy: right / frames,
    });
  }
  return curve;
}
