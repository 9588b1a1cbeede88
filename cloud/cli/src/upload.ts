import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { problem } from "@fieldloop/shared/contract/endpoint";
import { blobBytesMax, models } from "@fieldloop/shared/contract/models";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { type Connection, pathWith } from "./connect.ts";
import type { Io } from "./io.ts";
import { startProgress } from "./progress.ts";
import { bytesText } from "./text.ts";

/** An upload that moves nothing for this long has failed. */
const stallMsMax = 60_000;

/** A file on this machine and what it is called on the server. */
export interface LocalFile {
  readonly path: string;
  readonly bytes: number;
  /** Lower-case hexadecimal SHA-256. */
  readonly digest: string;
}

/**
 * Measures and digests a file, without reading it into memory.
 * @param what what the file is, for the sentence where it cannot be used
 */
export async function describeFile(path: string, what: string): Promise<LocalFile> {
  const refuse = (reason: string, cause?: unknown) =>
    new AppError({ code: "bad-file", message: `the ${what} ${path} ${reason}`, cause });
  const facts = await stat(path).catch((error: unknown) => {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw refuse(missing ? "does not exist" : `cannot be read: ${messageOf(error)}`, error);
  });
  if (!facts.isFile()) throw refuse("is not a file");
  if (facts.size === 0) throw refuse("is empty");
  if (facts.size > blobBytesMax)
    throw refuse(`has ${bytesText(facts.size)}; at most ${bytesText(blobBytesMax)} are allowed`);
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { path, bytes, digest: hash.digest("hex") };
}

/** Uploads a file unless the server has its bytes. Returns whether anything was sent. */
export async function uploadFile(
  connection: Connection,
  file: LocalFile,
  io: Io,
  quiet: boolean,
): Promise<boolean> {
  if (await serverHas(connection, file.digest)) return false;
  const progress = startProgress(io, basename(file.path), file.bytes, quiet);
  try {
    await send(connection, file, (bytes) => progress.add(bytes));
  } finally {
    progress.end();
  }
  return true;
}

async function serverHas({ client }: Connection, digest: string): Promise<boolean> {
  try {
    await client.call(models.hasBlob, { params: { digest } });
    return true;
  } catch (error) {
    if (error instanceof AppError && error.status === 404) return false;
    throw error;
  }
}

async function send(connection: Connection, file: LocalFile, moved: (bytes: number) => void) {
  const stalled = new AbortController();
  const timer = setTimeout(
    () => stalled.abort(new Error("nothing moved for a minute")),
    stallMsMax,
  );
  const body = async function* () {
    for await (const chunk of createReadStream(file.path)) {
      timer.refresh();
      moved(chunk.length);
      yield chunk;
    }
  };
  try {
    const path = pathWith(models.uploadBlob, { digest: file.digest });
    const request = {
      method: models.uploadBlob.method,
      headers: {
        accept: "application/json",
        "content-type": "application/octet-stream",
        "content-length": String(file.bytes),
        "idempotency-key": crypto.randomUUID(),
      },
      body: Readable.toWeb(Readable.from(body())) as unknown as ReadableStream, // Node's stream is the same thing; its types are declared apart
      duplex: "half" as const,
      signal: stalled.signal,
    };
    const response = await connection.fetch(`${connection.url}${path}`, request);
    if (!response.ok) throw await refused(response, file);
    await response.body?.cancel();
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
    throw new AppError({
      code: "unreachable",
      message: `the upload of ${file.path} to ${connection.url} broke off: ${messageOf(inner)}`,
      status: 503,
      retryable: true,
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}

async function refused(response: Response, file: LocalFile): Promise<AppError> {
  const parsed = problem.safeParse(await response.json().catch(() => undefined));
  return new AppError({
    code: parsed.success ? parsed.data.code : "http",
    message: parsed.success
      ? parsed.data.detail
      : `the server refused ${file.path} with ${response.status} ${response.statusText}`,
    status: response.status,
    ...(parsed.success ? { detail: { requestId: parsed.data.requestId } } : {}),
  });
}
