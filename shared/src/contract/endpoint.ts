/**
 * HTTP endpoints as data. Handlers, the typed client, OpenAPI and the permission check all read the
 * same table, so they cannot disagree.
 */
import * as z from "zod/mini";
import type { Act } from "../permissions.ts";

type ObjectSchema = z.ZodMiniType<Record<string, unknown>>;

/** Who may call: an act from the permission table, any signed-in person or token, a device, anyone. */
export type Access = Act | "signed-in" | "device" | "public";

export interface Endpoint {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Fastify style, parameters as `:name`. */
  readonly path: `/${string}`;
  readonly summary: string;
  readonly access: Access;
  readonly params?: ObjectSchema;
  readonly query?: ObjectSchema;
  readonly body?: z.ZodMiniType;
  readonly reply: z.ZodMiniType;
  /** Status of success; 200 unless said. */
  readonly status?: 200 | 201 | 202 | 204;
  /**
   * Writes on an existing thing carry `If-Match` with the entity tag last read, so that nobody
   * overwrites what they have not seen.
   */
  readonly ifMatch?: true;
  /** The body is bytes of this media type and not JSON; the handler reads the stream. */
  readonly rawBody?: string;
  /** The reply is bytes or a stream that the handler sends itself. */
  readonly rawReply?: string;
  /** The reply holds a secret that is shown once, so a repeated request is refused, not replayed. */
  readonly secretReply?: true;
}

/** Types an endpoint as written. */
export function endpoint<const E extends Endpoint>(definition: E): E {
  return definition;
}

type Input<S> = S extends z.ZodMiniType ? z.input<S> : undefined;
type Parsed<S> = S extends z.ZodMiniType ? z.output<S> : undefined;

/** What a client passes. */
export type EndpointInput<E extends Endpoint> = Keep<{
  params: E extends { params: infer S } ? Input<S> : never;
  query: E extends { query: infer S } ? Input<S> : never;
  body: E extends { body: infer S } ? Input<S> : never;
  ifMatch: E extends { ifMatch: true } ? string : never;
}>;

/** What a handler receives, parsed. */
export interface EndpointCall<E extends Endpoint> {
  readonly params: E extends { params: infer S } ? Parsed<S> : undefined;
  readonly query: E extends { query: infer S } ? Parsed<S> : undefined;
  readonly body: E extends { body: infer S } ? Parsed<S> : undefined;
}

/** What comes back. */
export type EndpointReply<E extends Endpoint> = z.output<E["reply"]>;

type Keep<T> = { [K in keyof T as [T[K]] extends [never] ? never : K]: T[K] };

/** Nothing: the reply of a 204. */
export const nothing = z.optional(z.unknown());

/** A page of things in a stable order; `next` is the cursor of the following page. */
export const pageOf = <T extends z.ZodMiniType>(item: T) =>
  z.object({ items: z.array(item), next: z.nullable(z.string()), total: z.int() });

export const pageQuery = {
  limit: z._default(z.coerce.number().check(z.int(), z.gte(1), z.lte(1000)), 100),
  cursor: z.optional(z.string().check(z.maxLength(200))),
};

/** RFC 9457 problem details; every error the server answers with. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
  requestId: z.string(),
  errors: z.optional(z.array(z.object({ path: z.string(), message: z.string() }))),
});
export type Problem = z.infer<typeof problem>;
