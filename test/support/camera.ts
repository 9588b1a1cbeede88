import { insertDevice } from "@fieldloop/cloud/fleet/devices/store/devices";
import type { Db } from "@fieldloop/cloud/platform/db";

/** An enrolled camera that nobody runs; no credential opens it. */
export async function addCamera(
  db: Db,
  id: string,
  { group = null }: { readonly group?: string | null } = {},
): Promise<void> {
  const device = { id, role: "camera", profile: "generic-x64", site: null, group } as const;
  await insertDevice(db, { ...device, secretHash: "0".repeat(64) }, Date.now());
}
