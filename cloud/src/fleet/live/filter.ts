/** What of the news one watcher gets, and what replaces what. Pure. */
import type { LiveEvent } from "@fieldloop/shared/contract/live";
import { type Act, inScope, type Scope } from "@fieldloop/shared/permissions";

/** Who watches. */
export interface Watcher {
  readonly scope: Scope;
  readonly acts: ReadonlySet<Act>;
  /** The one device whose results, windows, events and frames are wanted. */
  readonly device: string | undefined;
}

/**
 * The event as this watcher may see it, or `undefined`. Whoever sees part of the fleet is not told
 * which device is gone, but to look again.
 */
export function filterEvent(event: LiveEvent, watcher: Watcher): LiveEvent | undefined {
  const { scope } = watcher;
  const limited = scope.sites !== null || scope.groups !== null;
  switch (event.kind) {
    case "device":
      return inScope(scope, event.device.site, event.device.group) ? event : undefined;
    case "device-removed":
      return limited ? { kind: "resync" } : event;
    case "model":
    case "compilation":
      return watcher.acts.has("models:read") ? event : undefined;
    case "resync":
      return event;
    case "frame":
      return event.device === watcher.device && watcher.acts.has("media:view") ? event : undefined;
    default:
      return deviceOf(event) === watcher.device ? event : undefined;
  }
}

function deviceOf(event: Extract<LiveEvent, { kind: "window" | "result" | "event" }>): string {
  if (event.kind === "window") return event.device;
  return event.kind === "result" ? event.result.device : event.event.device;
}

/** The thing an event is the newest word on; `undefined` where each event counts for itself. */
export function thingOf(event: LiveEvent): string | undefined {
  switch (event.kind) {
    case "device":
      return `device:${event.device.id}`;
    case "device-removed":
      return `device:${event.id}`;
    case "frame":
      return `frame:${event.device}`;
    case "model":
      return `model:${event.name}`;
    case "compilation":
      return `compilation:${event.compilation.id}`;
    case "resync":
      return "resync";
    default:
      return undefined;
  }
}
