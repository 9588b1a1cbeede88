/**
 * Events as counts that add up over any span of time: what telemetry windows carry instead of a row
 * for each object. Pure.
 *
 *   object/<class>                      objects, by their final class
 *   line/<line>/<direction>/<class>     crossings
 *   zone/<zone>/entered, left, dwelled  stays
 *
 * A correction takes one back from the class it was counted under, so a count of a single window may
 * be negative. Classes come last, since their names may hold a slash.
 */
import type { FactEvent } from "./events.ts";
import { type Direction, directions } from "./lines.ts";

/** What an event adds to which count. */
export function tallyOf(event: FactEvent): readonly (readonly [key: string, by: 1 | -1])[] {
  const { label } = event.object;
  switch (event.kind) {
    case "object-appeared":
      return [];
    case "object-seen":
      return [[`object/${label}`, 1]];
    case "line-crossed":
      return [[`line/${event.line}/${event.direction}/${label}`, 1]];
    case "line-corrected": {
      const line = `line/${event.line}/${event.direction}`;
      return [
        [`${line}/${event.counted}`, -1],
        [`${line}/${label}`, 1],
      ];
    }
    case "zone-entered":
      return [[`zone/${event.zone}/entered`, 1]];
    case "zone-left":
      return [[`zone/${event.zone}/left`, 1]];
    case "dwelled":
      return [[`zone/${event.zone}/dwelled`, 1]];
  }
}

/** What a key counts. */
export type TallyKey =
  | { readonly kind: "object"; readonly label: string }
  | {
      readonly kind: "line";
      readonly line: string;
      readonly direction: Direction;
      readonly label: string;
    }
  | { readonly kind: "zone"; readonly zone: string; readonly what: string };

/** Reads a key; `undefined` where it is none of ours, as of a newer agent. */
export function readTallyKey(key: string): TallyKey | undefined {
  const [kind, first = "", second = "", ...rest] = key.split("/");
  if (kind === "object") {
    const label = key.slice("object/".length);
    return label === "" ? undefined : { kind, label };
  }
  if (kind === "zone" && second !== "") return { kind, zone: first, what: second };
  const direction = directions.find((known) => known === second);
  const label = rest.join("/");
  if (kind !== "line" || direction === undefined || label === "") return undefined;
  return { kind, line: first, direction, label };
}
