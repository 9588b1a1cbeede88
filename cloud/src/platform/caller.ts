import { AppError } from "@fieldloop/shared/errors";
import { type Act, acts, everywhere, type Role, type Scope } from "@fieldloop/shared/permissions";

declare module "fastify" {
  interface FastifyRequest {
    /** Set by the first hook of every request. */
    caller: Caller;
  }
}

/** Who is behind a request. */
export interface Caller {
  readonly kind: "person" | "token" | "device" | "anonymous";
  /** Person, token or device id; empty for nobody. */
  readonly id: string;
  /** For people to read, in the audit log too. */
  readonly name: string;
  readonly role: Role | null;
  readonly acts: ReadonlySet<Act>;
  readonly scope: Scope;
  /** For nobody: why the credential that was sent does not count. */
  readonly refused?: string;
}

export const anonymous: Caller = {
  kind: "anonymous",
  id: "",
  name: "nobody",
  role: null,
  acts: new Set(),
  scope: { sites: [], groups: [] },
};

/** The system itself, for acts that nobody asked for. */
export const systemCaller: Caller = {
  kind: "token",
  id: "system",
  name: "fieldloop",
  role: null,
  acts: new Set(),
  scope: everywhere,
};

/** Throws unless the caller may do `act`: 401 for nobody, 403 with the roles that could. */
export function requireAct(caller: Caller, act: Act): void {
  requireSignedIn(caller);
  if (caller.acts.has(act)) return;
  const allowed: readonly Role[] = acts[act];
  throw new AppError({
    code: "forbidden",
    status: 403,
    message: `${caller.name} may not ${act}: it needs the role ${allowed.join(" or ")}, or a token with that act`,
  });
}

/** Throws 401 for nobody, and for devices, which have their own interface. */
export function requireSignedIn(caller: Caller): void {
  if (caller.kind === "anonymous")
    throw new AppError({
      code: "unauthenticated",
      status: 401,
      message: caller.refused ?? "sign in, or send an API token as `Authorization: Bearer …`",
    });
  if (caller.kind === "device")
    throw new AppError({
      code: "forbidden",
      status: 403,
      message: "a device credential opens only /api/v1/device; use an API token",
    });
}

/** Throws 401 unless the caller is a device. */
export function requireDevice(caller: Caller): void {
  if (caller.kind !== "device")
    throw new AppError({
      code: "unauthenticated",
      status: 401,
      message:
        caller.refused ??
        "this needs a device credential that has not been revoked; enrol the device",
    });
}
