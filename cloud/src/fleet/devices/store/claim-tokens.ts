import type { ClaimToken } from "@fieldloop/shared/contract/devices";
import type { Selectable } from "kysely";
import { sql } from "kysely";
import type { Db, Tables } from "../../../platform/db.ts";
import type {} from "./tables.ts";

/** Tokens listed at once; the newest. */
const listMax = 1000;

function claimTokenOf(row: Selectable<Tables["claim_tokens"]>): ClaimToken {
  return {
    id: row.id,
    note: row.note,
    site: row.site,
    group: row.group_name,
    createdAt: row.created_at.getTime(),
    expiresAt: row.expires_at.getTime(),
    usesMax: row.uses_max,
    uses: row.uses,
    revoked: row.revoked_at !== null,
  };
}

export async function insertClaimToken(
  db: Db,
  token: {
    readonly note: string;
    readonly site: string | null;
    readonly group: string | null;
    readonly usesMax: number;
    readonly secretHash: string;
    readonly expiresAt: number;
  },
  now: number,
): Promise<ClaimToken> {
  const row = await db
    .insertInto("claim_tokens")
    .values({
      note: token.note,
      secret_hash: token.secretHash,
      site: token.site,
      group_name: token.group,
      uses_max: token.usesMax,
      created_at: new Date(now),
      expires_at: new Date(token.expiresAt),
      revoked_at: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return claimTokenOf(row);
}

/** Newest first. */
export async function listClaimTokens(db: Db): Promise<ClaimToken[]> {
  const rows = await db
    .selectFrom("claim_tokens")
    .selectAll()
    .orderBy("created_at", "desc")
    .orderBy("id")
    .limit(listMax)
    .execute();
  return rows.map(claimTokenOf);
}

export async function findClaimToken(db: Db, id: string): Promise<ClaimToken | undefined> {
  const row = await db
    .selectFrom("claim_tokens")
    .selectAll()
    .where((eb) => eb(eb.cast("id", "text"), "=", id))
    .executeTakeFirst();
  return row && claimTokenOf(row);
}

/** The token with this secret, locked until the transaction ends. */
export async function lockClaimToken(tx: Db, secretHash: string): Promise<ClaimToken | undefined> {
  const row = await tx
    .selectFrom("claim_tokens")
    .selectAll()
    .where("secret_hash", "=", secretHash)
    .forUpdate()
    .executeTakeFirst();
  return row && claimTokenOf(row);
}

export async function countClaimUse(tx: Db, id: string): Promise<void> {
  await tx
    .updateTable("claim_tokens")
    .set({ uses: sql<number>`uses + 1` })
    .where("id", "=", id)
    .execute();
}

export async function revokeClaimToken(tx: Db, id: string, now: number): Promise<void> {
  await tx
    .updateTable("claim_tokens")
    .set({ revoked_at: new Date(now) })
    .where("id", "=", id)
    .where("revoked_at", "is", null)
    .execute();
}
