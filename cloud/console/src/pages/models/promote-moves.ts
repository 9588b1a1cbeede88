import type { DeviceSummary } from "@fieldloop/shared/contract/devices";
import type { ModelVersion } from "@fieldloop/shared/contract/models";

/** The alias of everybody whose group has none of its own. */
export const fleetAlias = "production";

/**
 * The cameras that pointing `alias` of a model at `version` moves. A device follows its group's
 * alias where there is one, and `production` otherwise; a device that follows another model stays.
 */
export function movedBy(
  devices: readonly DeviceSummary[],
  target: { readonly name: string; readonly version: string; readonly alias: string },
  aliases: readonly string[],
): readonly DeviceSummary[] {
  const wanted = `${target.name}@${target.version}`;
  return devices.filter((device) => {
    if (device.role !== "camera") return false;
    const follows = device.follows ?? device.desiredModel?.split("@")[0] ?? target.name;
    if (follows !== target.name) return false;
    const own = device.group !== null && aliases.includes(device.group) ? device.group : fleetAlias;
    const alias = device.group === target.alias ? device.group : own;
    return alias === target.alias && device.desiredModel !== wanted;
  });
}

/** A number of devices, or what is at least that number. */
export interface Moves {
  readonly n: number;
  readonly isExact: boolean;
}

/**
 * How many devices a promotion moves. Counted device by device while the list holds the whole fleet.
 * In a larger fleet the server's counts say it where one alias moves everybody; where groups have
 * aliases of their own, the devices seen are the least it can be.
 * @param versions all versions of the model, with the server's counts
 */
export function movesOf(
  fleet: { readonly items: readonly DeviceSummary[]; readonly total: number },
  versions: readonly ModelVersion[],
  target: { readonly name: string; readonly version: string; readonly alias: string },
): Moves {
  const aliases = versions.flatMap((one) => one.aliases);
  const seen = movedBy(fleet.items, target, aliases).length;
  if (fleet.total <= fleet.items.length) return { n: seen, isExact: true };
  const isOnlyAlias = aliases.length === 1 && aliases[0] === target.alias;
  if (!isOnlyAlias || target.alias !== fleetAlias) return { n: seen, isExact: false };
  const others = versions.filter((one) => one.version !== target.version);
  return { n: others.reduce((sum, one) => sum + one.desired, 0), isExact: true };
}
