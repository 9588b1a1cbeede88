/**
 * A device's life, as people act on it:
 *
 *   (enrolled) ─> pending ── connects ──> active ── removed by a person ──> removed
 *                    └──────────────────────────────────────────────────────────┘
 *
 * `removed` is final: the id is never given again, so that old data keeps its owner.
 */
import { type Lifecycle, no, refusalOf } from "./lifecycle.ts";

export const deviceStates = ["pending", "active", "removed"] as const;
export type DeviceState = (typeof deviceStates)[number];

export const deviceActs = [
  "connect",
  "remove",
  "watch",
  "commission",
  "settings",
  "promoteTarget",
] as const;
export type DeviceAct = (typeof deviceActs)[number];

const removed = no("has been removed; enrol the device again under another name");

export const deviceLifecycle: Lifecycle<DeviceState, DeviceAct> = {
  pending: {
    connect: "active",
    remove: "removed",
    watch: no("has never connected, so there is nothing to watch; start its agent"),
    commission: no("has never connected, so it has no cameras yet; start its agent"),
    settings: "pending",
    promoteTarget: "pending",
  },
  active: {
    connect: "active",
    remove: "removed",
    watch: "active",
    commission: "active",
    settings: "active",
    promoteTarget: "active",
  },
  removed: {
    connect: removed,
    remove: removed,
    watch: removed,
    commission: removed,
    settings: removed,
    promoteTarget: removed,
  },
};

/** What of a device decides which acts are possible. */
export interface ActingDevice {
  readonly id: string;
  readonly role: "camera" | "station";
  /** Last time anything arrived from it, Unix milliseconds; `null` for never. */
  readonly lastSeen: number | null;
  /** Absent for a device that is there. */
  readonly removed?: boolean;
}

export function deviceStateOf(device: Pick<ActingDevice, "lastSeen" | "removed">): DeviceState {
  if (device.removed === true) return "removed";
  return device.lastSeen === null ? "pending" : "active";
}

const guard = (act: DeviceAct, camerasOnly?: string) => (device: ActingDevice) => {
  const thing = { name: device.id, state: deviceStateOf(device) };
  const refused = refusalOf(deviceLifecycle, thing, act);
  if (refused !== undefined || camerasOnly === undefined || device.role === "camera")
    return refused;
  return `${device.id} ${camerasOnly}`;
};

/** Why an act is not possible on this device, as one sentence; `undefined` where it is. */
export const can = {
  connect: guard("connect"),
  remove: guard("remove"),
  watch: guard("watch", "is a station and has no camera to watch"),
  commission: guard("commission", "is a station and has no camera"),
  settings: guard("settings"),
  promoteTarget: guard("promoteTarget", "is a station and runs no model"),
} as const satisfies Readonly<Record<DeviceAct, (device: ActingDevice) => string | undefined>>;
