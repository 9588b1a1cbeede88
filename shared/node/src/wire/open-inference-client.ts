/**
 * Client of a model server that speaks the Open Inference Protocol V2. One call is one attempt, with
 * one limit on its time, from the name lookup to the last byte of the answer. Built on `node:http`
 * like the agent's other client: the global `fetch` costs 18 MB of resident memory more.
 */
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { AppError, assert } from "@fieldloop/shared/errors";
import {
  decodeInferenceResponse,
  encodeInferenceRequest,
  type InferenceEncoding,
  type InferenceResponse,
  idempotencyHeader,
  inferenceLimits,
  readIdempotencyKey,
} from "./open-inference.ts";
import { failureOfAnswer, failureOfError } from "./open-inference-failure.ts";
import { type EncodedInference, headLengthHeader } from "./open-inference-tensor.ts";

export interface OpenInferenceClientOptions {
  /** Where `/v2` stands, for example `https://cloud.example:8080`. Redirects are not followed. */
  readonly url: string;
  /** Sent with each call, such as an authorisation. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How the picture travels: `binary` (default), or `json`, a third larger, for other servers. */
  readonly encoding?: InferenceEncoding;
  /** Authorities to trust, and the client's own certificate, as PEM. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Connections kept at once; default 4. */
  readonly connectionsMax?: number;
  readonly requestBytesMax?: number;
  readonly responseBytesMax?: number;
}

export interface InferenceCall {
  readonly model: string;
  readonly version?: string;
  /** JPEG. */
  readonly image: Uint8Array;
  /** 1 to 128 visible ASCII characters; the same for every attempt at one question. */
  readonly idempotencyKey: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface InferenceResult {
  readonly response: InferenceResponse;
  /** Bytes on the socket, without those of TLS and TCP. */
  readonly sent: number;
  readonly received: number;
  readonly ms: number;
}

/** Of an answer that is no success no more than this is read. */
const errorBytesMax = 16 * 1024;

/** What a call has moved so far. */
interface Meter {
  sent: () => number;
  received: () => number;
}

export class OpenInferenceClient {
  readonly #options: OpenInferenceClientOptions;
  readonly #base: URL;
  readonly #agent: Agent;

  /** @throws AppError `inference-url` where the address is none */
  constructor(options: OpenInferenceClientOptions) {
    this.#options = options;
    this.#base = baseOf(options.url);
    const settings = { keepAlive: true, maxSockets: options.connectionsMax ?? 4 };
    this.#agent =
      this.#base.protocol === "https:"
        ? new HttpsAgent({ ...settings, ...options.tls })
        : new Agent(settings);
  }

  /**
   * Asks a model about a picture.
   * @throws AppError with a code of `inferenceFailures`; its detail holds `sent` and `received` in
   *   bytes, and `retryAfterMs` where an overloaded server named a time
   */
  async infer(call: InferenceCall): Promise<InferenceResult> {
    assert(readIdempotencyKey(call.idempotencyKey) === call.idempotencyKey, "a key is plain ASCII");
    const from = performance.now();
    const meter: Meter = { sent: () => 0, received: () => 0 };
    const controller = new AbortController();
    let over: "inference-timeout" | "inference-aborted" | undefined;
    const end = (why: NonNullable<typeof over>) => {
      over ??= why;
      controller.abort();
    };
    const onAbort = () => end("inference-aborted");
    const timer = setTimeout(end, Math.max(1, call.timeoutMs), "inference-timeout");
    call.signal?.addEventListener("abort", onAbort);
    if (call.signal?.aborted) onAbort();
    try {
      const response = await this.#exchange(call, controller.signal, meter);
      const [sent, received] = [meter.sent(), meter.received()];
      return { response, sent, received, ms: performance.now() - from };
    } catch (error) {
      const failure = over === undefined ? this.#failureOf(error) : ended(over, call, this.#base);
      throw withTraffic(failure, meter);
    } finally {
      clearTimeout(timer);
      call.signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Closes the connections kept. Calls under way fail. */
  close(): void {
    this.#agent.destroy();
  }

  async #exchange(
    call: InferenceCall,
    signal: AbortSignal,
    meter: Meter,
  ): Promise<InferenceResponse> {
    const encoded = encodeInferenceRequest(
      { id: null, image: call.image },
      this.#options.encoding ?? "binary",
    );
    const most = this.#options.requestBytesMax ?? inferenceLimits.requestBytesMax;
    if (encoded.body.length > most) throw oversized("request", most);
    const answer = await this.#send(call, encoded, signal, meter);
    const status = answer.statusCode ?? 0;
    const accepted = status >= 200 && status <= 299;
    const bytesMax = this.#options.responseBytesMax ?? inferenceLimits.responseBytesMax;
    const { body, whole } = await readBounded(answer, accepted ? bytesMax : errorBytesMax);
    if (!accepted) {
      const { headers } = answer;
      throw failureOfAnswer(this.#base.origin, { status, headers, body }, Date.now());
    }
    if (!whole) throw oversized("response", bytesMax);
    const headLength = answer.headers[headLengthHeader];
    return decodeInferenceResponse(body, typeof headLength === "string" ? headLength : undefined);
  }

  #send(
    call: InferenceCall,
    { headers, body }: EncodedInference,
    signal: AbortSignal,
    meter: Meter,
  ): Promise<IncomingMessage> {
    const secure = this.#base.protocol === "https:";
    const send = secure ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request = send(
        inferUrl(this.#base, call),
        {
          method: "POST",
          agent: this.#agent,
          signal,
          headers: {
            ...this.#options.headers,
            ...headers,
            [idempotencyHeader]: call.idempotencyKey,
            "content-length": body.length,
          },
        },
        resolve,
      );
      request.on("socket", (socket) => measure(socket, secure, meter));
      request.on("error", reject);
      request.end(body);
    });
  }

