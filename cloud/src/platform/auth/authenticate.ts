/** Finds out who is asking: an API token or a device's credential as bearer, or a login's cookie. */
import type { Person } from "@fieldloop/shared/contract/people";
import { actNames, everywhere } from "@fieldloop/shared/permissions";
import type { FastifyRequest } from "fastify";
import { anonymous, type Caller } from "../caller.ts";
import type { Platform } from "../context.ts";
import { cookieName, crossSite, isSameOrigin } from "./cookie.ts";
import { actsOf } from "./scope.ts";
import { hashSecret, secretMarks, secretMatches } from "./secret.ts";
import { extendLogin, findLogin } from "./store/logins.ts";
import { findToken, touchToken } from "./store/tokens.ts";

export interface AuthenticateOptions {
  /** A first token that may do everything, for automation (`FIELDLOOP_ADMIN_TOKEN`). */
  readonly adminToken?: string | undefined;
  /** Answers whose credential this is; the fleet knows. */
  readonly verifyDevice: (
    credential: string,
  ) => Promise<
    { readonly id: string; readonly site: string | null; readonly group: string | null } | undefined
  >;
}

/** A login ends after a week without use, and after 30 days in any case. */
export const loginIdleMs = 7 * 86_400_000;
export const loginAgeMsMax = 30 * 86_400_000;
/** Its end is moved at most this often. */
const extendEveryMs = 3_600_000;

/**
 * For `AppOptions.authenticate`. A credential that is wrong makes nobody, with the reason: public
 * routes still answer, all others say it in their 401.
 */
export function authenticateRequest(
  platform: Platform,
  options: AuthenticateOptions,
): (request: FastifyRequest) => Promise<Caller | undefined> {
  const adminHash = options.adminToken === undefined ? undefined : hashSecret(options.adminToken);
  const cookie = cookieName(platform.installation);
  return async (request) => {
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const [scheme, token = ""] = authorization.split(" ", 2);
      if (scheme?.toLowerCase() !== "bearer" || token === "")
        return refused("send the token as `Authorization: Bearer …`; no other scheme is known");
      if (adminHash !== undefined && secretMatches(token, adminHash)) return adminTokenCaller;
      if (token.startsWith(secretMarks.device)) return await callerOfDevice(options, token);
      return await callerOfToken(platform, token);
    }
    const secret = request.cookies[cookie];
    if (secret === undefined) return undefined;
    if (!isSameOrigin(request, platform.installation.publicUrl)) throw crossSite();
    return await callerOfLogin(platform, secret);
  };
}

const adminTokenCaller: Caller = {
  kind: "token",
  id: "admin-token",
  name: "FIELDLOOP_ADMIN_TOKEN",
  role: null,
  acts: new Set(actNames),
  scope: everywhere,
};

function refused(reason: string): Caller {
  return { ...anonymous, refused: reason };
}

async function callerOfDevice(options: AuthenticateOptions, credential: string): Promise<Caller> {
  const device = await options.verifyDevice(credential);
  if (device === undefined)
    return refused(
      "this device credential does not work here: the device was removed, or it belongs to another installation; enrol the device again",
    );
  const scope = { sites: device.site === null ? null : [device.site], groups: null };
  return { kind: "device", id: device.id, name: device.id, role: null, acts: new Set(), scope };
}

async function callerOfToken(platform: Platform, secret: string): Promise<Caller> {
  const now = platform.now();
  const token = await findToken(platform.db, hashSecret(secret));
  if (token === undefined)
    return refused(
      "this API token is not known here: it may belong to another installation, or be mistyped",
    );
  if (token.revoked) return refused(`the API token "${token.note}" was revoked; create a new one`);
  if (token.expiresAt !== null && token.expiresAt <= now)
    return refused(
      `the API token "${token.note}" expired on ${new Date(token.expiresAt).toISOString()}; create a new one`,
    );
  await touchToken(platform.db, token, now);
  const { id, note, scope } = token;
  return { kind: "token", id, name: note, role: null, acts: new Set(token.acts), scope };
}

/** The caller a person is. */
export function callerOfPerson(person: Person): Caller {
  const { id, name, role, scope } = person;
  return { kind: "person", id, name, role, acts: new Set(actsOf(role)), scope };
}

async function callerOfLogin(platform: Platform, secret: string): Promise<Caller> {
  const now = platform.now();
  const secretHash = hashSecret(secret);
  const login = await findLogin(platform.db, secretHash, now);
  if (login === undefined) return refused("this login has ended; sign in again");
  const expiresAt = Math.min(now + loginIdleMs, login.begunAt + loginAgeMsMax);
  if (expiresAt - login.expiresAt > extendEveryMs)
    await extendLogin(platform.db, secretHash, expiresAt);
  return callerOfPerson(login.person);
}
