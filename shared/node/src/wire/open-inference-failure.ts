/** Why a call to a model server failed, in codes that a caller can act on. Pure. */
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { inferenceError } from "./open-inference.ts";

/**
 * `timeout`, `aborted` by the caller, `refused` (no connection), `dns`, `tls`, `broken` off midway,
 * `rejected` (4xx and redirects), `overloaded` (429, 503), `failed` (other 5xx), `malformed`,
 * `oversized` (request or response).
 */
export const inferenceFailures = [
  "inference-timeout",
  "inference-aborted",
  "inference-refused",
  "inference-dns",
  "inference-tls",
  "inference-broken",
  "inference-rejected",
  "inference-overloaded",
  "inference-failed",
  "inference-malformed",
  "inference-oversized",
] as const;
export type InferenceFailure = (typeof inferenceFailures)[number];

/** Longest wait that a server's `Retry-After` is believed, in milliseconds. */
export const retryAfterMsMax = 3_600_000;

/** The failure behind an error of `node:http`, `node:https` or the name lookup. */
export function failureOfError(origin: string, cause: unknown): AppError {
  const code = codeOf(cause);
  const kind = kindOf(code);
  const what = {
    "inference-timeout": "did not answer in time",
    "inference-refused": "cannot be reached",
    "inference-dns": "has a name that cannot be resolved",
    "inference-tls": "has no valid certificate or speaks no TLS",
    "inference-malformed": "does not speak HTTP",
    "inference-broken": "broke the connection off",
  }[kind];
  return new AppError({
    code: kind,
    message: `the model server at ${origin} ${what} (${messageOf(cause) || code})`,
    status: 502,
    retryable: kind !== "inference-malformed",
    cause,
  });
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string"
    ? cause.code
    : "";
}

function kindOf(code: string) {
  if (code === "ETIMEDOUT") return "inference-timeout";
  if (code === "ENOTFOUND" || code.startsWith("EAI_")) return "inference-dns";
  if (/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|EACCES)$/.test(code))
    return "inference-refused";
  if (/^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|EPROTO|INVALID_CA)/.test(code))
    return "inference-tls";
  return code.startsWith("HPE_") ? "inference-malformed" : "inference-broken";
}

/** An answer that is no success. */
export interface RefusingAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

/** The failure behind an answer whose status is not 2xx. */
export function failureOfAnswer(origin: string, answer: RefusingAnswer, now: number): AppError {
  const { status, headers } = answer;
  const overloaded = status === 429 || status === 503;
  const code = overloaded
    ? "inference-overloaded"
    : status >= 500
      ? "inference-failed"
      : "inference-rejected";
  const retryAfterMs = overloaded
    ? retryAfterOf(one(headers["retry-after"]), one(headers.date), now)
    : undefined;
  return new AppError({
    code,
    message: `the model server at ${origin} answered ${status}: ${reasonOf(answer)}`,
    status: overloaded ? 503 : 502,
    retryable: status >= 500 || status === 429,
    detail: { httpStatus: status, ...(retryAfterMs !== undefined && { retryAfterMs }) },
  });
}

/**
 * How long a server asks to be left alone (RFC 9110, 10.2.3): seconds, or a date. A date is compared
 * with the server's own `Date` where it sends one, since a device's clock may be years off.
 * @param now Unix time in milliseconds
 */
export function retryAfterOf(
  value: string | undefined,
  serverDate: string | undefined,
  now: number,
): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Math.min(retryAfterMsMax, Number(value) * 1000);
  // Date.parse alone takes "-5" for a year.
  const until = /^[A-Za-z]{3,9}, /.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(until)) return undefined;
  const serverNow = Date.parse(serverDate ?? "");
  const waitMs = until - (Number.isNaN(serverNow) ? now : serverNow);
  return Math.min(retryAfterMsMax, Math.max(0, waitMs));
}

/** The server's own sentence where it sends one as the protocol says, else something as short. */
function reasonOf({ status, headers, body }: RefusingAnswer): string {
  if (status >= 300 && status < 400)
    return `it redirects to ${one(headers.location) ?? "somewhere else"}; configure the final address`;
  try {
    const parsed = inferenceError.safeParse(JSON.parse(Buffer.from(body).toString("utf8")));
    if (parsed.success) return parsed.data.error.slice(0, 300);
  } catch {
    // no JSON: the status alone must do
  }
  return "it gives no reason";
}

function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}
