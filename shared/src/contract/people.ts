/** People, logins, API tokens, and what is said about the installation. */
import * as z from "zod/mini";
import { slug, timeMs } from "../ids.ts";
import { type Act, actNames, roles } from "../permissions.ts";
import { endpoint, nothing, pageQuery } from "./endpoint.ts";

const act = z.enum(actNames as [Act, ...Act[]]); // the table has at least one act
const scope = z.object({
  sites: z.nullable(z.array(slug).check(z.maxLength(1000))),
  groups: z.nullable(z.array(slug).check(z.maxLength(1000))),
});
const email = z.string().check(z.maxLength(254), z.regex(/^[^\s@]+@[^\s@]+$/, "write name@host"));
const password = z
  .string()
  .check(z.minLength(12, "a password has at least 12 characters"), z.maxLength(200));

export const person = z.object({
  id: z.string(),
  email,
  name: z.string(),
  role: z.enum(roles),
  scope,
  createdAt: timeMs,
});
export type Person = z.infer<typeof person>;

export const apiToken = z.object({
  id: z.string(),
  note: z.string(),
  acts: z.array(act),
  scope,
  createdAt: timeMs,
  expiresAt: z.nullable(timeMs),
  lastUsedAt: z.nullable(timeMs),
  revoked: z.boolean(),
});
export type ApiToken = z.infer<typeof apiToken>;

/** Who is asking and what they may do. */
export const me = z.object({
  kind: z.enum(["person", "token"]),
  name: z.string(),
  role: z.nullable(z.enum(roles)),
  acts: z.array(act),
  scope,
  installation: z.object({ id: z.string(), version: z.string(), demo: z.boolean() }),
});
export type Me = z.infer<typeof me>;

export const auditRecord = z.object({
  id: z.string(),
  at: timeMs,
  actor: z.string(),
  act: z.string(),
  subject: z.string(),
  detail: z.record(z.string(), z.unknown()),
});

const idParams = z.object({ id: z.string().check(z.maxLength(64)) });

export const logins = {
  me: endpoint({
    method: "GET",
    path: "/api/v1/me",
    summary: "Who is asking, and what they may do",
    access: "signed-in",
    reply: me,
  }),
  login: endpoint({
    method: "POST",
    path: "/api/v1/login",
    summary: "Sign in with e-mail and password; sets a cookie",
    access: "public",
    body: z.strictObject({ email, password: z.string().check(z.maxLength(200)) }),
    reply: me,
  }),
  redeem: endpoint({
    method: "POST",
    path: "/api/v1/login-links/redeem",
    summary: "Sign in with a one-time link; sets a cookie",
    access: "public",
    body: z.strictObject({ code: z.string().check(z.minLength(1), z.maxLength(200)) }),
    reply: me,
  }),
  setPassword: endpoint({
    method: "POST",
    path: "/api/v1/me/password",
    summary: "Set one's own password",
    access: "signed-in",
    body: z.strictObject({ password }),
    reply: nothing,
    status: 204,
  }),
  logout: endpoint({
    method: "POST",
    path: "/api/v1/logout",
    summary: "End this login",
    access: "signed-in",
    reply: nothing,
    status: 204,
  }),
};

export const people = {
  list: endpoint({
    method: "GET",
    path: "/api/v1/people",
    summary: "People",
    access: "people:read",
    reply: z.object({ items: z.array(person) }),
  }),
  create: endpoint({
    method: "POST",
    path: "/api/v1/people",
    summary: "Add a person; the reply holds a one-time login link",
    access: "people:write",
    body: z.strictObject({
      email,
      name: z.string().check(z.minLength(1), z.maxLength(100)),
      role: z.enum(roles),
      scope: z._default(scope, { sites: null, groups: null }),
    }),
    reply: z.object({ ...person.shape, loginLink: z.string() }),
    status: 201,
    secretReply: true,
  }),
};

export const tokens = {
  list: endpoint({
    method: "GET",
    path: "/api/v1/tokens",
    summary: "API tokens; the secrets are not kept",
    access: "tokens:read",
    reply: z.object({ items: z.array(apiToken) }),
  }),
  create: endpoint({
    method: "POST",
    path: "/api/v1/tokens",
    summary: "Create an API token; its secret is shown this once",
    access: "tokens:write",
    body: z.strictObject({
      note: z.string().check(z.minLength(1), z.maxLength(200)),
      acts: z.array(act).check(z.minLength(1)),
      scope: z._default(scope, { sites: null, groups: null }),
      expiresInS: z._default(z.nullable(z.int().check(z.gte(60))), null),
    }),
    reply: z.object({ ...apiToken.shape, token: z.string() }),
    status: 201,
    secretReply: true,
  }),
  revoke: endpoint({
    method: "DELETE",
    path: "/api/v1/tokens/:id",
    summary: "Revoke an API token at once",
    access: "tokens:write",
    params: idParams,
    reply: nothing,
    status: 204,
  }),
};

export const audit = {
  list: endpoint({
    method: "GET",
    path: "/api/v1/audit",
    summary: "Who did what, newest first",
    access: "audit:read",
    query: z.object(pageQuery),
    reply: z.object({ items: z.array(auditRecord), next: z.nullable(z.string()) }),
  }),
};
