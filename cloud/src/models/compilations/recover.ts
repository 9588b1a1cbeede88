import type { Platform } from "../../platform/context.ts";
import { announce } from "./announce.ts";
import { afterBreak } from "./compilation.ts";
import { endCompilation, listRunning, requeue } from "./store.ts";

/**
 * Puts what was broken off back into the queue, or ends it where it was begun often enough. To be
 * called while nothing runs: every row that says otherwise was left behind.
 * @param hows what is known about how some of them ended, by id
 */
export async function recover(
  platform: Pick<Platform, "db" | "live" | "log" | "now">,
  hows: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  const { db, log } = platform;
  for (const { id, attempts } of await listRunning(db)) {
    const how = hows.get(id) ?? "the server ended";
    const next = afterBreak(attempts, how);
    log.warn({ compilation: id, attempts, how, next: next.kind }, "a compilation was broken off");
    if (next.kind === "again") await requeue(db, id, { counts: true });
    else await endCompilation(db, id, { state: "failed", error: next.error }, platform.now());
    await announce(platform, id);
  }
}
