import { AppError } from "../errors.ts";
import { type Endpoint, type EndpointInput, type EndpointReply, problem } from "./endpoint.ts";

export interface ClientOptions {
  /** Origin of the server, without a trailing slash; empty for the page's own origin. */
  readonly baseUrl: string;
  /** API token or device credential; cookies are used where there is none. */
  readonly token?: string | undefined;
  readonly fetch?: typeof globalThis.fetch;
  /** Unique per write, so that a repeated request is answered and not repeated. */
  readonly newKey?: () => string;
  readonly timeoutMs?: number;
}

/** A reply with its entity tag, for a later `If-Match`. */
export interface Tagged<T> {
  readonly value: T;
  readonly etag: string | undefined;
}

export interface Client {
  /** Calls an endpoint; throws `AppError` with the problem's code and sentence. */
  call<E extends Endpoint>(endpoint: E, input: EndpointInput<E>): Promise<EndpointReply<E>>;
  /** The same, with the entity tag. */
  callTagged<E extends Endpoint>(
    endpoint: E,
    input: EndpointInput<E>,
  ): Promise<Tagged<EndpointReply<E>>>;
}

interface LooseInput {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly ifMatch?: string;
}

/** A client of the contract over `fetch`. */
export function createClient(options: ClientOptions): Client {
  const callTagged = async <E extends Endpoint>(endpoint: E, input: EndpointInput<E>) => {
    const loose = input as LooseInput; // the mapped type keeps exactly these keys
    const response = await send(options, endpoint, loose);
    if (!response.ok) throw await failure(response);
    const etag = response.headers.get("etag") ?? undefined;
    const text = endpoint.status === 204 ? "" : await response.text();
    const value = (text === "" ? undefined : JSON.parse(text)) as EndpointReply<E>; // the server serialises by the same schema
    return { value, etag };
  };
  return { callTagged, call: async (endpoint, input) => (await callTagged(endpoint, input)).value };
}

/** The URL path of an endpoint with its parameters and query filled in. */
export function pathOf(endpoint: Endpoint, input: Pick<LooseInput, "params" | "query">): string {
  const path = endpoint.path.replace(/:([A-Za-z]+)/g, (_, name: string) =>
    encodeURIComponent(String(input.params?.[name] ?? "")),
  );
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(input.query ?? {}))
    if (value !== undefined && value !== null) query.set(key, String(value));
  const text = query.toString();
  return text === "" ? path : `${path}?${text}`;
}

async function send(options: ClientOptions, endpoint: Endpoint, input: LooseInput) {
  const headers: Record<string, string> = { accept: "application/json" };
  if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
  if (input.body !== undefined) headers["content-type"] = "application/json";
  if (input.ifMatch !== undefined) headers["if-match"] = input.ifMatch;
  if (endpoint.method !== "GET")
    headers["idempotency-key"] = options.newKey?.() ?? globalThis.crypto.randomUUID();
  const url = `${options.baseUrl}${pathOf(endpoint, input)}`;
  try {
    return await (options.fetch ?? globalThis.fetch)(url, {
      method: endpoint.method,
      headers,
      credentials: "same-origin",
      signal: AbortSignal.timeout(options.timeoutMs ?? 30_000),
      ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
    });
  } catch (cause) {
    throw new AppError({
      code: "unreachable",
      message: `cannot reach ${options.baseUrl || "the server"}: ${reasonOf(cause)}`,
      status: 503,
      retryable: true,
      cause,
    });
  }
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? cause.cause.message : cause.message;
}

async function failure(response: Response): Promise<AppError> {
  const parsed = problem.safeParse(await response.json().catch(() => undefined));
  if (!parsed.success)
    return new AppError({
      code: "http",
      message: `the server answered ${response.status} ${response.statusText}`.trim(),
      status: response.status,
      retryable: response.status >= 500,
    });
  const { code, detail, status, errors, requestId } = parsed.data;
  return new AppError({
    code,
    message: detail,
    status,
    retryable: status >= 500 || status === 429,
    detail: { requestId, ...(errors === undefined ? {} : { errors }) },
  });
}
