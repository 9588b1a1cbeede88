/** Devices as the rest of the cloud and the API see them. Pure. */
import { type DeviceSummary, deviceSummary } from "@fieldloop/shared/contract/devices";
import {
  type DesiredDocument,
  defaultSettings,
  desiredDocument,
  type RemoteSettings,
  remoteSettings,
} from "@fieldloop/shared/messages/twin";
import * as z from "zod/mini";
import { statusOf } from "./status.ts";

/** A device as it is stored; times in Unix milliseconds. */
export interface Device {
  readonly id: string;
  readonly role: "camera" | "station";
  readonly profile: string;
  readonly site: string | null;
  readonly group: string | null;
  readonly enrolledAt: number;
  readonly revision: number;
  readonly follows: string | null;
  /** Only what somebody has set. */
  readonly settings: StoredSettings;
  readonly scene: Readonly<Record<string, string>>;
  readonly previewUntil: number | null;
  /** When a camera was last asked for a new reference. */
  readonly commissions: DesiredDocument["commissions"];
  readonly desiredVersion: number;
  readonly target: DesiredDocument["model"];
  readonly online: boolean;
  readonly lastSeen: number | null;
  readonly agentVersion: string | null;
  /** `name@version` */
  readonly running: string | null;
  readonly world: string | null;
  readonly update: DeviceSummary["update"];
  readonly latest: DeviceSummary["latest"];
}

/** What the database keeps as JSON. */
export const storedSettings = z.partial(remoteSettings);
export type StoredSettings = z.infer<typeof storedSettings>;
export const storedCommissions = desiredDocument.shape.commissions;
export const storedUpdate = deviceSummary.shape.update;
export const storedLatest = deviceSummary.shape.latest;

/** The demo shows its results within seconds; elsewhere little is sent unless asked for. */
const demoSettings: RemoteSettings = { results: "sampled", sampleShare: 0.25, windowMs: 5000 };

/** What holds for devices on which nobody has set anything. */
export function fleetSettings(demo: boolean): RemoteSettings {
  return demo ? demoSettings : defaultSettings;
}

/** The settings that hold for a device: the fleet's, then its own. */
export function settingsOf(device: Pick<Device, "settings">, demo: boolean): RemoteSettings {
  const fleet = fleetSettings(demo);
  const own = device.settings;
  return {
    results: own.results ?? fleet.results,
    sampleShare: own.sampleShare ?? fleet.sampleShare,
    windowMs: own.windowMs ?? fleet.windowMs,
    ...(own.routing && { routing: own.routing }),
    ...(own.samples && { samples: own.samples }),
  };
}

/** The document the device fetches. */
export function desiredOf(device: Device, demo: boolean, now: number): DesiredDocument {
  const { previewUntil } = device;
  return {
    v: 1,
    version: device.desiredVersion,
    model: device.target,
    settings: settingsOf(device, demo),
    scene: { ...device.scene },
    commissions: { ...device.commissions },
    preview: previewUntil !== null && previewUntil > now ? { until: previewUntil } : null,
  };
}

/** The row of the device list. */
export function summaryOf(device: Device, demo: boolean, now: number): DeviceSummary {
  const { windowMs } = settingsOf(device, demo);
  return {
    id: device.id,
    role: device.role,
    profile: device.profile,
    site: device.site,
    group: device.group,
    status: statusOf({ online: device.online, lastSeen: device.lastSeen, windowMs }, now),
    lastSeen: device.lastSeen,
    enrolledAt: device.enrolledAt,
    agentVersion: device.agentVersion,
    follows: device.follows,
    model: device.running,
    desiredModel: device.target && `${device.target.name}@${device.target.version}`,
    update: device.update,
    world: device.world,
    latest: device.latest,
  };
}

/** Entity tag of a device; telemetry does not change it, people do. */
export function etagOf(device: Pick<Device, "revision">): string {
  return `"r${device.revision}"`;
}
