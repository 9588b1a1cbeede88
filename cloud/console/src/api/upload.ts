import { pathOf } from "@fieldloop/shared/contract/client";
import { problem } from "@fieldloop/shared/contract/endpoint";
import { blobBytesMax, models } from "@fieldloop/shared/contract/models";
import { AppError } from "@fieldloop/shared/errors";
import { formatBytes } from "../text/format.ts";
import { tm } from "../text/t-models.ts";
import { client, statusOf } from "./client.ts";

/** Lower-case hexadecimal SHA-256 of a file's bytes. */
export async function sha256Of(file: Blob): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether the server already stores these bytes. */
export async function isStored(digest: string): Promise<boolean> {
  try {
    await client.call(models.hasBlob, { params: { digest } });
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

/**
 * Uploads bytes under their digest. XMLHttpRequest, since `fetch` does not tell how far it is.
 * @param onProgress bytes sent so far
 */
export function uploadBlob(
  file: Blob,
  digest: string,
  onProgress: (bytesDone: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", pathOf(models.uploadBlob, { params: { digest } }));
    request.setRequestHeader("content-type", "application/octet-stream");
    request.setRequestHeader("idempotency-key", crypto.randomUUID());
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onerror = () => reject(broken());
    request.onload = () =>
      request.status < 300 ? resolve() : reject(refused(request.status, request.responseText));
    request.send(file);
  });
}

/** @throws AppError where a file is larger than the server takes */
export function checkSize(file: File): void {
  if (file.size <= blobBytesMax) return;
  const params = { name: file.name, size: formatBytes(file.size), max: formatBytes(blobBytesMax) };
  throw new AppError({ code: "too-big", message: tm("push.tooBig", params) });
}

function broken(): AppError {
  return new AppError({
    code: "unreachable",
    message: "the upload broke off: the server cannot be reached; try again",
    status: 503,
    retryable: true,
  });
}

function refused(status: number, text: string): AppError {
  const parsed = problem.safeParse(readJson(text));
  if (!parsed.success)
    return new AppError({ code: "http", message: `the server answered ${status}`, status });
  const { code, detail, requestId } = parsed.data;
  return new AppError({ code, message: detail, status, detail: { requestId } });
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a proxy's page instead of a problem: the status alone is told
  }
}
