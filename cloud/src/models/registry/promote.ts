import { AppError } from "@fieldloop/shared/errors";
import { inScope } from "@fieldloop/shared/permissions";
import { fleetAlias } from "../../fleet/devices/target.ts";
import { type Moved, setModelTarget } from "../../fleet/devices/target-model.ts";
import type { Caller } from "../../platform/caller.ts";
import type { Platform } from "../../platform/context.ts";
import type { Db } from "../../platform/db.ts";
import { appendAudit } from "../../platform/ledger/store.ts";
import { type Alias, findVersion, listAliases, listVersions, modelNames } from "./reads.ts";
import { listed, type Version } from "./registry.ts";
import { lockModel, saveAlias } from "./store.ts";

export interface Promotion {
  readonly name: string;
  readonly alias: string;
  readonly version: string;
}

/** Where the alias points now, and the devices that this call sent there. */
export type Promoted = Alias & { readonly moved: readonly Moved[] };

/**
 * Points an alias at a version and moves every device that follows it, all at once: alias, targets
 * and audit row are one transaction, and the devices are told after it. Pointing an alias where it
 * points already changes nothing.
 *
 * How fast a fleet follows is not decided here: a rollout that paces it sets the devices' targets
 * in waves and the alias at its end.
 * @throws AppError 404 where the model or the version does not exist, naming those that do
 */
export async function promote(
  platform: Platform,
  promotion: Promotion,
  caller: Caller,
): Promise<Promoted> {
  requireReach(caller, promotion.alias);
  const now = platform.now();
  const { moved, ...alias } = await platform.db
    .transaction()
    .execute((tx) => change(tx, promotion, caller.name, now));
  for (const { id, version } of moved) platform.send(id, "desired", { v: 1, version });
  if (alias.changed) platform.live.publish({ kind: "model", name: promotion.name });
  return { ...alias.now, moved };
}

/** An alias of the fleet moves every device, so it takes somebody who may reach all of them. */
function requireReach(caller: Caller, alias: string): void {
  const group = alias === fleetAlias ? null : alias;
  if (inScope(caller.scope, null, group)) return;
  throw new AppError({
    code: "forbidden",
    status: 403,
    message:
      group === null
        ? `${caller.name} may promote for some groups only, and "${fleetAlias}" is the whole fleet; name the alias of one of these groups`
        : `${caller.name} may not promote for the group ${group}`,
  });
}

interface Change {
  readonly now: Alias;
  readonly changed: boolean;
  readonly moved: readonly Moved[];
}

async function change(tx: Db, promotion: Promotion, by: string, now: number): Promise<Change> {
  const { name, alias, version } = promotion;
  if (!(await lockModel(tx, name))) throw await unknownModel(tx, name);
  const target = await requireVersion(tx, name, version);
  const old = (await listAliases(tx, name)).find((known) => known.alias === alias);
  if (old?.version === version) return { now: old, changed: false, moved: [] };
  await saveAlias(tx, { name, alias, version, by }, now);
  const { manifest, manifestBytes } = target;
  const moved = await setModelTarget(
    tx,
    { model: name, alias, version, manifest, manifestBytes, by },
    now,
  );
  const detail = { alias, from: old?.version ?? null, to: version, devices: moved.length };
  await appendAudit(
    tx,
    { actor: by, act: "models:promote", subject: `model:${name}`, detail },
    now,
  );
  return { now: { name, alias, version, changedAt: now, changedBy: by }, changed: true, moved };
}

/** The version, or 404 naming the versions that exist. */
export async function requireVersion(db: Db, name: string, version: string): Promise<Version> {
  const found = await findVersion(db, name, version);
  if (found !== undefined) return found;
  const versions = (await listVersions(db, name)).map((known) => known.version);
  if (versions.length === 0) throw await unknownModel(db, name);
  throw new AppError({
    code: "no-such-version",
    status: 404,
    message: `${name} has no version ${version}; it has ${listed(versions)}`,
  });
}

/** 404 naming the models that exist. */
export async function unknownModel(db: Db, name: string): Promise<AppError> {
  const names = await modelNames(db);
  const known = names.length === 0 ? "no model has been pushed yet" : `known: ${listed(names)}`;
  return new AppError({
    code: "no-such-model",
    status: 404,
    message: `there is no model ${name}; ${known}`,
  });
}
