import type { Readable } from "node:stream";
import { blobBytesMax } from "@fieldloop/shared/contract/models";
import { AppError } from "@fieldloop/shared/errors";
import type { Platform } from "../../platform/context.ts";
import { noteBlobs } from "./store.ts";

export interface Upload {
  readonly digest: string;
  readonly body: Readable;
  /** What the client announced, where it did. */
  readonly announcedBytes: number | undefined;
  readonly by: string;
}

/** Streams bytes into the blob store. Bytes that are there already are checked and stay as they are. */
export async function uploadBlob(
  platform: Platform,
  upload: Upload,
  bytesMax = blobBytesMax,
): Promise<{ digest: string; bytes: number }> {
  const { digest, body, announcedBytes } = upload;
  if (announcedBytes !== undefined && announcedBytes > bytesMax)
    throw new AppError({
      code: "too-large",
      status: 413,
      message: `the upload has ${announcedBytes} bytes and at most ${bytesMax} are allowed`,
    });
  const { bytes } = await platform.blobs.put(digest, body, bytesMax).catch((error: unknown) => {
    throw uploadFailure(error) ?? error;
  });
  await noteBlobs(platform.db, [{ digest, bytes }], upload.by, platform.now());
  return { digest, bytes };
}

function uploadFailure(error: unknown): AppError | undefined {
  const { code } = error as NodeJS.ErrnoException; // node: errors carry a code
  if (code === "ENOSPC")
    return new AppError({
      code: "disk-full",
      status: 503,
      message: "the server's disk is full and nothing was stored; make room and upload again",
      cause: error,
    });
  if (code === "ECONNRESET" || code === "ERR_STREAM_PREMATURE_CLOSE")
    return new AppError({
      code: "upload-broken",
      status: 400,
      retryable: true,
      message: "the upload broke off before its last byte and nothing was stored; upload it again",
      cause: error,
    });
  return undefined;
}
