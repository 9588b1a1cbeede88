/** SHA-256 (FIPS 180-4) of what is in memory, in a stream or in a file, as 64 lower-case hex digits. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/** Digest of bytes, or of a text in UTF-8. */
export function sha256Of(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Digest and length of a stream, which is read to its end and never held in memory whole. */
export async function sha256OfStream(
  stream: AsyncIterable<Uint8Array>,
): Promise<{ readonly digest: string; readonly bytes: number }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { digest: hash.digest("hex"), bytes };
}

/** Digest and length of a file. Throws what the file system throws. */
export function sha256OfFile(
  path: string,
): Promise<{ readonly digest: string; readonly bytes: number }> {
  return sha256OfStream(createReadStream(path));
}
