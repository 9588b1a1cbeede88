import type { Generated } from "kysely";
import type { Db } from "./db.ts";

declare module "./db.ts" {
  interface Tables {
    installation: { id: Generated<string>; created_at: Generated<Date> };
    idempotency: {
      caller: string;
      key: string;
      request: string;
      status: number | null;
      reply: unknown;
      at: Generated<Date>;
    };
  }
}

export interface KeyRow {
  readonly request: string;
  readonly status: number | null;
  readonly reply: unknown;
}

/** Takes an idempotency key; returns the earlier holder's row where it is taken. */
export async function claimKey(
  db: Db,
  row: { readonly caller: string; readonly key: string; readonly request: string },
): Promise<KeyRow | undefined> {
  const taken = await db
    .insertInto("idempotency")
    .values({ ...row, status: null, reply: null })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if ((taken.numInsertedOrUpdatedRows ?? 0n) > 0n) return undefined;
  return await db
    .selectFrom("idempotency")
    .select(["request", "status", "reply"])
    .where("caller", "=", row.caller)
    .where("key", "=", row.key)
    .executeTakeFirstOrThrow();
}

export async function saveReply(db: Db, caller: string, key: string, reply: unknown) {
  await db
    .updateTable("idempotency")
    .set({ status: 200, reply: JSON.stringify(reply) })
    .where("caller", "=", caller)
    .where("key", "=", key)
    .execute();
}

export async function releaseKey(db: Db, caller: string, key: string): Promise<void> {
  await db
    .deleteFrom("idempotency")
    .where("caller", "=", caller)
    .where("key", "=", key)
    .where("status", "is", null)
    .execute();
}

/** Forgets keys older than `before`. */
export async function expireKeys(db: Db, before: Date): Promise<void> {
  await db.deleteFrom("idempotency").where("at", "<", before).execute();
}

/** Id of this installation, in cookies' names and on the wire. */
export async function installationId(db: Db): Promise<string> {
  const row = await db.selectFrom("installation").select("id").executeTakeFirstOrThrow();
  return row.id;
}
