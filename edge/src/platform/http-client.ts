/**
 * Small HTTP client for the cloud's device API. Built on `node:http`, because the global `fetch`
 * costs 18 MB of resident memory more, which on a board with 1 GB is a model's worth.
 */
import type { IncomingMessage, RequestOptions } from "node:http";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { AppError, messageOf } from "@fieldloop/shared/errors";

/** One request. `timeoutMs` is how long the line may be silent, not how long the whole takes. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Who is asked, for errors; default: the cloud. */
  readonly peer?: string;
}

/** An answer whose body has not been read yet. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: AsyncIterable<Uint8Array>;
  /** Gives the connection up without reading the rest. */
  discard(): void;
}

/** @throws AppError `cloud-unreachable` (retryable) where no answer comes */
export function sendRequest(options: HttpRequest): Promise<HttpAnswer> {
  const url = new URL(options.url);
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const settings: RequestOptions = {
    method: options.method,
    headers: { ...options.headers, ...lengthOf(options.body) },
    timeout: options.timeoutMs,
    ...(options.signal && { signal: options.signal }),
  };
  return new Promise((resolve, reject) => {
    const request = send(url, settings, (response) => {
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: response,
        discard: () => response.destroy(),
      });
    });
    request.on("timeout", () =>
      request.destroy(new Error(`no answer within ${options.timeoutMs / 1000} s`)),
    );
    request.on("error", (cause) => reject(unreachable(url, cause, options.peer)));
    request.end(options.body);
  });
}

/**
 * Sends a request and reads its JSON answer.
 * @throws AppError of the cloud's problem+json, `cloud-unreachable`, or `cloud-answer` for anything
 *   that is no JSON or larger than `bodyBytesMax`
 */
export async function requestJson(options: HttpRequest, bodyBytesMax: number): Promise<unknown> {
  const answer = await sendRequest(options);
  const text = (await readBody(answer, bodyBytesMax)).toString("utf8");
  if (answer.status < 200 || answer.status > 299) throw problemOf(options, answer.status, text);
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError({
      code: "cloud-answer",
      message: `${options.method} ${options.url} answered ${answer.status} with no JSON: is this a fieldloop cloud?`,
      retryable: true,
      cause,
    });
  }
}

/** Reads a body into memory, up to a limit. */
export async function readBody(answer: HttpAnswer, bodyBytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer.body) {
      bytes += chunk.length;
      if (bytes > bodyBytesMax) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw new AppError({
      code: "cloud-unreachable",
      message: `the cloud's answer broke off after ${bytes} bytes: ${messageOf(cause)}`,
      retryable: true,
      cause,
    });
  }
  if (bytes <= bodyBytesMax) return Buffer.concat(chunks);
  answer.discard();
  throw new AppError({
    code: "cloud-answer",
    message: `the cloud's answer is larger than ${bodyBytesMax} bytes`,
  });
}

/** The cloud's refusal as an error: the sentence of its problem+json where there is one. */
export function problemOf(options: HttpRequest, status: number, body: string): AppError {
  const problem = parseProblem(body);
  return new AppError({
    code: problem.code ?? "cloud-refused",
    message: problem.detail ?? `${options.method} ${options.url} was refused with status ${status}`,
    status,
    retryable: status >= 500 || status === 429,
  });
}

function parseProblem(body: string): { readonly code?: string; readonly detail?: string } {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== "object" || parsed === null) return {};
    const code = "code" in parsed && typeof parsed.code === "string" ? parsed.code : undefined;
    const text = "detail" in parsed ? parsed.detail : "title" in parsed ? parsed.title : undefined;
    return {
      ...(code !== undefined && { code }),
      ...(typeof text === "string" && { detail: text.slice(0, 1000) }),
    };
  } catch {
    return {}; // no JSON: the status alone must do
  }
}

function lengthOf(body: string | Uint8Array | undefined): Record<string, number> {
  return body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
}

function unreachable(url: URL, cause: unknown, peer = "the cloud"): AppError {
  return new AppError({
    code: "cloud-unreachable",
    message: `cannot reach ${peer} at ${url.origin}: ${messageOf(cause) || "connection refused"}`,
    status: 503,
    retryable: true,
    cause,
  });
}
