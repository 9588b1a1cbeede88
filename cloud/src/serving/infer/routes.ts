import { Readable } from "node:stream";
import { serving } from "@fieldloop/shared/contract/serving";
import { AppError } from "@fieldloop/shared/errors";
import {
  decodeInferenceRequest,
  encodeInferenceResponse,
  inferenceLimits,
} from "@fieldloop/shared-node/wire/open-inference";
import { headLengthHeader } from "@fieldloop/shared-node/wire/open-inference-tensor";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { requireVersion } from "../../models/registry/promote.ts";
import { listAliases, readManifest } from "../../models/registry/reads.ts";
import type { Platform } from "../../platform/context.ts";
import { implement } from "../../platform/http.ts";
import { readBounded } from "../../platform/read-bounded.ts";
import type { ModelHost } from "./model-host.ts";

/** Adds the Open Inference Protocol for devices. */
export function inferRoutes(app: FastifyInstance, platform: Platform, host: ModelHost): void {
  const ask = (name: string, version: string | null, call: Pick<Exchange, "request" | "reply">) =>
    answer({ ...call, platform, host, name, version });
  implement(
    app,
    platform.idempotency,
    serving,
    {
      infer: ({ params, request, reply }) => ask(params.name, null, { request, reply }),
      inferVersion: ({ params, request, reply }) =>
        ask(params.name, params.version, { request, reply }),
    },
    { bodyBytesMax: inferenceLimits.requestBytesMax },
  );
}

interface Exchange {
  readonly platform: Platform;
  readonly host: ModelHost;
  readonly name: string;
  /** `null` for the promoted one. */
  readonly version: string | null;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** The protocol says how failures look; the rest of the API has problem+json. */
async function answer(exchange: Exchange): Promise<unknown> {
  const { reply, platform } = exchange;
  try {
    return await infer(exchange);
  } catch (error) {
    const known = error instanceof AppError;
    if (!known) platform.log.error({ err: error }, "inference failed");
    const status = known ? error.status : 500;
    if (status === 503) reply.header("retry-after", "1");
    const message = known ? error.message : "something went wrong; see the server's log";
    return reply.code(status).send({ error: message });
  }
}

async function infer({ platform, host, name, version, request, reply }: Exchange) {
  const headLength = request.headers[headLengthHeader.toLowerCase()];
  const body = await bytesOf(request.body);
  const asked = decodeInferenceRequest(
    body,
    typeof headLength === "string" ? headLength : undefined,
  );
  const { db, blobs } = platform;
  const chosen = await requireVersion(db, name, version ?? (await promoted(platform, name)));
  const manifest = await readManifest(db, name, chosen.version);
  const hosted = {
    digest: chosen.manifest,
    manifest,
    pathOf: (digest: string) => blobs.path(digest),
  };
  const found = await host.infer(hosted, asked.image);
  const response = { model: name, version: chosen.version, id: asked.id, ...found };
  const { body: bytes, headers } = encodeInferenceResponse(
    response,
    headLength === undefined ? "json" : "binary",
  );
  return reply.headers(headers).send(Buffer.from(bytes));
}

async function promoted({ db }: Platform, name: string): Promise<string> {
  const aliases = await listAliases(db, name);
  const production = aliases.find(({ alias }) => alias === "production");
  if (production !== undefined) return production.version;
  throw new AppError({
    code: "not-served",
    status: 404,
    message: `no version of ${name} is served; promote one: fieldloop models promote ${name} VERSION`,
  });
}

/** The body as bytes: Fastify has parsed JSON already, and hands on streams of anything else. */
async function bytesOf(body: unknown): Promise<Uint8Array> {
  return body instanceof Readable
    ? await readBounded(body, inferenceLimits.requestBytesMax, "a request")
    : Buffer.from(JSON.stringify(body ?? null));
}
