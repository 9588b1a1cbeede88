/** Between rows of the table and devices. */
import type { Selectable } from "kysely";
import * as z from "zod/mini";
import {
  type Device,
  storedCommissions,
  storedLatest,
  storedSettings,
  storedUpdate,
} from "../devices.ts";
import type { DeviceTable } from "./tables.ts";

/** Columns that make a `Device`; `reported` is large and read apart. */
export const deviceColumns = [
  "id",
  "role",
  "profile",
  "site",
  "group_name",
  "enrolled_at",
  "revision",
  "follows",
  "settings",
  "scene",
  "preview_until",
  "commissions",
  "desired_version",
  "target_name",
  "target_version",
  "target_manifest",
  "target_bytes",
  "online",
  "last_seen",
  "agent_version",
  "running_name",
  "running_version",
  "world",
  "update_progress",
  "latest",
] as const satisfies readonly (keyof DeviceTable)[];

type DeviceRow = Pick<Selectable<DeviceTable>, (typeof deviceColumns)[number]>;

const storedRole = z.enum(["camera", "station"]);
const storedScene = z.record(z.string(), z.string());

export function deviceOf(row: DeviceRow): Device {
  return {
    id: row.id,
    role: storedRole.parse(row.role),
    profile: row.profile,
    site: row.site,
    group: row.group_name,
    enrolledAt: row.enrolled_at.getTime(),
    revision: row.revision,
    follows: row.follows,
    settings: storedSettings.parse(row.settings),
    scene: storedScene.parse(row.scene),
    previewUntil: row.preview_until?.getTime() ?? null,
    commissions: storedCommissions.parse(row.commissions),
    desiredVersion: row.desired_version,
    target: targetOf(row),
    online: row.online,
    lastSeen: row.last_seen?.getTime() ?? null,
    agentVersion: row.agent_version,
    running: row.running_name && `${row.running_name}@${row.running_version}`,
    world: row.world,
    update: storedUpdate.parse(row.update_progress),
    latest: storedLatest.parse(row.latest),
  };
}

/** The target of a row; all four columns are set or none. */
export function targetOf(
  row: Pick<DeviceRow, "target_name" | "target_version" | "target_manifest" | "target_bytes">,
): Device["target"] {
  if (row.target_name === null || row.target_version === null) return null;
  if (row.target_manifest === null || row.target_bytes === null) return null;
  return {
    name: row.target_name,
    version: row.target_version,
    manifest: row.target_manifest,
    manifestBytes: row.target_bytes,
  };
}
