import type { ApiToken } from "@fieldloop/shared/contract/people";
import { type Act, actNames, type Scope } from "@fieldloop/shared/permissions";
import type { Selectable } from "kysely";
import type { Db, Tables } from "../../db.ts";
import type {} from "./tables.ts";

/** Tokens listed at once; the newest. */
const listMax = 1000;
/** How exact the last use is kept. */
const usedEveryMs = 60_000;

function tokenOf(row: Selectable<Tables["api_tokens"]>): ApiToken {
  return {
    id: row.id,
    note: row.note,
    acts: actNames.filter((act) => row.acts.includes(act)), // an act that no longer exists is none
    scope: { sites: row.sites, groups: row.groups },
    createdAt: row.created_at.getTime(),
    expiresAt: row.expires_at?.getTime() ?? null,
    lastUsedAt: row.last_used_at?.getTime() ?? null,
    revoked: row.revoked_at !== null,
  };
}

export async function insertToken(
  db: Db,
  token: {
    readonly note: string;
    readonly acts: readonly Act[];
    readonly scope: Scope;
    readonly secretHash: string;
    readonly expiresAt: number | null;
  },
  now: number,
): Promise<ApiToken> {
  const { scope, expiresAt } = token;
  const row = await db
    .insertInto("api_tokens")
    .values({
      note: token.note,
      secret_hash: token.secretHash,
      acts: [...new Set(token.acts)],
      sites: scope.sites && [...scope.sites],
      groups: scope.groups && [...scope.groups],
      created_at: new Date(now),
      expires_at: expiresAt === null ? null : new Date(expiresAt),
      last_used_at: null,
      revoked_at: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return tokenOf(row);
}

/** Newest first. */
export async function listTokens(db: Db): Promise<ApiToken[]> {
  const rows = await db
    .selectFrom("api_tokens")
    .selectAll()
    .orderBy("created_at", "desc")
    .orderBy("id")
    .limit(listMax)
    .execute();
  return rows.map(tokenOf);
}

export async function findToken(db: Db, secretHash: string): Promise<ApiToken | undefined> {
  const row = await db
    .selectFrom("api_tokens")
    .selectAll()
    .where("secret_hash", "=", secretHash)
    .executeTakeFirst();
  return row && tokenOf(row);
}

export async function findTokenById(db: Db, id: string): Promise<ApiToken | undefined> {
  const row = await db
    .selectFrom("api_tokens")
    .selectAll()
    .where((eb) => eb(eb.cast("id", "text"), "=", id))
    .executeTakeFirst();
  return row && tokenOf(row);
}

/** Remembers that a token is in use, at most once a minute. */
export async function touchToken(db: Db, token: ApiToken, now: number): Promise<void> {
  if (token.lastUsedAt !== null && now - token.lastUsedAt < usedEveryMs) return;
  await db
    .updateTable("api_tokens")
    .set({ last_used_at: new Date(now) })
    .where("id", "=", token.id)
    .execute();
}

export async function revokeToken(db: Db, id: string, now: number): Promise<void> {
  await db
    .updateTable("api_tokens")
    .set({ revoked_at: new Date(now) })
    .where("id", "=", id)
    .where("revoked_at", "is", null)
    .execute();
}
