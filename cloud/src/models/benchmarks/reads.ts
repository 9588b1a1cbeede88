/** What other modules ask about measurements on devices. */
import type { Db } from "../../platform/db.ts";
import type {} from "./store.ts"; // declares the table

/** Versions that a device is asked to measure now. */
export async function versionsToMeasure(
  db: Db,
  device: string,
): Promise<readonly { readonly name: string; readonly version: string }[]> {
  return await db
    .selectFrom("benchmarks")
    .select(["name", "version"])
    .distinct()
    .where("device", "=", device)
    .where("state", "=", "waiting")
    .execute();
}
