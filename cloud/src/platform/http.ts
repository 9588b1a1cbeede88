/**
 * Binds the contract to handlers. Everything an endpoint's definition says is done here once:
 * permission, parsing, `If-Match`, idempotency, entity tags, and problem+json for every failure.
 */
import type {
  Access,
  Endpoint,
  EndpointCall,
  EndpointReply,
} from "@fieldloop/shared/contract/endpoint";
import { AppError } from "@fieldloop/shared/errors";
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from "fastify";
import { type Caller, requireAct, requireDevice, requireSignedIn } from "./caller.ts";
import type { Idempotency } from "./idempotency.ts";

/** A reply together with its entity tag. */
export class Tagged<T> {
  readonly value: T;
  readonly etag: string;
  constructor(value: T, etag: string) {
    this.value = value;
    this.etag = etag;
  }
}

/** What a handler gets: the parsed call and who makes it. */
export type Call<E extends Endpoint> = EndpointCall<E> & {
  readonly caller: Caller;
  /** Present where the endpoint demands it. */
  readonly ifMatch: string;
  /** For raw bodies, raw replies and cookies. */
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
};

export type Handler<E extends Endpoint> = (
  call: Call<E>,
) => Promise<EndpointReply<E> | Tagged<EndpointReply<E>>>;

/** One handler for every endpoint of an area: a missing one does not compile. */
export type Handlers<A extends Readonly<Record<string, Endpoint>>> = {
  readonly [K in keyof A]: Handler<A[K]>;
};

/**
 * Adds the routes of an area.
 * @param limits where JSON bodies may be larger than those of other areas
 */
export function implement<A extends Readonly<Record<string, Endpoint>>>(
  app: FastifyInstance,
  idempotency: Idempotency,
  area: A,
  handlers: Handlers<A>,
  limits: { readonly bodyBytesMax?: number } = {},
): void {
  const { bodyBytesMax } = limits;
  for (const [name, endpoint] of Object.entries(area)) {
    const bodyLimit = endpoint.rawBody === undefined ? bodyBytesMax : Number.MAX_SAFE_INTEGER;
    const handler = handlers[name] as Handler<Endpoint>; // Handlers<A> is total over the area
    app.route({
      method: endpoint.method,
      url: endpoint.path,
      schema: schemaOf(name, endpoint),
      ...(bodyLimit === undefined ? {} : { bodyLimit }),
      preValidation: async (request) => authorise(request.caller, endpoint.access),
      handler: (request, reply) => answer(endpoint, handler, idempotency, request, reply),
    });
  }
}

async function answer(
  endpoint: Endpoint,
  handler: Handler<Endpoint>,
  idempotency: Idempotency,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const call = {
    params: request.params,
    query: request.query,
    body: request.body,
    caller: request.caller,
    ifMatch: endpoint.ifMatch ? requireIfMatch(request) : "",
    request,
    reply,
  } as Call<Endpoint>; // params, query and body were parsed by the endpoint's own schemas
  if (endpoint.rawReply !== undefined) return await handler(call);
  const run = async () => {
    const outcome = await handler(call);
    if (outcome instanceof Tagged) reply.header("etag", outcome.etag);
    return outcome instanceof Tagged ? outcome.value : outcome;
  };
  reply.code(endpoint.status ?? 200);
  const value = await idempotency.once(endpoint, request, run);
  return endpoint.status === 204 ? reply.send() : value;
}

function authorise(caller: Caller, access: Access): void {
  if (access === "public") return;
  if (access === "device") requireDevice(caller);
  else if (access === "signed-in") requireSignedIn(caller);
  else requireAct(caller, access);
}

function requireIfMatch(request: FastifyRequest): string {
  const value = request.headers["if-match"];
  if (value !== undefined) return value;
  throw new AppError({
    code: "if-match-required",
    status: 428,
    message: "send If-Match with the ETag of the last GET, so that nothing unseen is overwritten",
  });
}

/** Throws 412 when the thing has changed since the caller read it. `*` matches anything. */
export function checkMatch(ifMatch: string, etag: string, thing: string): void {
  if (ifMatch === "*" || ifMatch === etag) return;
  throw new AppError({
    code: "changed-meanwhile",
    status: 412,
    message: `${thing} was changed meanwhile; read it again and repeat the change`,
  });
}

function schemaOf(name: string, endpoint: Endpoint): FastifySchema {
  const tag = endpoint.path.split("/")[3] ?? "system";
  return {
    operationId: `${tag}-${name}`,
    summary: endpoint.summary,
    description: `Access: ${endpoint.access}`,
    tags: [tag],
    ...(endpoint.params === undefined ? {} : { params: endpoint.params }),
    ...(endpoint.query === undefined ? {} : { querystring: endpoint.query }),
    ...(endpoint.body === undefined ? {} : { body: endpoint.body }),
    ...(endpoint.rawReply === undefined && endpoint.status !== 204
      ? { response: { [endpoint.status ?? 200]: endpoint.reply } }
      : {}),
  } as FastifySchema; // summary and tags belong to @fastify/swagger's extension of the type
}
