import type { Caller } from "../../platform/caller.ts";
import type { Db } from "../../platform/db.ts";
import { appendAudit } from "../../platform/ledger/store.ts";
import { requireInSight, requirePossible } from "./find.ts";
import { lockDevice, savePreview } from "./store/devices.ts";
import type { Moved } from "./target-model.ts";

/** How long frames are sent after somebody asked. */
const watchMs = 90_000;
/** While this much is left, asking again changes nothing: a page asks every 30 s. */
const enoughMs = 45_000;

/** What a request to watch comes to: until when, and whether the device must be told. Pure. */
export function extendWatch(
  previewUntil: number | null,
  now: number,
): { readonly until: number; readonly extended: boolean } {
  if (previewUntil !== null && previewUntil - now >= enoughMs)
    return { until: previewUntil, extended: false };
  return { until: now + watchMs, extended: true };
}

/** Remembers who was written down as watching what, so that one look is one audit entry. */
export interface WatchLog {
  /** Whether this look is news. */
  isNew(caller: Caller, device: string, now: number): boolean;
}

const sameLookMs = 600_000;
const looksMax = 10_000;

export function createWatchLog(): WatchLog {
  const looks = new Map<string, number>();
  return {
    isNew: (caller, device, now) => {
      const key = `${caller.kind}:${caller.id}:${device}`;
      const last = looks.get(key);
      if (last !== undefined && now - last < sameLookMs) return false;
      looks.delete(key);
      looks.set(key, now);
      const [oldest] = looks.keys();
      if (looks.size > looksMax && oldest !== undefined) looks.delete(oldest);
      return true;
    },
  };
}

/** Asks a device for live frames, in the caller's transaction. */
export async function watchDevice(
  tx: Db,
  call: { readonly id: string; readonly caller: Caller; readonly log: WatchLog },
  now: number,
): Promise<{ readonly until: number; readonly moved: readonly Moved[] }> {
  const { id, caller } = call;
  const device = await lockDevice(tx, id);
  requireInSight(device, caller.scope, id);
  requirePossible(device, "watch");
  const { until, extended } = extendWatch(device.previewUntil, now);
  const version = extended ? await savePreview(tx, id, until) : device.desiredVersion;
  if (call.log.isNew(caller, id, now)) {
    const { site, group } = device;
    const entry = { actor: caller.name, act: "media:view", subject: `device:${id}` };
    await appendAudit(tx, { ...entry, detail: { site, group } }, now);
  }
  return { until, moved: extended ? [{ id, version }] : [] };
}
