/** Who may hand on what: nobody gives more than they have. Pure. */
import { AppError } from "@fieldloop/shared/errors";
import {
  type Act,
  actNames,
  everywhere,
  type Role,
  refusal,
  type Scope,
} from "@fieldloop/shared/permissions";
import type { Caller } from "../caller.ts";

/** Does `inner` cover nothing that `outer` does not? */
export function scopeWithin(inner: Scope, outer: Scope): boolean {
  const within = (a: readonly string[] | null, b: readonly string[] | null) =>
    b === null || (a?.every((name) => b.includes(name)) ?? false);
  return within(inner.sites, outer.sites) && within(inner.groups, outer.groups);
}

export function isEverywhere(scope: Scope): boolean {
  return scopeWithin(everywhere, scope);
}

/** The acts of a role. */
export function actsOf(role: Role): readonly Act[] {
  return actNames.filter((act) => refusal(role, act) === undefined);
}

/** Throws 403 unless the caller has all these acts and the whole scope itself. */
export function requireMayGrant(caller: Caller, acts: readonly Act[], scope: Scope): void {
  const missing = acts.filter((act) => !caller.acts.has(act));
  if (missing.length > 0)
    throw new AppError({
      code: "forbidden",
      status: 403,
      message: `${caller.name} may not ${missing.join(", ")} and so cannot grant it`,
    });
  if (!scopeWithin(scope, caller.scope))
    throw new AppError({
      code: "forbidden",
      status: 403,
      message: `${caller.name} sees only part of the fleet and cannot grant more than that part; name sites and groups within it`,
    });
}
