import type { Db } from "../../platform/db.ts";
import {
  loadFollowers,
  loadTargets,
  lockTargets,
  moveDevices,
  saveTarget,
} from "./store/targets.ts";
import { type ModelTarget, resolveTarget } from "./target.ts";

/** A device whose desired document changed, with its new version. */
export interface Moved {
  readonly id: string;
  readonly version: number;
}

/**
 * Points an alias of a model at a version and moves every device that follows it. Takes a lock that
 * is held to the end of the transaction: call it before `appendAudit`, as everybody does.
 * @returns the devices it moved; send each a `desired` notice after the commit
 */
export async function setModelTarget(
  tx: Db,
  target: Omit<ModelTarget, "promoted"> & { readonly by: string },
  now: number,
): Promise<Moved[]> {
  await lockTargets(tx);
  await saveTarget(tx, target, now);
  return await retarget(tx);
}

/**
 * Resolves the targets of these devices (or all) anew; the lock must be held.
 * @returns the devices whose target changed
 */
export async function retarget(tx: Db, only?: readonly string[]): Promise<Moved[]> {
  const targets = await loadTargets(tx);
  const groups = new Map<string, { target: ModelTarget | undefined; ids: string[] }>();
  for (const device of await loadFollowers(tx, only)) {
    const target = resolveTarget(device, targets);
    if ((target?.manifest ?? null) === device.manifest) continue;
    const key = target === undefined ? "" : `${target.model}/${target.alias}`;
    const group = groups.get(key) ?? { target, ids: [] };
    group.ids.push(device.id);
    groups.set(key, group);
  }
  const moved: Moved[] = [];
  for (const { target, ids } of groups.values())
    moved.push(...(await moveDevices(tx, ids, target)));
  return moved;
}
