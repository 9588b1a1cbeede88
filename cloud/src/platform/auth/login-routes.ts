import { logins, type Me, type Person } from "@fieldloop/shared/contract/people";
import { AppError } from "@fieldloop/shared/errors";
import { actNames } from "@fieldloop/shared/permissions";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Caller } from "../caller.ts";
import type { Platform } from "../context.ts";
import type { Db } from "../db.ts";
import { implement } from "../http.ts";
import { appendAudit } from "../ledger/store.ts";
import { callerOfPerson, loginAgeMsMax } from "./authenticate.ts";
import {
  cookieName,
  cookieOptions,
  crossSite,
  isSameOrigin,
  requirePrivateChannel,
} from "./cookie.ts";
import { beginLogin, checkPassword, normalEmail, redeemCode } from "./login.ts";
import { hashPassword } from "./password.ts";
import { createRateLimit } from "./rate-limit.ts";
import { hashSecret } from "./secret.ts";
import { deleteLogin, deleteOtherLogins } from "./store/logins.ts";
import { savePassword } from "./store/people.ts";

const what = "sign-in attempts";

export function loginRoutes(app: FastifyInstance, platform: Platform): void {
  const { db, installation } = platform;
  const cookie = cookieName(installation);
  const perAddress = createRateLimit({ burst: 30, refillMs: 2000, keysMax: 10_000, what });
  const perPerson = createRateLimit({ burst: 10, refillMs: 30_000, keysMax: 10_000, what });

  /** Whoever signs in must do so over a private channel, from our own page, and not too often. */
  const admit = (request: FastifyRequest) => {
    requirePrivateChannel(request);
    const { origin, "sec-fetch-site": site } = request.headers;
    const browser = origin !== undefined || site !== undefined;
    if (browser && !isSameOrigin(request, installation.publicUrl)) throw crossSite();
    perAddress.take(request.ip, platform.now());
  };
  const enter = async (
    reply: FastifyReply,
    how: string,
    identify: (tx: Db) => Promise<Person>,
  ): Promise<Me> => {
    const { person, secret } = await db.transaction().execute(async (tx) => {
      const person = await identify(tx);
      return { person, secret: await beginLogin(tx, person, how, platform.now()) };
    });
    reply.setCookie(cookie, secret, { ...cookieOptions, maxAge: loginAgeMsMax / 1000 });
    return meOf(callerOfPerson(person), installation);
  };

  implement(app, platform.idempotency, logins, {
    me: async ({ caller }) => meOf(caller, installation),
    login: async ({ body, request, reply }) => {
      admit(request);
      perPerson.take(normalEmail(body.email), platform.now());
      const person = await checkPassword(db, body.email, body.password); // slow, so outside the transaction
      return await enter(reply, "password", async () => person);
    },
    redeem: async ({ body, request, reply }) => {
      admit(request);
      return await enter(reply, "link", (tx) => redeemCode(tx, body.code, platform.now()));
    },
    setPassword: async ({ body, caller, request }) => {
      if (caller.kind !== "person") throw tokensHaveNoPassword();
      requirePrivateChannel(request);
      const hash = await hashPassword(body.password);
      const kept = hashSecret(request.cookies[cookie] ?? "");
      const subject = `person:${caller.id}`;
      await db.transaction().execute(async (tx) => {
        await savePassword(tx, caller.id, hash);
        await deleteOtherLogins(tx, caller.id, kept);
        const entry = { actor: caller.name, act: "set-password", subject, detail: {} };
        await appendAudit(tx, entry, platform.now());
      });
    },
    logout: async ({ caller, request, reply }) => {
      const secret = request.cookies[cookie];
      if (caller.kind !== "person" || secret === undefined) return; // a token is revoked instead
      await db.transaction().execute(async (tx) => {
        await deleteLogin(tx, hashSecret(secret));
        const entry = {
          actor: caller.name,
          act: "logout",
          subject: `person:${caller.id}`,
          detail: {},
        };
        await appendAudit(tx, entry, platform.now());
      });
      reply.clearCookie(cookie, cookieOptions);
    },
  });
}

function meOf(caller: Caller, installation: Platform["installation"]): Me {
  const { id, version, demo } = installation;
  return {
    kind: caller.kind === "person" ? "person" : "token",
    name: caller.name,
    role: caller.role,
    acts: actNames.filter((act) => caller.acts.has(act)),
    scope: {
      sites: caller.scope.sites && [...caller.scope.sites],
      groups: caller.scope.groups && [...caller.scope.groups],
    },
    installation: { id, version, demo },
  };
}

function tokensHaveNoPassword(): AppError {
  return new AppError({
    code: "not-a-person",
    status: 403,
    message: "an API token has no password; sign in as the person whose password is to be set",
  });
}
