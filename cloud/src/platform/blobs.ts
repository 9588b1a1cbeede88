import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { AppError } from "@fieldloop/shared/errors";

/** Bytes stored under their own SHA-256. */
export interface BlobStore {
  /**
   * Stores a stream. Throws `AppError` when the digest differs, or more than `bytesMax` arrive;
   * nothing is kept then.
   */
  put(digest: string, body: Readable, bytesMax: number): Promise<{ bytes: number }>;
  /** Stores bytes under the digest it computes. */
  putBytes(bytes: Uint8Array): Promise<{ digest: string; bytes: number }>;
  /** Size in bytes, or `undefined` where the blob is not stored. */
  size(digest: string): Promise<number | undefined>;
  /** Part of a blob; `end` is inclusive as in `Range`. */
  read(digest: string, range?: { readonly start: number; readonly end: number }): Readable;
  /** Path of a stored blob for programs that need a file. */
  path(digest: string): string;
}

/** Blobs as files below `folder`, in 256 sub-folders, each written aside and renamed. */
export function createFileBlobs(folder: string): BlobStore {
  const path = (digest: string) => join(folder, digest.slice(0, 2), digest);
  const size = async (digest: string) => {
    try {
      return (await stat(path(digest))).size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined; // node: errors carry a code
      throw error;
    }
  };
  const put: BlobStore["put"] = async (digest, body, bytesMax) => {
    await mkdir(join(folder, digest.slice(0, 2)), { recursive: true });
    const part = join(folder, `${digest}.${randomUUID()}.part`);
    try {
      const written = await writeHashed(part, body, bytesMax);
      if (written.digest !== digest) throw digestMismatch(digest, written.digest);
      await rename(part, path(digest));
      return { bytes: written.bytes };
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  };
  return {
    put,
    size,
    path,
    putBytes: async (bytes) => {
      const digest = createHash("sha256").update(bytes).digest("hex");
      if ((await size(digest)) === undefined) {
        const { Readable } = await import("node:stream");
        await put(digest, Readable.from([bytes]), bytes.byteLength);
      }
      return { digest, bytes: bytes.byteLength };
    },
    read: (digest, range) => createReadStream(path(digest), range),
  };
}

async function writeHashed(path: string, body: Readable, bytesMax: number) {
  const hash = createHash("sha256");
  const file = await open(path, "wx");
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > bytesMax) throw tooLarge(bytesMax);
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync(); // a blob that is acknowledged must survive a power cut
  } finally {
    await file.close();
  }
  return { bytes, digest: hash.digest("hex") };
}

function tooLarge(bytesMax: number): AppError {
  return new AppError({
    code: "too-large",
    status: 413,
    message: `the upload is larger than ${bytesMax} bytes, the most that is allowed`,
  });
}

function digestMismatch(expected: string, actual: string): AppError {
  return new AppError({
    code: "digest-mismatch",
    status: 422,
    message: `the bytes have SHA-256 ${actual}, not ${expected} as the address says; upload them again`,
  });
}
