import { createPrivateKey } from "node:crypto";
import { getEventListeners, once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer as createTcpServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import {
  decodeInferenceRequest,
  encodeInferenceResponse,
  type InferenceRequest,
  idempotencyHeader,
} from "./open-inference.ts";
import {
  type InferenceCall,
  OpenInferenceClient,
  type OpenInferenceClientOptions,
} from "./open-inference-client.ts";
import { failureOfError, retryAfterOf } from "./open-inference-failure.ts";
import { headLengthHeader } from "./open-inference-tensor.ts";

/**
 * A key and two certificates for localhost that were made for this test and are used nowhere else:
 * one expired on 1 February 2020, the other lasts until 2099.
 */
const key = createPrivateKey({
  format: "jwk",
  key: {
    kty: "EC",
    crv: "P-256",
    x: "iI4FwAOxX9zuVNHVxeLlRpgLazDQ_-A2ZAWTRON9NyA",
    y: "Uh_EyKkYQyQZ_g5XqqTm8W61LL7jodM7khr7tn2_sVQ",
    d: "VNdnBHbodJ6kuA7FrWKO7H66jhDJaZ-eKRt6X966pNM",
  },
}).export({ format: "pem", type: "pkcs8" });
const pem = (der: string) =>
  `-----BEGIN CERTIFICATE-----\n${der.match(/.{1,64}/g)?.join("\n")}\n-----END CERTIFICATE-----\n`;
const expired = pem(
  "MIIBYjCCAQigAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwHhcNMjAwMTAxMDAwMDAwWhcN" +
    "MjAwMjAxMDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASIjgXAA7Ff" +
    "3O5U0dXF4uVGmAtrMND/4DZkBZNE4303IFIfxMipGEMkGf4OV6qk5vFutSy+46HTO5Ia+7Z9v7FUo0swSTAaBgNVHREE" +
    "EzARgglsb2NhbGhvc3SHBH8AAAEwDAYDVR0TBAUwAwEB/zAdBgNVHQ4EFgQUOp4thE9OkzYMuNf5ZVjV5Aw6g5owCgYI" +
    "KoZIzj0EAwIDSAAwRQIgDdx3IeAYDhFMVTlj5rEnh7L/D5aU4fcGQ+JKTkQIIsACIQCsTizvKm3/XVZARDbfvk8t6/Ld" +
    "y1ZCkpjdOTeN6XSuIg==",
);
const valid = pem(
  "MIIBZDCCAQqgAwIBAgIBAjAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwIBcNMjAwMTAxMDAwMDAwWhgP" +
    "MjA5OTEyMzEwMDAwMDBaMBQxEjAQBgNVBAMMCWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIiOBcAD" +
    "sV/c7lTR1cXi5UaYC2sw0P/gNmQFk0TjfTcgUh/EyKkYQyQZ/g5XqqTm8W61LL7jodM7khr7tn2/sVSjSzBJMBoGA1Ud" +
    "EQQTMBGCCWxvY2FsaG9zdIcEfwAAATAMBgNVHRMEBTADAQH/MB0GA1UdDgQWBBQ6ni2ET06TNgy41/llWNXkDDqDmjAK" +
    "BggqhkjOPQQDAgNIADBFAiBcSJW2n7W1717i61dkpEk8nosiRpowQCrpPjzNCIdpxwIhAPTVJj5vPHwkWKBYjmwdhQ3+" +
    "U5FPhHpqK5xqW7wlBPNF",
);

type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

async function listen(server: Server, protocol = "http"): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanUps.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a port is expected");
  return `${protocol}://127.0.0.1:${address.port}`;
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A server that hands each request with its body to the handler. */
function serve(handler: Handler): Promise<string> {
  const server = createServer((request, response) => {
    readAll(request).then(
      (body) => handler(request, response, body),
      () => response.destroy(),
    );
  });
  return listen(server);
}

function clientOf(url: string, over: Partial<OpenInferenceClientOptions> = {}) {
  const client = new OpenInferenceClient({ url, ...over });
  cleanUps.push(() => client.close());
  return client;
}

const image = Buffer.from("a JPEG, for all the client knows");
const call = (over: Partial<InferenceCall> = {}): InferenceCall => ({
  model: "eggs",
  image,
  idempotencyKey: "dev-1:boot:17",
  timeoutMs: 5000,
  ...over,
});
const answer = {
  model: "eggs",
  version: "2.0.0",
  id: null,
  labels: ["egg", "crack"],
  scores: [0.875, 0.5],
  boxes: [
    [0, 0, 0.5, 0.5],
    [0.25, 0.25, 1, 1],
  ] as [number, number, number, number][],
};

const answering =
  (encoding: "json" | "binary", seen: unknown[] = []): Handler =>
  (request, response, body) => {
    const read: InferenceRequest = decodeInferenceRequest(
      body,
      request.headers[headLengthHeader]?.toString(),
    );
    seen.push([request.method, request.url, request.headers[idempotencyHeader], read.image.length]);
    const { headers, body: written } = encodeInferenceResponse(answer, encoding);
    response.writeHead(200, headers).end(written);
  };

/** What a call fails with. */
async function failureOf(url: string, over: Partial<InferenceCall> = {}, options = {}) {
  return clientOf(url, options)
    .infer(call(over))
    .then(
      () => expect.fail("the call should have failed"),
      (error) => ({ code: error.code, message: error.message, detail: error.detail }),
    );
}

describe("a server that answers", () => {
  test.each([
    ["binary", "json"],
    ["json", "json"],
    ["binary", "binary"],
    ["json", "binary"],
  ] as const)("is understood, asked in %s and answering in %s", async (encoding, back) => {
    const seen: unknown[] = [];
    const url = await serve(answering(back, seen));
    const result = await clientOf(url, { encoding }).infer(call());
    expect(result.response).toEqual(answer);
    expect(seen).toEqual([["POST", "/v2/models/eggs/infer", "dev-1:boot:17", image.length]]);
  });

  test("is asked for a version below a path of its own, with all names escaped", async () => {
    const seen: unknown[] = [];
    const url = await serve(answering("json", seen));
    await clientOf(`${url}/models/`).infer(call({ model: "a/b", version: "2 0" }));
    expect(seen).toEqual([
      ["POST", "/models/v2/models/a%2Fb/versions/2%200/infer", "dev-1:boot:17", image.length],
    ]);
  });

  test("gets the headers that were configured", async () => {
    let authorisation: string | undefined;
    const url = await serve((request, response, body) => {
      authorisation = request.headers.authorization;
      answering("json")(request, response, body);
    });
    await clientOf(url, { headers: { authorization: "Bearer t" } }).infer(call());
    expect(authorisation).toBe("Bearer t");
  });

  test("keeps its connection, and each call counts its own bytes", async () => {
    const sockets = new Set<unknown>();
    const url = await serve((request, response, body) => {
      sockets.add(request.socket);
      answering("json")(request, response, body);
    });
    const client = clientOf(url);
    const [first, second] = [await client.infer(call()), await client.infer(call())];
    expect(sockets.size).toBe(1);
    expect(first.sent).toBe(second.sent);
    expect(first.received).toBe(second.received);
    expect(first.sent).toBeGreaterThan(image.length);
    expect(first.sent - image.length).toBeLessThan(700); // what the head of a request weighs
  });

  test("costs a third more in JSON than in binary", async () => {
    const url = await serve(answering("json"));
    const large = call({ image: Buffer.alloc(60_000, 7) });
    const binary = await clientOf(url).infer(large);
    const json = await clientOf(url, { encoding: "json" }).infer(large);
    expect(binary.sent).toBeLessThan(60_700);
    expect(json.sent).toBeGreaterThan(80_000);
  });

  test("over TLS is trusted with its authority", async () => {
    const server = createHttpsServer({ key, cert: valid }, (request, response) => {
      readAll(request).then((body) => answering("json")(request, response, body));
    });
    const client = clientOf(await listen(server, "https"), { tls: { ca: valid } });
    const { response, sent } = await client.infer(call());
    expect(response.labels).toEqual(["egg", "crack"]);
    expect(sent).toBeGreaterThan(image.length);
  });
});

describe("a server that fails is classified", () => {
  test("one that hangs", async () => {
    const url = await serve(() => {});
    const failure = await failureOf(url, { timeoutMs: 100 });
    expect(failure).toMatchObject({ code: "inference-timeout", detail: { received: 0 } });
    expect(failure.detail.sent).toBeGreaterThan(image.length);
    expect(failure.message).toBe(`the model server at ${url} gave no whole answer within 100 ms`);
  });

  test("one that drips its answer byte by byte", async () => {
    const url = await serve((_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(" "), 10);
      response.on("close", () => clearInterval(timer));
    });
    expect((await failureOf(url, { timeoutMs: 150 })).code).toBe("inference-timeout");
  });

  test("one that takes the connection and says nothing", async () => {
    const server = createTcpServer(() => {});
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanUps.push(() => server.close());
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const failure = await failureOf(`https://127.0.0.1:${port}`, { timeoutMs: 100 });
    expect(failure).toMatchObject({ code: "inference-timeout", detail: { sent: 0 } });
  });

  test("one that closes half-way through its answer", async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write("{", () => response.destroy());
    });
    expect((await failureOf(url)).code).toBe("inference-broken");
  });

  test("one that closes without an answer", async () => {
    const url = await serve((_, response) => response.destroy());
    expect((await failureOf(url)).code).toBe("inference-broken");
  });

  test.each([
    [503, { "retry-after": "7" }, "inference-overloaded", 7000],
    [429, { "retry-after": "99999999" }, "inference-overloaded", 3_600_000],
    [503, {}, "inference-overloaded", undefined],
    [500, { "retry-after": "7" }, "inference-failed", undefined],
    [404, {}, "inference-rejected", undefined],
  ])("one that answers %i with %o", async (status, headers, code, retryAfterMs) => {
    const url = await serve((_, response) =>
      response.writeHead(status, headers).end(JSON.stringify({ error: "the pool is cold" })),
    );
    const failure = await failureOf(url);
    expect(failure.code).toBe(code);
    expect(failure.detail.httpStatus).toBe(status);
    expect(failure.detail.retryAfterMs).toBe(retryAfterMs);
    expect(failure.message).toBe(`the model server at ${url} answered ${status}: the pool is cold`);
  });

  test("one that redirects, which is not followed", async () => {
    const asked: unknown[] = [];
    const url = await serve((request, response) => {
      asked.push(request.url);
      response.writeHead(307, { location: "/elsewhere" }).end();
    });
    const failure = await failureOf(url);
    expect(failure.code).toBe("inference-rejected");
    expect(failure.message).toContain("it redirects to /elsewhere; configure the final address");
    expect(asked).toHaveLength(1);
  });

  test("one that sends garbage instead of JSON", async () => {
    const url = await serve((_, response) => response.end("<html>hello</html>"));
    expect((await failureOf(url)).code).toBe("inference-malformed");
  });

  test("one that does not speak HTTP", async () => {
    const server = createTcpServer((socket) => socket.end("220 mail ready\r\n\r\n"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanUps.push(() => server.close());
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    expect((await failureOf(`http://127.0.0.1:${port}`)).code).toBe("inference-malformed");
    expect((await failureOf(`https://127.0.0.1:${port}`)).code).toBe("inference-tls");
  });

  /** Sends 100 MB as fast as they are taken; tells how many bytes that were when all is over. */
  function flood(status: number) {
    let bytes = 0;
    let over: () => void = () => {};
    const closed = new Promise<void>((resolve) => {
      over = resolve;
    });
    const chunk = Buffer.alloc(64 * 1024, " ");
    const handler: Handler = (_, response) => {
      response.writeHead(status);
      const pour = () => {
        while (bytes < 100e6) {
          bytes += chunk.length;
          if (!response.write(chunk)) return;
        }
        response.end();
      };
      response.on("drain", pour).on("close", over);
      pour();
    };
    return { handler, closed, bytes: () => bytes };
  }

  test("one that sends 100 MB, of which little more than the limit is read", async () => {
    const { handler, closed, bytes } = flood(200);
    const failure = await failureOf(await serve(handler));
    expect(failure.code).toBe("inference-oversized");
    await closed;
    expect(failure.detail.received).toBeLessThan(4e6);
    expect(bytes()).toBeLessThan(50e6); // the rest never left the server
  });

  test("one that sends 100 MB with a 503, which stays a 503", async () => {
    const { handler, closed, bytes } = flood(503);
    expect((await failureOf(await serve(handler))).code).toBe("inference-overloaded");
    await closed;
    expect(bytes()).toBeLessThan(50e6);
  });

  test("one that is not there", async () => {
    const server = createServer();
    const url = await listen(server);
    server.close();
    await once(server, "close");
    const failure = await failureOf(url);
    expect(failure).toMatchObject({
      code: "inference-refused",
      detail: { sent: 0, received: 0 },
    });
  });

  test("one whose certificate has expired", async () => {
    const server = createHttpsServer({ key, cert: expired }, (_, response) => response.end());
    const url = await listen(server, "https");
    const failure = await failureOf(url, {}, { tls: { ca: expired } });
    expect(failure).toMatchObject({ code: "inference-tls", detail: { sent: 0 } });
    expect(failure.message).toContain("certificate has expired");
  });

  test("one whose certificate nobody vouches for", async () => {
    const server = createHttpsServer({ key, cert: valid }, (_, response) => response.end());
    expect((await failureOf(await listen(server, "https"))).code).toBe("inference-tls");
  });

  test.each([
    ["ENOTFOUND", "inference-dns"],
    ["EAI_AGAIN", "inference-dns"],
    ["ETIMEDOUT", "inference-timeout"],
    ["EHOSTUNREACH", "inference-refused"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "inference-tls"],
    ["EPIPE", "inference-broken"],
    ["toString", "inference-broken"],
  ])("by the system's code %s", (code, expected) => {
    const cause = Object.assign(new Error("no"), { code });
    expect(failureOfError("https://cloud", cause).code).toBe(expected);
  });

  test("a name that cannot exist", async () => {
    // A part of a name has at most 63 letters, so this needs no name server to fail.
    const failure = await failureOf(`http://${"x".repeat(64)}.example`);
    expect(failure).toMatchObject({ code: "inference-dns", detail: { sent: 0, received: 0 } });
  });
});

