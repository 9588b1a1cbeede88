import type { DeviceSummary } from "@fieldloop/shared/contract/devices";

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
