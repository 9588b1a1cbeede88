import type { Person } from "@fieldloop/shared/contract/people";
import type { Db } from "../../db.ts";
import { personOf } from "./people.ts";
import type {} from "./tables.ts";

const personColumns = [
  "people.id",
  "people.email",
  "people.name",
  "people.role",
  "people.sites",
  "people.groups",
  "people.created_at",
] as const;

export async function insertLoginLink(
  db: Db,
  link: { readonly codeHash: string; readonly person: string; readonly expiresAt: number },
): Promise<void> {
  await db
    .insertInto("login_links")
    .values({
      code_hash: link.codeHash,
      person: link.person,
      expires_at: new Date(link.expiresAt),
      used_at: null,
    })
    .execute();
}

/** Marks a link as used, which works once; `undefined` where it is unknown, used or too old. */
export async function useLoginLink(
  db: Db,
  codeHash: string,
  now: number,
): Promise<Person | undefined> {
  const at = new Date(now);
  const link = await db
    .updateTable("login_links")
    .set({ used_at: at })
    .where("code_hash", "=", codeHash)
    .where("used_at", "is", null)
    .where("expires_at", ">", at)
    .returning("person")
    .executeTakeFirst();
  if (link === undefined) return undefined;
  const row = await db
    .selectFrom("people")
    .select(personColumns)
    .where("id", "=", link.person)
    .executeTakeFirst();
  return row && personOf(row);
}

export async function insertLogin(
  db: Db,
  login: { readonly secretHash: string; readonly person: string; readonly expiresAt: number },
  now: number,
): Promise<void> {
  await db
    .insertInto("logins")
    .values({
      secret_hash: login.secretHash,
      person: login.person,
      created_at: new Date(now),
      expires_at: new Date(login.expiresAt),
    })
    .execute();
}

/** The login a cookie names, unless it has expired. */
export async function findLogin(db: Db, secretHash: string, now: number) {
  const row = await db
    .selectFrom("logins")
    .innerJoin("people", "people.id", "logins.person")
    .select([...personColumns, "logins.created_at as begun_at", "logins.expires_at"])
    .where("secret_hash", "=", secretHash)
    .where("logins.expires_at", ">", new Date(now))
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    person: personOf(row),
    begunAt: row.begun_at.getTime(),
    expiresAt: row.expires_at.getTime(),
  };
}

export async function extendLogin(db: Db, secretHash: string, expiresAt: number): Promise<void> {
  await db
    .updateTable("logins")
    .set({ expires_at: new Date(expiresAt) })
    .where("secret_hash", "=", secretHash)
    .execute();
}

export async function deleteLogin(db: Db, secretHash: string): Promise<void> {
  await db.deleteFrom("logins").where("secret_hash", "=", secretHash).execute();
}

/** Ends every login of a person but one. */
export async function deleteOtherLogins(db: Db, person: string, kept: string): Promise<void> {
  await db
    .deleteFrom("logins")
    .where("person", "=", person)
    .where("secret_hash", "!=", kept)
    .execute();
}

/** Forgets logins and links that no longer work. */
export async function deleteExpired(db: Db, now: number): Promise<void> {
  const at = new Date(now);
  await db.deleteFrom("logins").where("expires_at", "<=", at).execute();
  await db.deleteFrom("login_links").where("expires_at", "<=", at).execute();
}
