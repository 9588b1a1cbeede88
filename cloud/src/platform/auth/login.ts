/** Signing in: by password, by one-time link, and the first administrator of an installation. */
import type { Person } from "@fieldloop/shared/contract/people";
import { AppError } from "@fieldloop/shared/errors";
import { everywhere } from "@fieldloop/shared/permissions";
import type { Platform } from "../context.ts";
import type { Db } from "../db.ts";
import { appendAudit } from "../ledger/store.ts";
import { loginIdleMs } from "./authenticate.ts";
import { pretendToVerify, verifyPassword } from "./password.ts";
import { hashSecret, newSecret } from "./secret.ts";
import { deleteExpired, insertLogin, insertLoginLink, useLoginLink } from "./store/logins.ts";
import { anyPerson, findByEmail, insertPerson, listPeople } from "./store/people.ts";

/** How long a one-time link works. */
export const linkMs = 15 * 60_000;
export const firstAdminEmail = "admin@localhost";

/** E-mail addresses are compared in lower case. */
export function normalEmail(email: string): string {
  return email.trim().toLowerCase();
}

/** The person with this password; a wrong address takes as long as a wrong password. */
export async function checkPassword(db: Db, email: string, password: string): Promise<Person> {
  const found = await findByEmail(db, normalEmail(email));
  const right =
    found === undefined || found.password === null
      ? await pretendToVerify(password)
      : await verifyPassword(password, found.password);
  if (found !== undefined && right) return found.person;
  throw new AppError({
    code: "wrong-login",
    status: 401,
    message:
      "e-mail address or password is wrong; an admin can print a one-time link with `fieldloop-cloud login-link`",
  });
}

/** The person a one-time link was made for; it works this once. */
export async function redeemCode(tx: Db, code: string, now: number): Promise<Person> {
  const person = await useLoginLink(tx, hashSecret(code), now);
  if (person !== undefined) return person;
  throw new AppError({
    code: "link-used",
    status: 401,
    message:
      "this login link was used already or is older than 15 minutes; `fieldloop-cloud login-link` prints a new one",
  });
}

/** Begins a login; the secret goes into the cookie and is kept nowhere else. */
export async function beginLogin(tx: Db, person: Person, how: string, now: number) {
  const secret = newSecret();
  const expiresAt = now + loginIdleMs;
  await insertLogin(tx, { secretHash: hashSecret(secret), person: person.id, expiresAt }, now);
  const subject = `person:${person.id}`;
  await appendAudit(tx, { actor: person.name, act: "login", subject, detail: { how } }, now);
  return secret;
}

/** A URL that signs this person in once within 15 minutes. Throws 404 for an unknown address. */
export async function createLoginLink(
  platform: Pick<Platform, "db" | "now" | "installation">,
  email: string = firstAdminEmail,
): Promise<string> {
  const found = await findByEmail(platform.db, normalEmail(email));
  if (found === undefined) {
    const known = (await listPeople(platform.db)).slice(0, 10).map((person) => person.email);
    throw new AppError({
      code: "not-found",
      status: 404,
      message: `nobody has the e-mail address ${email}; known are ${known.join(", ") || "none"}`,
    });
  }
  return await linkFor(platform, platform.db, found.person.id);
}

/** A login link for a person, inside a transaction. */
export async function linkFor(
  platform: Pick<Platform, "now" | "installation">,
  tx: Db,
  person: string,
): Promise<string> {
  const code = newSecret();
  const expiresAt = platform.now() + linkMs;
  await insertLoginLink(tx, { codeHash: hashSecret(code), person, expiresAt });
  return `${platform.installation.publicUrl}/login?code=${code}`;
}

/** On the first start adds an administrator; returns a login link to print, once. */
export async function ensureFirstAdmin(
  platform: Pick<Platform, "db" | "now" | "installation">,
): Promise<
  { readonly kind: "created"; readonly loginLink: string } | { readonly kind: "present" }
> {
  const now = platform.now();
  return await platform.db.transaction().execute(async (tx) => {
    if (await anyPerson(tx)) return { kind: "present" } as const;
    const admin = {
      email: firstAdminEmail,
      name: "Admin",
      role: "admin",
      scope: everywhere,
    } as const;
    const person = await insertPerson(tx, admin, now);
    if (person === undefined) return { kind: "present" } as const; // another process was faster
    const loginLink = await linkFor(platform, tx, person.id);
    const subject = `person:${person.id}`;
    const detail = { email: firstAdminEmail, role: "admin" };
    await appendAudit(tx, { actor: "fieldloop", act: "people:write", subject, detail }, now);
    return { kind: "created", loginLink } as const;
  });
}

/** Forgets logins and links that no longer work; a daily job. */
export async function forgetExpired(platform: Pick<Platform, "db" | "now">): Promise<void> {
  await deleteExpired(platform.db, platform.now());
}
