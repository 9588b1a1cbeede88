import type { devices } from "@fieldloop/shared/contract/devices";
import type { EndpointCall } from "@fieldloop/shared/contract/endpoint";
import { AppError } from "@fieldloop/shared/errors";
import { routingOverride } from "@fieldloop/shared/manifest/routing";
import { inScope } from "@fieldloop/shared/permissions";
import { sampleSettings } from "@fieldloop/shared/samples/settings";
import type { Caller } from "../../platform/caller.ts";
import type { Db } from "../../platform/db.ts";
import { checkMatch } from "../../platform/http.ts";
import { appendAudit } from "../../platform/ledger/store.ts";
import { type Device, etagOf, type StoredSettings } from "./devices.ts";
import { requireInSight, requirePossible } from "./find.ts";
import { findDevice } from "./reads.ts";
import { lockDevice, saveChoices } from "./store/devices.ts";
import { loadTargets, lockTargets } from "./store/targets.ts";
import { type Moved, retarget } from "./target-model.ts";

export type DeviceChange = EndpointCall<typeof devices.update>["body"];

type Choices = Pick<Device, "site" | "group" | "follows" | "settings">;

/** What a change makes of a device's choices. Pure. */
export function changedChoices(device: Choices, change: DeviceChange): Choices {
  const pick = <T>(given: T | undefined, old: T) => (given === undefined ? old : given);
  const settings: StoredSettings = { ...device.settings };
  if (change.settings?.results !== undefined) settings.results = change.settings.results;
  if (change.settings?.windowMs !== undefined) settings.windowMs = change.settings.windowMs;
  if (change.settings?.sampleShare !== undefined)
    settings.sampleShare = change.settings.sampleShare;
  if (change.settings?.routing !== undefined)
    settings.routing = checked("routing", routingOverride, change.settings.routing);
  if (change.settings?.samples !== undefined) settings.samples = { ...change.settings.samples };
  if (settings.samples !== undefined) checked("samples", sampleSettings, settings.samples);
  return {
    site: pick(change.site, device.site),
    group: pick(change.group, device.group),
    follows: pick(change.follows, device.follows),
    settings,
  };
}

/** @throws AppError `routing` or `samples` (400) that names the field and what is allowed */
function checked(
  name: "routing" | "samples",
  schema: typeof routingOverride | typeof sampleSettings,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const read = schema.safeParse(given);
  if (read.success) return { ...read.data };
  const [issue] = read.error.issues;
  const path = ["settings", name, ...(issue?.path ?? [])].join(".");
  const what =
    issue?.code === "unrecognized_keys" ? `unknown key "${issue.keys[0]}"` : issue?.message;
  throw new AppError({ code: name, status: 400, message: `${path}: ${what}` });
}

/**
 * Changes where a device belongs, what it follows or how it reports, in the caller's transaction.
 * @returns the device afterwards, and `moved` where its desired document changed
 * @throws AppError 404 out of sight, 412 changed meanwhile, 403 out of the caller's own reach, 409
 * for what its life cycle or its role does not allow
 */
export async function changeDevice(
  tx: Db,
  call: { readonly id: string; readonly ifMatch: string; readonly change: DeviceChange },
  caller: Caller,
  now: number,
): Promise<{ readonly before: Device; readonly after: Device; readonly moved: readonly Moved[] }> {
  await lockTargets(tx);
  const before = await lockDevice(tx, call.id);
  requireInSight(before, caller.scope, call.id);
  checkMatch(call.ifMatch, etagOf(before), `device ${before.id}`);
  if (call.change.settings !== undefined) requirePossible(before, "settings");
  if (typeof call.change.follows === "string") requirePossible(before, "promoteTarget");
  const choices = changedChoices(before, call.change);
  const old = changedChoices(before, {});
  if (JSON.stringify(choices) === JSON.stringify(old)) return { before, after: before, moved: [] };
  requireReach(caller, choices);
  await requireFollowable(tx, choices.follows);
  const bump = JSON.stringify(choices.settings) !== JSON.stringify(old.settings);
  await saveChoices(tx, before.id, choices, bump);
  await retarget(tx, [before.id]);
  const after = await findDevice(tx, before.id);
  requireInSight(after, caller.scope, before.id);
  const { site, group } = after;
  const detail = { site, group, change: call.change };
  const subject = `device:${before.id}`;
  await appendAudit(tx, { actor: caller.name, act: "devices:write", subject, detail }, now);
  const version = after.desiredVersion;
  return {
    before,
    after,
    moved: version > before.desiredVersion ? [{ id: after.id, version }] : [],
  };
}

/** Nobody moves a device out of their own sight. */
function requireReach(caller: Caller, { site, group }: Choices): void {
  if (inScope(caller.scope, site, group)) return;
  throw new AppError({
    code: "forbidden",
    status: 403,
    message: `${caller.name} sees only part of the fleet and cannot move a device out of it`,
  });
}

async function requireFollowable(tx: Db, model: string | null): Promise<void> {
  if (model === null) return;
  const known = new Set((await loadTargets(tx)).map((target) => target.model));
  if (known.has(model)) return;
  throw new AppError({
    code: "not-promoted",
    status: 409,
    message: `no version of ${model} has been promoted, so nothing can follow it; promoted are ${[...known].join(", ") || "none"}`,
  });
}
