import { createHash } from "node:crypto";
import type { Endpoint } from "@fieldloop/shared/contract/endpoint";
import { AppError } from "@fieldloop/shared/errors";
import type { FastifyRequest } from "fastify";
import type {} from "./caller.ts"; // adds FastifyRequest.caller
import type { Db } from "./db.ts";
import { claimKey, type KeyRow, releaseKey, saveReply } from "./store.ts";

/** Runs a write once per caller and `Idempotency-Key`, and answers repeats from the record. */
export interface Idempotency {
  once(endpoint: Endpoint, request: FastifyRequest, run: () => Promise<unknown>): Promise<unknown>;
}

const keyLengthMax = 200;

export function createIdempotency(db: Db): Idempotency {
  return {
    once: async (endpoint, request, run) => {
      const key = request.headers["idempotency-key"];
      const applies = endpoint.method !== "GET" && endpoint.rawBody === undefined;
      if (!applies || typeof key !== "string" || request.caller.kind === "anonymous")
        return await run();
      if (key.length > keyLengthMax)
        throw new AppError({
          code: "idempotency-key",
          message: `Idempotency-Key is longer than ${keyLengthMax} characters`,
        });
      return await runOnce(db, endpoint, request, key, run);
    },
  };
}

async function runOnce(
  db: Db,
  endpoint: Endpoint,
  request: FastifyRequest,
  key: string,
  run: () => Promise<unknown>,
): Promise<unknown> {
  const caller = `${request.caller.kind}:${request.caller.id}`;
  const fingerprint = fingerprintOf(request);
  const earlier = await claimKey(db, { caller, key, request: fingerprint });
  if (earlier !== undefined) return replay(earlier, fingerprint, endpoint);
  try {
    const value = await run();
    await saveReply(db, caller, key, endpoint.secretReply ? null : (value ?? null));
    return value;
  } catch (error) {
    await releaseKey(db, caller, key); // nothing was done, so the same key may try again
    throw error;
  }
}

function fingerprintOf(request: FastifyRequest): string {
  const text = JSON.stringify([request.method, request.url, request.body ?? null]);
  return createHash("sha256").update(text).digest("hex");
}

function replay(earlier: KeyRow, fingerprint: string, endpoint: Endpoint): unknown {
  if (earlier.request !== fingerprint)
    throw new AppError({
      code: "idempotency-key-reused",
      status: 422,
      message: "this Idempotency-Key was used for a different request; make a new one",
    });
  if (earlier.status === null)
    throw new AppError({
      code: "in-progress",
      status: 409,
      retryable: true,
      message: "the first request with this Idempotency-Key is still running; ask again shortly",
    });
  if (endpoint.secretReply)
    throw new AppError({
      code: "shown-once",
      status: 409,
      message: "this was done already and its secret is shown only once; create a new one",
    });
  return earlier.reply ?? undefined;
}
