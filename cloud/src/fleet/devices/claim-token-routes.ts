import { type ClaimToken, claimTokens } from "@fieldloop/shared/contract/devices";
import { AppError } from "@fieldloop/shared/errors";
import { inScope } from "@fieldloop/shared/permissions";
import type { FastifyInstance } from "fastify";
import { hashSecret, newSecret, secretMarks } from "../../platform/auth/secret.ts";
import type { Caller } from "../../platform/caller.ts";
import type { Platform } from "../../platform/context.ts";
import { implement } from "../../platform/http.ts";
import { appendAudit } from "../../platform/ledger/store.ts";
import {
  findClaimToken,
  insertClaimToken,
  listClaimTokens,
  revokeClaimToken,
} from "./store/claim-tokens.ts";

/** Claim tokens; whoever sees part of the fleet lets devices into that part only. */
export function claimTokenRoutes(app: FastifyInstance, platform: Platform): void {
  const { db } = platform;
  implement(app, platform.idempotency, claimTokens, {
    list: async ({ caller }) => {
      const all = await listClaimTokens(db);
      return { items: all.filter((token) => sees(caller, token)) };
    },
    create: async ({ body, caller }) => {
      if (!inScope(caller.scope, body.site, body.group)) throw outOfScope(caller);
      const now = platform.now();
      const secret = `${secretMarks.claimToken}${newSecret()}`;
      const expiresAt = now + body.expiresInS * 1000;
      return await db.transaction().execute(async (tx) => {
        const row = { ...body, secretHash: hashSecret(secret), expiresAt };
        const created = await insertClaimToken(tx, row, now);
        await audit(tx, caller, created, now, {});
        return { ...created, token: secret };
      });
    },
    revoke: async ({ params, caller }) => {
      const now = platform.now();
      await db.transaction().execute(async (tx) => {
        const token = await findClaimToken(tx, params.id);
        if (token === undefined || !sees(caller, token)) throw noSuchToken(params.id);
        if (token.revoked) return;
        await revokeClaimToken(tx, token.id, now);
        await audit(tx, caller, token, now, { revoked: true });
      });
    },
  });
}

function sees(caller: Caller, token: ClaimToken): boolean {
  return inScope(caller.scope, token.site, token.group);
}

async function audit(
  tx: Platform["db"],
  caller: Caller,
  token: ClaimToken,
  now: number,
  more: object,
): Promise<void> {
  const { note, site, group, usesMax, expiresAt } = token;
  const entry = { actor: caller.name, act: "devices:enrol", subject: `claim-token:${token.id}` };
  await appendAudit(
    tx,
    { ...entry, detail: { note, site, group, usesMax, expiresAt, ...more } },
    now,
  );
}

function outOfScope(caller: Caller): AppError {
  return new AppError({
    code: "forbidden",
    status: 403,
    message: `${caller.name} sees only part of the fleet; name a site and group within it`,
  });
}

function noSuchToken(id: string): AppError {
  return new AppError({
    code: "not-found",
    status: 404,
    message: `there is no claim token ${id}; \`fieldloop devices enrol-token ls\` lists them`,
  });
}
