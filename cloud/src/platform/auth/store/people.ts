import type { Person } from "@fieldloop/shared/contract/people";
import { type Role, roles, type Scope } from "@fieldloop/shared/permissions";
import * as z from "zod/mini";
import type { Db } from "../../db.ts";
import type {} from "./tables.ts";

const personColumns = ["id", "email", "name", "role", "sites", "groups", "created_at"] as const;
const storedRole = z.enum(roles);

interface PersonRow {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: string;
  readonly sites: string[] | null;
  readonly groups: string[] | null;
  readonly created_at: Date;
}

export function personOf(row: PersonRow): Person {
  const { id, email, name, sites, groups } = row;
  const role = storedRole.parse(row.role);
  return { id, email, name, role, scope: { sites, groups }, createdAt: row.created_at.getTime() };
}

/** Adds a person; `undefined` where the e-mail address is taken. */
export async function insertPerson(
  db: Db,
  person: {
    readonly email: string;
    readonly name: string;
    readonly role: Role;
    readonly scope: Scope;
  },
  now: number,
): Promise<Person | undefined> {
  const { email, name, role, scope } = person;
  const row = await db
    .insertInto("people")
    .values({
      email,
      name,
      role,
      sites: scope.sites && [...scope.sites],
      groups: scope.groups && [...scope.groups],
      password: null,
      created_at: new Date(now),
    })
    .onConflict((conflict) => conflict.column("email").doNothing())
    .returning(personColumns)
    .executeTakeFirst();
  return row && personOf(row);
}

export async function listPeople(db: Db): Promise<Person[]> {
  const rows = await db.selectFrom("people").select(personColumns).orderBy("email").execute();
  return rows.map(personOf);
}

export async function anyPerson(db: Db): Promise<boolean> {
  return (await db.selectFrom("people").select("id").limit(1).executeTakeFirst()) !== undefined;
}

/** A person and the hash of their password, by e-mail address in lower case. */
export async function findByEmail(
  db: Db,
  email: string,
): Promise<{ readonly person: Person; readonly password: string | null } | undefined> {
  const row = await db
    .selectFrom("people")
    .select([...personColumns, "password"])
    .where("email", "=", email)
    .executeTakeFirst();
  return row && { person: personOf(row), password: row.password };
}

export async function savePassword(db: Db, person: string, hash: string): Promise<void> {
  await db.updateTable("people").set({ password: hash }).where("id", "=", person).execute();
}
