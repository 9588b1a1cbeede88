/**
 * The agent's local interface: HTTP on loopback, for people on the device and for programs beside
 * it. Knows the rest of the agent only as the functions it is given.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { Log } from "../platform/log.ts";
import { readBytes } from "./body.ts";
import { focusOf, readCommissioning, referenceOf, type WatchedCamera } from "./cameras.ts";
import { page, pageScript } from "./page.ts";

/** What a pushed frame became. */
export type Pushed =
  | { readonly kind: "accepted"; readonly frame: string }
  | { readonly kind: "dropped"; readonly frame: string; readonly cause: string }
  | { readonly kind: "refused"; readonly reason: string };

/** What the interface shows and does. */
export interface LocalApiHandlers {
  readonly status: () => Promise<object>;
  /** The last results, newest first. */
  readonly results: () => readonly object[];
  /** JPEG of a camera's last frame with a result; `undefined` before the first. */
  readonly snapshot: (camera: string) => Promise<Uint8Array | undefined>;
  readonly infer: (image: Uint8Array) => Promise<object>;
  readonly push: (camera: string, image: Uint8Array, id: string | undefined) => Promise<Pushed>;
  /** @throws AppError where the camera's health is not watched */
  readonly watch: (camera: string) => WatchedCamera;
  /** Takes in what another program has seen; answers what was taken. @throws AppError */
  readonly observe: (body: Uint8Array) => object;
  /** Prometheus text. */
  readonly metrics: () => string;
  /** Empty while all is well, else a sentence each. */
  readonly problems: () => readonly string[];
  readonly cameras: readonly string[];
}

export interface LocalApiOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly handlers: LocalApiHandlers;
  readonly bodyBytesMax: number;
  readonly log: Log;
}

interface Call {
  readonly request: IncomingMessage;
  readonly url: URL;
  /** What the path's placeholder stands for. */
  readonly name: string;
}

interface Reply {
  readonly status?: number;
  readonly type?: string;
  readonly body: object | string | Uint8Array;
}

interface Route {
  readonly method: "GET" | "POST";
  readonly path: RegExp;
  readonly answer: (call: Call) => Reply | Promise<Reply>;
}

export class LocalApi {
  readonly #options: LocalApiOptions;
  readonly #routes: readonly Route[];
  readonly #server: Server;

  constructor(options: LocalApiOptions) {
    this.#options = options;
    this.#routes = routesOf(options);
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.requestTimeout = 30_000;
    this.#server.maxConnections = 64;
  }

  /** @throws AppError `port-taken` with the setting to change */
  start(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once("error", (cause) =>
        reject(
          new AppError({
            code: "port-taken",
            message: `the local interface cannot listen on ${host}:${port} (${messageOf(cause)}); set http.port or FIELDLOOP_AGENT_HTTP_PORT, 0 takes any free one`,
            cause,
          }),
        ),
      );
      this.#server.listen(port, host, () => resolve());
    });
  }

  /** The address once started, such as `http://127.0.0.1:8090`. */
  get url(): string {
    const address = this.#server.address() as AddressInfo; // listening on TCP
    const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
    return `http://${host}:${address.port}`;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      checkOrigin(request, this.#options.host);
      const reply = await this.#route(request);
      const type = reply.type ?? "application/json";
      const body = type === "application/json" ? JSON.stringify(reply.body) : reply.body;
      send(response, reply.status ?? 200, type, body as string | Uint8Array); // no object is left
    } catch (error) {
      this.#fail(response, error);
    }
    // The rest of a refused body runs into nothing: cutting it off would lose the answer on its way.
    if (!request.complete) request.resume();
  }

  async #route(request: IncomingMessage): Promise<Reply> {
    const url = new URL(request.url ?? "/", "http://localhost");
    const found = this.#routes.filter(({ path }) => path.test(url.pathname));
    const route = found.find(({ method }) => method === request.method);
    if (route !== undefined) {
      const name = decodeURIComponent(route.path.exec(url.pathname)?.[1] ?? "");
      return route.answer({ request, url, name });
    }
    const methods = found.map(({ method }) => method).join(", ");
    throw found.length > 0
      ? refusal(405, "method", `${url.pathname} takes ${methods}`)
      : refusal(404, "not-found", `there is no ${url.pathname} here`);
  }

  #fail(response: ServerResponse, error: unknown): void {
    const known = error instanceof AppError;
    const status = known ? error.status : error instanceof URIError ? 400 : 500;
    if (status === 500) this.#options.log.error({ reason: messageOf(error) }, "local request");
    const code = known ? error.code : "internal";
    const detail = known || status !== 500 ? messageOf(error) : "something went wrong; see the log";
    const problem = { type: "about:blank", title: code, status, code, detail };
    send(response, status, "application/problem+json", JSON.stringify(problem));
  }
}

