/**
 * What can be set about tracks, episodes, zones and lines, with defaults that fit 5 frames a second.
 * Lengths are fractions of the picture, or "sizes": multiples of an object's longer side.
 */
import * as z from "zod/mini";
import { slug } from "../../ids.ts";
import { anchors, lineProblem, type Point, polygonProblem } from "./geometry.ts";

/** Bounds that no setting moves. */
export const trackingLimits = {
  zonesMax: 16,
  linesMax: 16,
  /** Classes that one track's vote tells apart; weight of further ones still counts in the total. */
  votedLabelsMax: 16,
  /** Crossings and zone changes that a track keeps until it is confirmed. */
  heldMax: 32,
  /** Crossings that a track remembers so that their class can be corrected at its end. */
  crossingsMax: 32,
  /** Classes that a line counts by themselves; further ones are counted together. */
  countedLabelsMax: 200,
  /** Detections of one frame that are looked at, the best ones. */
  detectionsMax: 300,
} as const;

const fraction = z.number().check(z.gte(0), z.lte(1));
const durationMs = z.int().check(z.gte(0), z.lte(3_600_000));

/** The tracker's settings. */
export const trackingSettings = z.strictObject({
  /** From this score on a detection may begin a track; below it, it may only extend one. */
  scoreHighMin: z._default(fraction, 0.5),
  /** Detections below this score are not looked at. */
  scoreLowMin: z._default(fraction, 0.1),
  /** Hits that make a track an object. Two would let through two false detections that lie close. */
  hitsMin: z._default(z.int().check(z.gte(1), z.lte(20)), 3),
  /** A track that has not had its hits by then was nothing. */
  confirmMsMax: z._default(durationMs, 1500),
  /** How long an object may stay unseen; at least three frame times, less than the time to a second
   * object in the same place. */
  lostMsMax: z._default(durationMs, 1500),
  /** From this overlap with its prediction on a detection may be the object, however sure it was. */
  iouMin: z._default(fraction, 0.3),
  /** Farthest that an object may be from its prediction, in sizes. */
  gateSizesMax: z._default(z.number().check(z.gt(0), z.lte(20)), 4),
  /** Usual speed of objects of which nothing is known yet, in sizes a second. */
  speedSizesPerS: z._default(z.number().check(z.gt(0), z.lte(100)), 8),
  /** Standard deviation of a box's place, in sizes. */
  noiseSizes: z._default(z.number().check(z.gt(0), z.lte(1)), 0.05),
  /** How much speeds change: standard deviation over one second, in sizes a second. */
  speedChangeSizesPerS: z._default(z.number().check(z.gt(0), z.lte(100)), 1),
  /** What another class than the vote's costs a pair, beside overlap from 0 to 1. Classes are
   * confused, so this only tips the balance between pairs that fit about equally well. */
  labelCost: z._default(fraction, 0.2),
  /** Detections of any classes that overlap more are one object that was found twice. */
  duplicateIouMin: z._default(fraction, 0.7),
  /** A side this close to the picture's edge is taken to be cut by it. */
  borderMin: z._default(z.number().check(z.gte(0), z.lte(0.1)), 0.005),
  /** Speed in picture fractions a second to expect where nothing has moved yet, as of a belt. */
  motionHint: z._default(
    z.nullable(z.strictObject({ xPerS: z.number(), yPerS: z.number() })),
    null,
  ),
  /** Objects followed at once; what does not fit is counted. */
  tracksMax: z._default(z.int().check(z.gte(1), z.lte(256)), 128),
});
export type TrackingSettings = z.output<typeof trackingSettings>;

