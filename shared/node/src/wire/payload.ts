/**
 * How a JSON message stands on the wire: plain where it is small, gzip-compressed (RFC 1952) above
 * that. The first byte tells the two apart: `{` or 0x1f. Reading is bounded, so that a few kilobytes
 * cannot blow up to gigabytes.
 */
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { AppError, messageOf } from "@fieldloop/shared/errors";

const gzipAsync = promisify(gzip);
const gunzipAsync = promisify(gunzip);
const gzipMagic = 0x1f;

/** Limits for writing. */
export interface EncodeLimits {
  readonly gzipBytesMin: number;
  readonly payloadBytesMax: number;
}

/** Limits for reading. */
export interface DecodeLimits {
  readonly payloadBytesMax: number;
  readonly inflatedBytesMax: number;
}

/**
 * Writes a message.
 * @throws AppError `payload-oversized` where it is larger than the limit even when compressed
 */
export async function encodePayload(message: object, limits: EncodeLimits): Promise<Buffer> {
  const plain = Buffer.from(JSON.stringify(message), "utf8");
  const payload = plain.length < limits.gzipBytesMin ? plain : await gzipAsync(plain);
  if (payload.length > limits.payloadBytesMax) throw oversized(payload.length, limits);
  return payload;
}

/**
 * Reads a message; what is in it is for a schema to judge.
 * @throws AppError `payload-oversized`, `payload-inflates` (a gzip bomb) or `payload-malformed`
 */
export async function decodePayload(payload: Uint8Array, limits: DecodeLimits): Promise<unknown> {
  if (payload.length > limits.payloadBytesMax) throw oversized(payload.length, limits);
  const plain = payload[0] === gzipMagic ? await inflate(payload, limits) : payload;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(plain));
  } catch (cause) {
    throw malformed(`the payload is not JSON in UTF-8 (${messageOf(cause)})`, cause);
  }
}

async function inflate(payload: Uint8Array, limits: DecodeLimits): Promise<Buffer> {
  try {
    return await gunzipAsync(payload, { maxOutputLength: limits.inflatedBytesMax });
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE")
      throw new AppError({
        code: "payload-inflates",
        message: `the payload inflates beyond ${limits.inflatedBytesMax} bytes`,
        status: 413,
        cause,
      });
    throw malformed(`the payload is not valid gzip (${messageOf(cause)})`, cause);
  }
}

function oversized(bytes: number, limits: { readonly payloadBytesMax: number }): AppError {
  return new AppError({
    code: "payload-oversized",
    message: `the payload has ${bytes} bytes; at most ${limits.payloadBytesMax} are allowed`,
    status: 413,
  });
}

function malformed(message: string, cause: unknown): AppError {
  return new AppError({ code: "payload-malformed", message, cause });
}
