import { type Client, createClient } from "@fieldloop/shared/contract/client";
import type { Endpoint } from "@fieldloop/shared/contract/endpoint";
import type { Login } from "./login-file.ts";

/** A server together with the credential that opens it. */
export interface Connection {
  readonly url: string;
  readonly client: Client;
  /** A client that waits longer, for calls after which the server has much to do. */
  readonly patient: Client;
  /** `fetch` with the credential, for bodies that are not JSON. */
  readonly fetch: typeof globalThis.fetch;
}

const patientMs = 300_000;

/** Opens a connection; nothing is sent before the first call. */
export function connect(login: Login): Connection {
  const fetch = authorised(login);
  const options = { baseUrl: login.url, fetch };
  return {
    url: login.url,
    client: createClient(options),
    patient: createClient({ ...options, timeoutMs: patientMs }),
    fetch,
  };
}

function authorised(login: Login): typeof globalThis.fetch {
  return (input, init) => {
    const headers = new Headers(init?.headers);
    if (login.token !== undefined) headers.set("authorization", `Bearer ${login.token}`);
    else if (login.cookie !== undefined) {
      headers.set("cookie", login.cookie);
      headers.set("origin", login.url); // a cookie is honoured only for the server's own origin
    }
    // A redirect could carry the credential to another host.
    return globalThis.fetch(input, { ...init, headers, redirect: "error" });
  };
}

/** Path of an endpoint with its parameters in place. */
export function pathWith(endpoint: Endpoint, params: Readonly<Record<string, string>>): string {
  return endpoint.path.replace(/:([A-Za-z]+)/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ""),
  );
}
