/** What a camera saw, as events: one for each thing that a person or a machine may act upon. */
import * as z from "zod/mini";
import { count, slug } from "../../ids.ts";
import { directions } from "./lines.ts";
import { boxSchema } from "./motion.ts";

const name = z.string().check(z.minLength(1), z.maxLength(128));
const fraction = z.number().check(z.gte(0), z.lte(1));
const stayMs = z.number().check(z.gte(0));

/** An object as it is known at the time of an event. */
export const seenObjectSchema = z.object({
  /** The same in all events of one object, and never used twice within a state. */
  track: count,
  /** Class by vote so far. */
  label: name,
  /** The class's part of all confidence, and its lead over the next class. */
  share: fraction,
  margin: fraction,
  /** Frames in which it was found. */
  frames: count,
  firstSeenAtMs: z.number(),
  lastSeenAtMs: z.number(),
  /** Id of the frame that shows it best, and where; `null` for a whole-picture classifier. */
  bestFrame: name,
  bestBox: z.nullable(boxSchema),
  /** Where it was last seen; `null` for a whole-picture classifier. */
  box: z.nullable(boxSchema),
});
export type SeenObject = z.infer<typeof seenObjectSchema>;

const crossing = { line: slug, direction: z.enum(directions) };
const common = { atMs: z.number(), object: seenObjectSchema };

/** What happened on a line or in a zone, without the object. */
export const happeningSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("line-crossed"), atMs: z.number(), ...crossing }),
  z.object({ kind: z.literal("zone-entered"), atMs: z.number(), zone: slug }),
  z.object({
    kind: z.literal("zone-left"),
    atMs: z.number(),
    zone: slug,
    stayMs,
    how: z.enum(["moved", "ended"]),
  }),
  z.object({ kind: z.literal("dwelled"), atMs: z.number(), zone: slug, stayMs }),
]);
export type Happening = z.infer<typeof happeningSchema>;

export const factEventSchema = z.discriminatedUnion("kind", [
  /** There is an object; its class may still change. For whoever must act before it is gone. */
  z.object({ kind: z.literal("object-appeared"), ...common }),
  /** The object is gone: exactly one for each, with the final vote. `atMs` is when it was last seen. */
  z.object({ kind: z.literal("object-seen"), ...common }),
  /** Counted at once, under the class of the vote so far. */
  z.object({ kind: z.literal("line-crossed"), ...common, ...crossing }),
  /** The final vote differs from the one a crossing was counted under: take one from `counted` and
   * add one to the object's class. */
  z.object({ kind: z.literal("line-corrected"), ...common, ...crossing, counted: name }),
  z.object({ kind: z.literal("zone-entered"), ...common, zone: slug }),
  z.object({
    kind: z.literal("zone-left"),
    ...common,
    zone: slug,
    stayMs,
    how: z.enum(["moved", "ended"]),
  }),
  /** Once for each stay. */
  z.object({ kind: z.literal("dwelled"), ...common, zone: slug, stayMs }),
]);
export type FactEvent = z.infer<typeof factEventSchema>;

/** What an event may be of. */
export const factKinds = [
  "object-appeared",
  "object-seen",
  "line-crossed",
  "line-corrected",
  "zone-entered",
  "zone-left",
  "dwelled",
] as const satisfies readonly FactEvent["kind"][];
export type FactKind = (typeof factKinds)[number];

/** An event as a sentence without its camera. */
export function factSentence(event: FactEvent): string {
  const { label, track } = event.object;
  const what = `${label} ${track}`;
  switch (event.kind) {
    case "object-appeared":
      return `${what} appeared`;
    case "object-seen":
      return `${what} was seen in ${event.object.frames} frames`;
    case "line-crossed":
      return `${what} crossed ${event.line} ${event.direction.replaceAll("-", " ")}`;
    case "line-corrected":
      return `${what} had crossed ${event.line} counted as ${event.counted}`;
    case "zone-entered":
      return `${what} entered ${event.zone}`;
    case "zone-left":
      return `${what} left ${event.zone} after ${inSeconds(event.stayMs)}`;
    case "dwelled":
      return `${what} has been in ${event.zone} for ${inSeconds(event.stayMs)}`;
  }
}

const inSeconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;
