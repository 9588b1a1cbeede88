import { Readable } from "node:stream";
import { AppError } from "@fieldloop/shared/errors";

/**
 * Reads a request's stream into memory; a body that is no stream is empty.
 * @param what names the body in the error: "a preview"
 * @throws AppError `too-large` (413) above `bytesMax`
 */
export async function readBounded(body: unknown, bytesMax: number, what: string): Promise<Buffer> {
  if (!(body instanceof Readable)) return Buffer.alloc(0);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    // a request's stream yields buffers
    bytes += chunk.byteLength;
    if (bytes > bytesMax)
      throw new AppError({
        code: "too-large",
        status: 413,
        message: `${what} has at most ${bytesMax} bytes; send a smaller one`,
      });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
