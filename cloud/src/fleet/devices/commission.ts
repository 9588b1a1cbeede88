import { AppError } from "@fieldloop/shared/errors";
import type { ReportedState } from "@fieldloop/shared/messages/twin";
import type { Caller } from "../../platform/caller.ts";
import type { Db } from "../../platform/db.ts";
import { appendAudit } from "../../platform/ledger/store.ts";
import { requireInSight, requirePossible } from "./find.ts";
import { loadReported, lockDevice, saveCommission } from "./store/devices.ts";
import type { Moved } from "./target-model.ts";

/**
 * Asks a device to make a new reference of what one of its cameras sees, in the caller's transaction.
 * @throws AppError `camera-unknown` (404), or `not-watched` (409) where the camera's health is not
 */
export async function commissionCamera(
  tx: Db,
  call: { readonly id: string; readonly camera: string; readonly caller: Caller },
  now: number,
): Promise<Moved> {
  const { id, camera, caller } = call;
  const device = await lockDevice(tx, id);
  requireInSight(device, caller.scope, id);
  requirePossible(device, "commission");
  requireWatched(await loadReported(tx, id), id, camera);
  const version = await saveCommission(tx, id, camera, now);
  const { site, group } = device;
  const entry = { actor: caller.name, act: "devices:write", subject: `device:${id}` };
  await appendAudit(tx, { ...entry, detail: { site, group, commission: camera } }, now);
  return { id, version };
}

function requireWatched(reported: ReportedState | undefined, id: string, camera: string): void {
  const cameras = reported?.cameras ?? [];
  const found = cameras.find(({ name }) => name === camera);
  if (found === undefined) {
    const list = cameras.map(({ name }) => name).join(", ") || "none";
    const message = `${id} has no camera "${camera}"; it reports ${list}`;
    throw new AppError({ code: "camera-unknown", status: 404, message });
  }
  if (found.health) return;
  const message = `the health of the camera ${camera} of ${id} is not watched; set its health.enabled to true in the agent's configuration`;
  throw new AppError({ code: "not-watched", status: 409, message });
}