  #failureOf(error: unknown): AppError {
    return error instanceof AppError ? error : failureOfError(this.#base.origin, error);
  }
}

/** Counts from here on: a kept socket has carried other calls before. */
function measure(socket: Socket, secure: boolean, meter: Meter): void {
  const [sentBefore, receivedBefore] = socket.connecting
    ? [0, 0]
    : [socket.bytesWritten, socket.bytesRead];
  // What waits for a connection counts as written, but it has not left the device.
  let connected = !socket.connecting;
  if (!connected)
    socket.once(secure ? "secureConnect" : "connect", () => {
      connected = true;
    });
  meter.sent = () => (connected ? socket.bytesWritten - sentBefore : 0);
  meter.received = () => (connected ? socket.bytesRead - receivedBefore : 0);
}

/** A body up to a limit, `whole` being false where there was more. */
async function readBounded(
  answer: IncomingMessage,
  bytesMax: number,
): Promise<{ readonly body: Buffer; readonly whole: boolean }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const chunksIn: AsyncIterable<Buffer> = answer; // buffers, since no encoding is set
  for await (const chunk of chunksIn) {
    bytes += chunk.length;
    if (bytes > bytesMax) return { body: Buffer.concat(chunks), whole: false }; // ends the answer
    chunks.push(chunk);
  }
  return { body: Buffer.concat(chunks), whole: true };
}

function inferUrl(base: URL, { model, version }: InferenceCall): URL {
  const url = new URL(base);
  const part = version === undefined ? "" : `/versions/${encodeURIComponent(version)}`;
  url.pathname = `${base.pathname.replace(/\/+$/, "")}/v2/models/${encodeURIComponent(model)}${part}/infer`;
  return url;
}

function baseOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw new AppError({
    code: "inference-url",
    message: `"${text}" is no address of a model server; use one such as https://cloud.example:8080`,
  });
}

function ended(
  why: "inference-timeout" | "inference-aborted",
  { timeoutMs }: InferenceCall,
  { origin }: URL,
): AppError {
  return why === "inference-timeout"
    ? new AppError({
        code: why,
        message: `the model server at ${origin} gave no whole answer within ${timeoutMs} ms`,
        status: 504,
        retryable: true,
      })
    : new AppError({
        code: why,
        message: `the call to the model server at ${origin} was given up`,
        status: 499,
        retryable: true,
      });
}

function oversized(what: "request" | "response", bytesMax: number): AppError {
  return new AppError({
    code: "inference-oversized",
    message: `the ${what} has more than the ${bytesMax} bytes that are allowed`,
    status: what === "request" ? 413 : 502,
  });
}

function withTraffic(failure: AppError, meter: Meter): AppError {
  const { code, message, status, retryable, cause, detail } = failure;
  const traffic = { sent: meter.sent(), received: meter.received() };
  return new AppError({
    code,
    message,
    status,
    retryable,
    detail: { ...detail, ...traffic },
    ...(cause !== undefined && { cause }),
  });
}
