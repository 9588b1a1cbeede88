import { people, tokens } from "@fieldloop/shared/contract/people";
import { AppError } from "@fieldloop/shared/errors";
import type { FastifyInstance } from "fastify";
import type { Platform } from "../context.ts";
import { implement } from "../http.ts";
import { appendAudit } from "../ledger/store.ts";
import { linkFor, normalEmail } from "./login.ts";
import { actsOf, requireMayGrant, scopeWithin } from "./scope.ts";
import { hashSecret, newSecret, secretMarks } from "./secret.ts";
import { insertPerson, listPeople } from "./store/people.ts";
import { findTokenById, insertToken, listTokens, revokeToken } from "./store/tokens.ts";

/** People and API tokens. Whoever sees part of the fleet sees and makes only what lies within it. */
export function peopleRoutes(app: FastifyInstance, platform: Platform): void {
  addPeople(app, platform);
  addTokens(app, platform);
}

function addPeople(app: FastifyInstance, platform: Platform): void {
  const { db } = platform;
  implement(app, platform.idempotency, people, {
    list: async ({ caller }) => {
      const all = await listPeople(db);
      return { items: all.filter((person) => scopeWithin(person.scope, caller.scope)) };
    },
    create: async ({ body, caller }) => {
      requireMayGrant(caller, actsOf(body.role), body.scope);
      const now = platform.now();
      const email = normalEmail(body.email);
      return await db.transaction().execute(async (tx) => {
        const person = await insertPerson(tx, { ...body, email }, now);
        if (person === undefined) throw emailTaken(email);
        const loginLink = await linkFor(platform, tx, person.id);
        const { role, scope } = person;
        const subject = `person:${person.id}`;
        const detail = { email, role, scope };
        await appendAudit(tx, { actor: caller.name, act: "people:write", subject, detail }, now);
        return { ...person, loginLink };
      });
    },
  });
}

function addTokens(app: FastifyInstance, platform: Platform): void {
  const { db } = platform;
  implement(app, platform.idempotency, tokens, {
    list: async ({ caller }) => {
      const all = await listTokens(db);
      return { items: all.filter((token) => scopeWithin(token.scope, caller.scope)) };
    },
    create: async ({ body, caller }) => {
      requireMayGrant(caller, body.acts, body.scope);
      const now = platform.now();
      const secret = `${secretMarks.apiToken}${newSecret()}`;
      const expiresAt = body.expiresInS === null ? null : now + body.expiresInS * 1000;
      return await db.transaction().execute(async (tx) => {
        const row = { ...body, secretHash: hashSecret(secret), expiresAt };
        const created = await insertToken(tx, row, now);
        const subject = `token:${created.id}`;
        const { note, acts, scope } = created;
        const entry = { actor: caller.name, act: "tokens:write", subject };
        await appendAudit(tx, { ...entry, detail: { note, acts, scope, expiresAt } }, now);
        return { ...created, token: secret };
      });
    },
    revoke: async ({ params, caller }) => {
      const now = platform.now();
      await db.transaction().execute(async (tx) => {
        const token = await findTokenById(tx, params.id);
        if (token === undefined || !scopeWithin(token.scope, caller.scope))
          throw noSuchToken(params.id);
        if (token.revoked) return;
        await revokeToken(tx, token.id, now);
        const subject = `token:${token.id}`;
        const detail = { note: token.note, revoked: true };
        await appendAudit(tx, { actor: caller.name, act: "tokens:write", subject, detail }, now);
      });
    },
  });
}

function emailTaken(email: string): AppError {
  return new AppError({
    code: "email-taken",
    status: 409,
    message: `${email} belongs to somebody already; \`fieldloop-cloud login-link ${email}\` prints a login link`,
  });
}

function noSuchToken(id: string): AppError {
  return new AppError({
    code: "not-found",
    status: 404,
    message: `there is no API token ${id}; the list shows what there is`,
  });
}
