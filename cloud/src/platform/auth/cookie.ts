/** The login cookie, and which requests may use it. Pure. */
import { AppError } from "@fieldloop/shared/errors";
import type { Platform } from "../context.ts";

/** What of a request decides; the names are Fastify's. */
export interface RequestOrigin {
  readonly method: string;
  /** `https` also where a proxy on this machine says so. */
  readonly protocol: string;
  readonly hostname: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Carries the installation's id, since browsers share cookies between the ports of a host. */
export function cookieName(installation: Platform["installation"]): string {
  return `fieldloop-${installation.id}`;
}

/** `Strict` suits a console that loads first and fetches afterwards, from its own origin. */
export const cookieOptions = {
  path: "/",
  httpOnly: true,
  sameSite: "strict",
  secure: true, // browsers keep Secure cookies of loopback addresses too
} as const;

/** Throws unless a password and the cookie stay secret on the way: TLS, or this very machine. */
export function requirePrivateChannel(request: RequestOrigin): void {
  if (request.protocol === "https" || isLoopback(request.hostname)) return;
  throw new AppError({
    code: "not-private",
    status: 403,
    message: `http://${request.host} is not encrypted, so passwords could be read on the way: put TLS in front of the server and open https, or sign in on the machine itself`,
  });
}

/** Is this name or address the machine itself? */
export function isLoopback(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/^\[|\]$/g, "");
  return (
    name === "localhost" ||
    name.endsWith(".localhost") ||
    name === "::1" ||
    /^127(\.\d{1,3}){3}$/.test(name)
  );
}

/**
 * Does a request with a cookie come from our own pages? Browsers say so in `Sec-Fetch-Site`, older
 * ones in `Origin`; a page elsewhere can forge neither. Reading needs no such proof.
 */
export function isSameOrigin(request: RequestOrigin, publicUrl: string): boolean {
  if (request.method === "GET" || request.method === "HEAD") return true;
  const { "sec-fetch-site": site, origin } = request.headers;
  if (site !== undefined) return site === "same-origin" || site === "none";
  return origin === `${request.protocol}://${request.host}` || origin === new URL(publicUrl).origin;
}

/** The sentence for a write that another site's page tried. */
export function crossSite(): AppError {
  return new AppError({
    code: "cross-site",
    status: 403,
    message: "this write came from another site's page; use the console itself, or an API token",
  });
}
