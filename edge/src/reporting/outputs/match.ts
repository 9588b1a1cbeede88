/** Which events an output is told, and the text it is told in. Pure. */
import type { LocalEvent } from "./event.ts";
import type { OutputFilter } from "./settings.ts";

export function isWanted(event: LocalEvent, on: OutputFilter): boolean {
  const among = (names: readonly string[], name: string | null): boolean =>
    names.length === 0 || (name !== null && names.includes(name));
  return (
    on.events.includes(event.kind) &&
    among(on.cameras, event.camera) &&
    among(on.labels, event.label) &&
    (event.label === null || !on.notLabels.includes(event.label)) &&
    among(on.lines, event.line) &&
    among(on.directions, event.direction) &&
    among(on.zones, event.zone) &&
    (event.confidence === null || event.confidence >= on.confidenceMin)
  );
}

/** What an output is told as JSON, and what placeholders stand for. */
export type ToldEvent = LocalEvent & { readonly device: string };

const placeholder = /\{([A-Za-z]+)\}/g;

/**
 * Puts an event's values in place of `{camera}`, `{label}` and so on; what is unknown stays as it is.
 * Values come from models and from strangers, so they can neither end a topic's level nor begin an
 * option: anything but letters, digits, spaces and `_.:-` becomes `_`, and so does a leading hyphen.
 */
export function filledIn(template: string, event: ToldEvent): string {
  const values: Readonly<Record<string, unknown>> = { ...event };
  return template.replace(placeholder, (whole, name: string) => {
    if (!Object.hasOwn(values, name)) return whole;
    const value = values[name];
    return value === null ? "none" : harmless(String(value));
  });
}

function harmless(value: string): string {
  return value.replace(/[^\p{L}\p{N} _.:-]/gu, "_").replace(/^-+/, "_");
}
