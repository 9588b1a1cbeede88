/**
 * A small HTTP server that answers endpoints of the contract: it matches method and path, checks
 * body and query against the endpoint's schemas, and serialises what a handler returns. For tests of
 * clients.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { Endpoint, EndpointReply } from "@fieldloop/shared/contract/endpoint";
import { AppError } from "@fieldloop/shared/errors";

/** One request as a handler sees it. */
export interface Seen {
  readonly endpoint: Endpoint;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  /** Parsed where the endpoint has a body schema. */
  readonly body: unknown;
  readonly bytes: Buffer;
  readonly headers: IncomingMessage["headers"];
}

export interface Route {
  readonly endpoint: Endpoint;
  readonly answer: (seen: Seen) => unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** Answers `endpoint` with what `answer` returns; throw an `AppError` to answer with a problem. */
export function route<E extends Endpoint>(
  endpoint: E,
  answer: (seen: Seen) => EndpointReply<E>,
  headers: Readonly<Record<string, string>> = {},
): Route {
  return { endpoint, answer, headers };
}

export interface ContractServer {
  readonly url: string;
  /** Every request that matched, in order. */
  readonly seen: readonly Seen[];
  stop(): Promise<void>;
}

/** Listens on a free loopback port. */
export async function startContractServer(routes: readonly Route[]): Promise<ContractServer> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    handle(routes, seen, request, response).catch((error) => answerProblem(response, error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // listening on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function handle(
  routes: readonly Route[],
  seen: Seen[],
  request: IncomingMessage,
  response: ServerResponse,
) {
  const url = new URL(request.url ?? "/", "http://test");
  const bytes = await buffer(request);
  for (const { endpoint, answer, headers } of routes) {
    const params = match(endpoint.path, url.pathname);
    if (request.method !== endpoint.method || !params) continue;
    const body = endpoint.body && check(endpoint.body, JSON.parse(bytes.toString("utf8")));
    const raw = Object.fromEntries(url.searchParams);
    const query = endpoint.query ? (check(endpoint.query, raw) as Seen["query"]) : raw;
    if (endpoint.params) check(endpoint.params, params);
    if (endpoint.ifMatch && request.headers["if-match"] === undefined)
      throw new AppError({ code: "if-match", message: "needs If-Match", status: 428 });
    const call = { endpoint, params, query, body, bytes, headers: request.headers };
    seen.push(call);
    const reply = check(endpoint.reply, answer(call));
    response.writeHead(endpoint.status ?? 200, { "content-type": "application/json", ...headers });
    response.end(endpoint.status === 204 ? undefined : JSON.stringify(reply));
    return;
  }
  throw new AppError({ code: "not-found", message: `no ${url.pathname} here`, status: 404 });
}

function match(path: string, actual: string): Record<string, string> | undefined {
  const pattern = path.replace(/:([A-Za-z]+)/g, "(?<$1>[^/]+)");
  const found = new RegExp(`^${pattern}$`).exec(actual);
  if (!found) return undefined;
  return Object.fromEntries(
    Object.entries(found.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]),
  );
}

function check(schema: NonNullable<Endpoint["body"]>, value: unknown): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AppError({
    code: "invalid",
    message: `does not fit the contract: ${JSON.stringify(parsed.error.issues)}`,
  });
}

function answerProblem(response: ServerResponse, error: unknown): void {
  const known = error instanceof AppError ? error : undefined;
  const status = known?.status ?? 500;
  response.writeHead(status, { "content-type": "application/problem+json" }).end(
    JSON.stringify({
      type: "about:blank",
      title: "problem",
      status,
      code: known?.code ?? "internal",
      detail: error instanceof Error ? error.message : String(error),
      requestId: "r-1",
      ...(known?.detail ?? {}),
    }),
  );
}
