/** Which model version a device is meant to run. Pure. */

/** What an alias of a model points at. */
export interface ModelTarget {
  readonly model: string;
  /** `production` for the fleet, any other name for the group of that name. */
  readonly alias: string;
  readonly version: string;
  /** SHA-256 of the canonical manifest, and its size. */
  readonly manifest: string;
  readonly manifestBytes: number;
  /** Grows with each model's first promotion; a later promotion keeps it. */
  readonly promoted: number;
}

/** What decides about a device's model. */
export interface Follower {
  readonly role: string;
  readonly group: string | null;
  /** Model it follows; `null` follows the default. */
  readonly follows: string | null;
}

export const fleetAlias = "production";

/** The default model: the one promoted first, whatever the alias. */
export function defaultModel(targets: readonly ModelTarget[]): string | undefined {
  let first: ModelTarget | undefined;
  for (const target of targets)
    if (first === undefined || target.promoted < first.promoted) first = target;
  return first?.model;
}

/**
 * The target of a device: its group's alias of the model it follows, or else the fleet's. Stations
 * run no model, and a model without either alias leaves the device as it is.
 */
export function resolveTarget(
  device: Follower,
  targets: readonly ModelTarget[],
): ModelTarget | undefined {
  if (device.role !== "camera") return undefined;
  const model = device.follows ?? defaultModel(targets);
  const byAlias = (alias: string | null) =>
    targets.find((target) => target.model === model && target.alias === alias);
  return byAlias(device.group) ?? byAlias(fleetAlias);
}
