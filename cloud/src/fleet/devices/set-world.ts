import { AppError } from "@fieldloop/shared/errors";
import type { Caller } from "../../platform/caller.ts";
import type { Db } from "../../platform/db.ts";
import { appendAudit } from "../../platform/ledger/store.ts";
import { noSuchDevice } from "./find.ts";
import { saveWorld } from "./store/devices.ts";
import { camerasInScope } from "./store/list.ts";
import type { Moved } from "./target-model.ts";

/** Throws 409 unless this is a demo: real cameras see what is there. */
export function requireDemo(demo: boolean): void {
  if (demo) return;
  throw new AppError({
    code: "not-a-demo",
    status: 409,
    message: "only the synthetic cameras of a demo can change what they see; `npm start` runs one",
  });
}

/**
 * Changes what synthetic cameras see; which worlds there are, the agents know.
 * @throws AppError 404 that names the devices which are no cameras in scope
 */
export async function setWorld(
  tx: Db,
  change: { readonly world: string; readonly devices?: readonly string[] | undefined },
  caller: Caller,
  now: number,
): Promise<Moved[]> {
  const ids = await camerasInScope(tx, caller.scope, change.devices);
  const found = new Set(ids);
  const missing = (change.devices ?? []).filter((id) => !found.has(id));
  if (missing.length > 0) throw noSuchDevice(missing);
  const moved = await saveWorld(tx, ids, change.world);
  const detail = { world: change.world, devices: moved.map(({ id }) => id).sort() };
  const entry = { actor: caller.name, act: "demo:world", subject: `world:${change.world}` };
  if (moved.length > 0) await appendAudit(tx, { ...entry, detail }, now);
  return moved;
}
