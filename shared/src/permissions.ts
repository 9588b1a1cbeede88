/**
 * Who may do what: one table for server, console and documentation. Roles are not ordered: an
 * administrator manages people and cannot approve by default.
 */
export const roles = ["viewer", "operator", "approver", "admin"] as const;
export type Role = (typeof roles)[number];

const everyone: readonly Role[] = roles;
const acting: readonly Role[] = ["operator", "approver", "admin"];

/** Acts and the roles that may do them. An API token names acts directly, a person has one role. */
export const acts = {
  "devices:read": everyone,
  "devices:write": acting,
  "devices:remove": ["admin"],
  "devices:enrol": ["operator", "admin"],
  "media:view": acting,
  "samples:read": everyone,
  "samples:remove": acting,
  "models:read": everyone,
  "models:push": acting,
  "models:promote": ["approver", "admin"],
  "people:read": ["admin"],
  "people:write": ["admin"],
  "tokens:read": ["admin"],
  "tokens:write": ["admin"],
  "audit:read": everyone,
  "quarantine:read": acting,
  "demo:world": acting,
} as const satisfies Readonly<Record<string, readonly Role[]>>;

export type Act = keyof typeof acts;
export const actNames = Object.keys(acts) as readonly Act[]; // keys of a literal object

/** Which part of the fleet a person or token sees; `null` means all of it. */
export interface Scope {
  readonly sites: readonly string[] | null;
  readonly groups: readonly string[] | null;
}

export const everywhere: Scope = { sites: null, groups: null };

/** Why `role` may not do `act`, or `undefined` when it may. */
export function refusal(role: Role, act: Act): string | undefined {
  const allowed: readonly Role[] = acts[act];
  return allowed.includes(role)
    ? undefined
    : `needs the role ${allowed.join(" or ")}; an admin can grant it`;
}

/** Does a thing at this site and group lie within the scope? */
export function inScope(scope: Scope, site: string | null, group: string | null): boolean {
  const covers = (names: readonly string[] | null, name: string | null) =>
    names === null || (name !== null && names.includes(name));
  return covers(scope.sites, site) && covers(scope.groups, group);
}
