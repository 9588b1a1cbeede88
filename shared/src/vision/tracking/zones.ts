/**
 * Zones: whether an object is inside one.
 *
 *   outside ──inside for enterMsMin──► inside ──outside by marginMin for leaveMsMin──► outside
 *                                        └──inside for dwellMsMin──► dwelled, once for each stay
 *
 * Entries and exits are dated back to when they began. An object that is hidden stays where it was
 * last seen. Pure.
 */
import * as z from "zod/mini";
import { slug } from "../../ids.ts";
import type { Box } from "../fit.ts";
import { anchorOf, contains, distanceTo, type Point } from "./geometry.ts";
import type { Zone } from "./settings.ts";

/** What is known about one object and one zone. */
export const zoneMarkSchema = z.object({
  zone: slug,
  inside: z.boolean(),
  /** When the present stay began; `null` outside. */
  sinceMs: z.nullable(z.number()),
  /** Since when the object has been seen on the other side than `inside` says. */
  changingSinceMs: z.nullable(z.number()),
  dwelled: z.boolean(),
});
export type ZoneMark = z.infer<typeof zoneMarkSchema>;

export type ZoneChange =
  | { readonly kind: "zone-entered"; readonly zone: string; readonly atMs: number }
  | {
      readonly kind: "zone-left";
      readonly zone: string;
      readonly atMs: number;
      readonly stayMs: number;
      /** Whether it went out of the zone or was last seen in it. */
      readonly how: "moved" | "ended";
    }
  | {
      readonly kind: "dwelled";
      readonly zone: string;
      readonly atMs: number;
      readonly stayMs: number;
    };

export interface ZoneStep {
  readonly mark: ZoneMark;
  readonly changes: readonly ZoneChange[];
}

export function newZoneMark({ name }: Zone): ZoneMark {
  return { zone: name, inside: false, sinceMs: null, changingSinceMs: null, dwelled: false };
}

/** Takes in where an object is at a time. */
export function advanceZone(mark: ZoneMark, zone: Zone, box: Box, atMs: number): ZoneStep {
  const moved = move(mark, zone, anchorOf(box, zone.anchor), atMs);
  const { inside, sinceMs, dwelled } = moved.mark;
  const stayMs = inside && sinceMs !== null ? atMs - sinceMs : 0;
  if (dwelled || zone.dwellMsMin === null || stayMs < zone.dwellMsMin) return moved;
  return {
    mark: { ...moved.mark, dwelled: true },
    changes: [...moved.changes, { kind: "dwelled", zone: zone.name, atMs, stayMs }],
  };
}

/** Ends the stay of an object that is no more. */
export function endZone(mark: ZoneMark, lastSeenAtMs: number): ZoneStep {
  return mark.inside ? left(mark, lastSeenAtMs, "ended") : { mark, changes: [] };
}

function move(mark: ZoneMark, zone: Zone, anchor: Point, atMs: number): ZoneStep {
  if (isWhere(mark, zone, anchor)) return { mark: { ...mark, changingSinceMs: null }, changes: [] };
  const sinceMs = mark.changingSinceMs ?? atMs;
  const neededMs = mark.inside ? zone.leaveMsMin : zone.enterMsMin;
  if (atMs - sinceMs < neededMs) {
    return { mark: { ...mark, changingSinceMs: sinceMs }, changes: [] };
  }
  if (mark.inside) return left(mark, sinceMs, "moved");
  return {
    mark: { ...mark, inside: true, sinceMs, changingSinceMs: null },
    changes: [{ kind: "zone-entered", zone: mark.zone, atMs: sinceMs }],
  };
}

/** Whether what is seen agrees with the mark; just outside still counts as inside. */
function isWhere({ inside }: ZoneMark, { polygon, marginMin }: Zone, anchor: Point): boolean {
  if (contains(polygon, anchor)) return inside;
  return !inside || distanceTo(polygon, anchor, true) < marginMin;
}

function left(mark: ZoneMark, atMs: number, how: "moved" | "ended"): ZoneStep {
  const stayMs = Math.max(0, atMs - (mark.sinceMs ?? atMs));
  return {
    mark: { ...mark, inside: false, sinceMs: null, changingSinceMs: null, dwelled: false },
    changes: [{ kind: "zone-left", zone: mark.zone, atMs, stayMs, how }],
  };
}