describe("the caller's side", () => {
  test("ends a call at once, before it starts and while it runs", async () => {
    const url = await serve(() => {});
    expect(await failureOf(url, { signal: AbortSignal.abort() })).toMatchObject({
      code: "inference-aborted",
      detail: { sent: 0 },
    });
    const controller = new AbortController();
    const failing = failureOf(url, { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    expect((await failing).code).toBe("inference-aborted");
  });

  test("leaves no listener on a signal that outlives the call", async () => {
    const url = await serve(answering("json"));
    const { signal } = new AbortController();
    await clientOf(url).infer(call({ signal }));
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("leaves no timer behind", async () => {
    const url = await serve(answering("json"));
    const client = clientOf(url);
    const timers = () => process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;
    await client.infer(call());
    const before = timers();
    for (let i = 0; i < 20; i++) await client.infer(call({ timeoutMs: 60_000 }));
    expect(timers() - before).toBeLessThan(10);
  });

  test("sends nothing that is too large", async () => {
    const url = await serve(() => expect.fail("nothing should arrive"));
    const failure = await failureOf(url, {}, { requestBytesMax: 100 });
    expect(failure).toMatchObject({ code: "inference-oversized", detail: { sent: 0 } });
  });

  test("refuses an address that is none", () => {
    for (const url of ["cloud", "ftp://cloud", ""])
      expect(() => new OpenInferenceClient({ url })).toThrow(
        expect.objectContaining({ code: "inference-url" }),
      );
  });
});

test("Retry-After as a date is counted from the server's own clock", () => {
  const [date, later] = ["Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:30 GMT"];
  expect(retryAfterOf(later, date, 0)).toBe(30_000);
  expect(retryAfterOf(later, undefined, Date.parse(date))).toBe(30_000);
  expect(retryAfterOf(date, later, 0)).toBe(0);
  for (const none of [undefined, "soon", "-5"]) expect(retryAfterOf(none, date, 0)).toBeUndefined();
});