function routesOf({ handlers, bodyBytesMax }: LocalApiOptions): readonly Route[] {
  const image = (request: IncomingMessage) => readBytes(request, bodyBytesMax);
  return [
    {
      method: "GET",
      path: /^\/v1\/status$/,
      answer: async () => ({ body: await handlers.status() }),
    },
    {
      method: "GET",
      path: /^\/v1\/results$/,
      answer: () => ({ body: { items: handlers.results() } }),
    },
    {
      method: "GET",
      path: /^\/v1\/snapshot$/,
      answer: async ({ url }) => {
        const camera = knownCamera(handlers, url.searchParams.get("camera"));
        const body = await handlers.snapshot(camera);
        if (body !== undefined) return { type: "image/jpeg", body };
        throw refusal(404, "no-frame", `the camera ${camera} has no frame with a result yet`);
      },
    },
    {
      method: "POST",
      path: /^\/v1\/infer$/,
      answer: async ({ request }) => ({ body: await handlers.infer(await image(request)) }),
    },
    {
      method: "POST",
      path: /^\/v1\/cameras\/([^/]+)\/frames$/,
      answer: async ({ request, name }) => {
        const camera = knownCamera(handlers, name);
        const header = request.headers["x-frame-id"];
        const id = Array.isArray(header) ? header[0] : header;
        return pushReply(await handlers.push(camera, await image(request), id));
      },
    },
    {
      method: "POST",
      path: /^\/v1\/observations$/,
      answer: async ({ request }) => ({
        status: 202,
        body: handlers.observe(await image(request)),
      }),
    },
    ...cameraRoutes(handlers),
    ...pageRoutes,
    {
      method: "GET",
      path: /^\/metrics$/,
      answer: () => ({ type: "text/plain; version=0.0.4", body: handlers.metrics() }),
    },
    {
      method: "GET",
      path: /^\/healthz$/,
      answer: () => {
        const problems = handlers.problems();
        return {
          status: problems.length === 0 ? 200 : 503,
          body: { ok: problems.length === 0, problems },
        };
      },
    },
  ];
}

const pageRoutes: readonly Route[] = [
  {
    method: "GET",
    path: /^\/$/,
    answer: () => ({ type: "text/html; charset=utf-8", body: page }),
  },
  {
    method: "GET",
    path: /^\/page\.js$/,
    answer: () => ({ type: "text/javascript; charset=utf-8", body: pageScript }),
  },
];

function cameraRoutes(handlers: LocalApiHandlers): readonly Route[] {
  const watched = (name: string) => {
    const camera = knownCamera(handlers, name);
    return { camera, watch: handlers.watch(camera) };
  };
  return [
    {
      method: "GET",
      path: /^\/v1\/cameras\/([^/]+)\/health$/,
      answer: ({ name }) => ({ body: watched(name).watch.health() }),
    },
    {
      method: "GET",
      path: /^\/v1\/cameras\/([^/]+)\/focus$/,
      answer: ({ name, url }) => {
        const { watch, camera } = watched(name);
        return { body: focusOf(watch, camera, url.searchParams.get("peak")) };
      },
    },
    {
      method: "GET",
      path: /^\/v1\/cameras\/([^/]+)\/reference$/,
      answer: async ({ name }) => {
        const { watch, camera } = watched(name);
        return { type: "image/jpeg", body: await referenceOf(watch, camera) };
      },
    },
    {
      method: "POST",
      path: /^\/v1\/cameras\/([^/]+)\/reference$/,
      answer: async ({ request, name }) => {
        const { watch } = watched(name);
        watch.commission(
          readCommissioning(await readBytes(request, 4096, { mayBeEmpty: true, setting: "" })),
        );
        return { status: 202, body: watch.health() };
      },
    },
  ];
}

function pushReply(pushed: Pushed): Reply {
  if (pushed.kind === "accepted") return { status: 202, body: pushed };
  if (pushed.kind === "refused") throw refusal(409, "frame-refused", pushed.reason);
  const { frame, cause } = pushed;
  throw cause === "oversized"
    ? refusal(413, "frame-oversized", `the frame ${frame} is larger than frameBytesMax`)
    : refusal(503, "frame-dropped", `the frame ${frame} was dropped (${cause}); push more slowly`);
}

function knownCamera({ cameras }: LocalApiHandlers, name: string | null): string {
  const found =
    name === null && cameras.length === 1 ? cameras[0] : cameras.find((c) => c === name);
  if (found !== undefined) return found;
  const list = cameras.join(", ") || "none";
  throw refusal(404, "camera-unknown", `there is no camera "${name ?? ""}"; configured: ${list}`);
}

const loopback = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/;

/** Keeps web pages out: neither by a name that was made to point here, nor from another origin. */
function checkOrigin(request: IncomingMessage, host: string): void {
  const asked = request.headers.host ?? "";
  const isLocal = host === "localhost" || host === "::1" || host.startsWith("127.");
  if (isLocal && !loopback.test(asked))
    throw refusal(403, "foreign-host", `ask for 127.0.0.1 or localhost, not for ${asked}`);
  const { origin } = request.headers;
  if (origin !== undefined && origin !== `http://${asked}`)
    throw refusal(403, "foreign-origin", `pages of ${origin} may not use the local interface`);
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Uint8Array,
): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy":
      "default-src 'self'; img-src 'self' blob:; style-src 'unsafe-inline'",
  });
  response.end(body);
}

function refusal(status: number, code: string, message: string): AppError {
  return new AppError({ status, code, message });
}
