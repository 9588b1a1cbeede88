/** Fetches one blob, piece by piece where it must be, and lets it in only with the right digest. */
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { BlobRef } from "@fieldloop/shared/messages/control";
import type { Files } from "../../platform/files.ts";
import { type HttpRequest, problemOf, readBody, sendRequest } from "../../platform/http-client.ts";

export interface DownloadOptions {
  readonly files: Files;
  readonly url: string;
  readonly credential: string;
  readonly blob: BlobRef;
  /** Final path; the unfinished download lies beside it as `.part`. */
  readonly path: string;
  readonly signal: AbortSignal;
  /** How long the line may be silent. */
  readonly timeoutMs: number;
  readonly onBytes: (bytesDone: number) => void;
}

export type Downloaded =
  | { readonly kind: "done" }
  /** All bytes came, and they are not the ones named. Nothing of them is kept. */
  | { readonly kind: "corrupt"; readonly reason: string };

/**
 * Downloads, continuing where an earlier try has stopped.
 * @throws AppError, `retryable` where a later try may go on from here
 */
export async function downloadBlob(options: DownloadOptions): Promise<Downloaded> {
  const { files, blob, path } = options;
  const part = `${path}.part`;
  let have = (await files.size(part)) ?? 0;
  if (have > blob.bytes) {
    await files.remove(part);
    have = 0;
  }
  if (have < blob.bytes) await fetchRest(options, part, have);
  const digest = await files.sha256(part);
  if (digest === blob.digest) {
    await files.rename(part, path);
    return { kind: "done" };
  }
  await files.remove(part);
  const name = blob.digest.slice(0, 12);
  return {
    kind: "corrupt",
    reason: `the download of ${name} (${blob.bytes} bytes) arrived damaged: its SHA-256 is ${digest.slice(0, 12)}…`,
  };
}

async function fetchRest(options: DownloadOptions, part: string, have: number): Promise<void> {
  const request: HttpRequest = {
    method: "GET",
    url: options.url,
    headers: {
      authorization: `Bearer ${options.credential}`,
      ...(have > 0 && { range: `bytes=${have}-` }),
    },
    timeoutMs: options.timeoutMs,
    signal: options.signal,
  };
  const answer = await sendRequest(request);
  if (answer.status === 416) {
    answer.discard();
    await options.files.remove(part);
    throw brokeOff(options, 0, "the cloud holds fewer bytes");
  }
  if (answer.status !== 200 && answer.status !== 206)
    throw problemOf(request, answer.status, (await readBody(answer, 64 * 1024)).toString("utf8"));
  // A server that does not know ranges sends everything again.
  const goesOn =
    answer.status === 206 && answer.headers["content-range"]?.startsWith(`bytes ${have}-`) === true;
  let done = goesOn ? have : 0;
  const sink = await options.files.append(part, !goesOn);
  try {
    for await (const chunk of answer.body) {
      done += chunk.length;
      if (done > options.blob.bytes) throw new Error("more bytes came than were named");
      await sink.write(chunk);
      options.onBytes(done);
    }
  } catch (cause) {
    throw brokeOff(options, done, messageOf(cause), cause);
  } finally {
    answer.discard();
    await sink.close();
  }
  if (done < options.blob.bytes) throw brokeOff(options, done, "the connection ended");
}

function brokeOff(
  { blob }: DownloadOptions,
  done: number,
  reason: string,
  cause?: unknown,
): AppError {
  if (cause instanceof AppError) return cause; // the disk's own sentence
  return new AppError({
    code: "download-interrupted",
    message: `the download of ${blob.digest.slice(0, 12)} broke off after ${done} of ${blob.bytes} bytes: ${reason}`,
    retryable: true,
    cause,
  });
}