/** How frames of a whole-picture classifier become objects. */
export const episodeSettings = z.strictObject({
  /** Classes that mean that there is no object. */
  background: z._default(
    z.array(z.string().check(z.minLength(1), z.maxLength(128))).check(z.maxLength(64)),
    ["background"],
  ),
  /** Below this confidence a frame counts as background. */
  confidenceMin: z._default(fraction, 0),
  /** Frames that make an object; fewer were a flicker. */
  framesMin: z._default(z.int().check(z.gte(1), z.lte(1000)), 2),
  /** How long an object may be out of sight. Three frame times bridge two lost frames. Set it just
   * below the gap between two objects: the longer, the fewer objects are told twice. */
  gapMsMax: z._default(durationMs, 700),
  /** This many frames in a row with one other class are another object, without a gap. Fewer are a
   * confusion and are outvoted; 1 makes every change of class a new object. */
  changeFramesMin: z._default(z.int().check(z.gte(1), z.lte(1000)), 3),
});
export type EpisodeSettings = z.output<typeof episodeSettings>;

const corners = (problemOf: (points: readonly Point[]) => string | undefined) =>
  z.array(z.tuple([z.number(), z.number()])).check((context) => {
    const message = problemOf(context.value);
    if (message !== undefined) {
      context.issues.push({ code: "custom", input: context.value, message });
    }
  });

/** A part of the picture. */
export const zoneSettings = z.strictObject({
  name: slug,
  /** 3 to 64 corners without crossings; the last is joined to the first. */
  polygon: corners(polygonProblem),
  anchor: z._default(z.enum(anchors), "bottom-centre"),
  /** An object inside leaves only when it is this far outside, as a fraction of the picture. */
  marginMin: z._default(z.number().check(z.gte(0), z.lte(0.5)), 0.01),
  /** How long it must be inside before it counts as inside; the entry is dated back. */
  enterMsMin: z._default(durationMs, 300),
  /** How long it must be outside before it counts as outside; the exit is dated back. */
  leaveMsMin: z._default(durationMs, 300),
  /** After this stay there is one `dwelled` event; `null` for none. */
  dwellMsMin: z._default(z.nullable(z.int().check(z.gte(1), z.lte(86_400_000))), null),
});
export type Zone = z.output<typeof zoneSettings>;

/**
 * A counting line. It has a direction, from its first corner to its last, so that there is a left and
 * a right. An object that is last seen before the line has not crossed it, so the line needs the way
 * of a frame, better two, to where objects leave the picture.
 */
export const lineSettings = z.strictObject({
  name: slug,
  /** 2 to 16 corners without crossings. */
  points: corners(lineProblem),
  anchor: z._default(z.enum(anchors), "centre"),
  /** How far past the line, in sizes, an object must be before it has crossed; keeps one that stands
   * on the line from being counted again and again. */
  marginSizesMin: z._default(z.number().check(z.gte(0), z.lte(5)), 0.15),
  /** An object that is first seen beyond the line has crossed it if, at its speed, it came into the
   * picture at most this long before; 0 counts only what was seen on both sides. */
  unseenMsMax: z._default(durationMs, 900),
});
export type CountingLine = z.output<typeof lineSettings>;

const namesDiffer = (items: readonly { readonly name: string }[]): boolean =>
  new Set(items.map(({ name }) => name)).size === items.length;

/** Everything about one camera. */
export const factsSettings = z.strictObject({
  tracking: z.prefault(
    trackingSettings.check(
      z.refine(
        ({ scoreLowMin, scoreHighMin }) => scoreLowMin <= scoreHighMin,
        "scoreLowMin must not be above scoreHighMin",
      ),
    ),
    {},
  ),
  episodes: z.prefault(episodeSettings, {}),
  zones: z._default(
    z
      .array(zoneSettings)
      .check(
        z.maxLength(trackingLimits.zonesMax),
        z.refine(namesDiffer, "every zone needs a name of its own"),
      ),
    [],
  ),
  lines: z._default(
    z
      .array(lineSettings)
      .check(
        z.maxLength(trackingLimits.linesMax),
        z.refine(namesDiffer, "every line needs a name of its own"),
      ),
    [],
  ),
});
export type FactsSettings = z.output<typeof factsSettings>;
