import { randomUUID } from "node:crypto";
import type { Benchmark } from "@fieldloop/shared/contract/benchmarks";
import type { CommandMessage } from "@fieldloop/shared/messages/control";
import { requireInSight } from "../../fleet/devices/find.ts";
import { findDevice } from "../../fleet/devices/reads.ts";
import type { Caller } from "../../platform/caller.ts";
import type { Platform } from "../../platform/context.ts";
import { appendAudit } from "../../platform/ledger/store.ts";
import { requireVersion } from "../registry/promote.ts";
import { requireCamera, requireRoom } from "./benchmarks.ts";
import { countOpen, insertOrder, lockOrders } from "./store.ts";

/**
 * Asks a device to measure the files of a version. The order waits in the database; the command only
 * makes a device that is connected look at once.
 * @throws AppError 404 for an unknown version or a device out of sight, 409 for a station and where
 *   too many wait
 */
export async function startBenchmark(
  platform: Platform,
  wish: {
    readonly name: string;
    readonly version: string;
    readonly device: string;
    readonly pairs: number;
  },
  caller: Caller,
): Promise<Benchmark> {
  const { db, live } = platform;
  const now = platform.now();
  const order = await db.transaction().execute(async (tx) => {
    const { manifest, manifestBytes } = await requireVersion(tx, wish.name, wish.version);
    const device = await findDevice(tx, wish.device);
    requireInSight(device, caller.scope, wish.device);
    requireCamera(device);
    await lockOrders(tx, device.id);
    requireRoom(device.id, await countOpen(tx, device.id));
    const { profile } = device;
    const about = { id: randomUUID(), profile, manifest, manifestBytes, requestedBy: caller.name };
    const inserted = await insertOrder(tx, { ...wish, ...about }, now);
    const subject = `device:${device.id}`;
    const detail = { benchmark: inserted.id, model: `${wish.name}@${wish.version}` };
    const act = "benchmarks:start";
    await appendAudit(tx, { actor: caller.name, act, subject, detail }, now);
    return inserted;
  });
  const command: CommandMessage = { v: 1, id: order.id, command: "benchmark" };
  platform.send(order.device, "cmd", command);
  live.publish({ kind: "model", name: order.name });
  return order;
}
